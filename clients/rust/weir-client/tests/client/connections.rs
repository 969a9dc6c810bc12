//! Is a server reached as its address says, over TLS and mTLS too?

use std::{fs, path::PathBuf, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};
use weir_client::{CallOptions, Client, Error, ErrorKind, Tls, TlsFiles};

use crate::scripted::{Scripted, answer};

/// A server that does not listen is unavailable, and the message says where and why.
#[tokio::test]
async fn nobody_there() -> Result<(), Error> {
    let reserved = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = reserved.local_addr().expect("an address").to_string();
    drop(reserved);

    let error = Client::new(&address)?.chat("Hi").await.expect_err("nobody");

    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains(&address), "{error}");
    assert!(error.message().contains("refused"), "{error}");
    Ok(())
}

/// A name that means nothing is unavailable too.
#[tokio::test]
async fn no_such_name() -> Result<(), Error> {
    let options = CallOptions::new().timeout(Duration::from_secs(5));
    let client = Client::new("http://no-such-name.invalid:1")?.with(&options)?;

    let error = client.chat("Hi").await.expect_err("nobody");

    assert!(
        matches!(
            error.kind(),
            ErrorKind::Unavailable | ErrorKind::DeadlineExceeded
        ),
        "{error}"
    );
    Ok(())
}

/// A server that comes back is found again by the same client.
#[tokio::test]
async fn a_server_that_comes_back() -> Result<(), Error> {
    let elsewhere = tokio::runtime::Runtime::new().expect("a runtime");
    let first = elsewhere.spawn(Scripted::new()).await.expect("a server");
    first.play([answer("a")]);
    let (client, address) = (first.client(), first.address.clone());
    client.chat("Hi").await?;
    elsewhere.shutdown_background(); // its connections end with it
    let mut second = None;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if std::net::TcpListener::bind(&address).is_ok() {
            second = Some(Scripted::at(&address, None).await);
            break;
        }
    }
    let second = second.expect("the port became free");
    second.play([answer("b")]);

    client.chat("Hi").await?;

    assert_eq!(second.seen().len(), 1);
    Ok(())
}

/// Certificates in a folder of their own.
struct Certificates {
    folder: PathBuf,
    server: ServerTlsConfig,
}

impl Drop for Certificates {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).expect("the folder is ours");
    }
}

impl Certificates {
    fn new(name: &str, mutual: bool) -> Self {
        let folder = std::env::temp_dir().join(format!("weir-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let key = || KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new([]).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, key()).expect("an authority");
        let issue = |name: &str| {
            let key = key();
            let params = CertificateParams::new([name.to_owned()]).expect("a name");
            let certificate = params.signed_by(&key, &authority).expect("a certificate");
            (certificate.pem(), key.serialize_pem())
        };
        let (cert, key) = issue("localhost");
        let mut server = ServerTlsConfig::new().identity(Identity::from_pem(cert, key));
        if mutual {
            server = server.client_ca_root(Certificate::from_pem(authority.pem()));
        }
        let (cert, key) = issue("caller");
        for (file, text) in [("ca", authority.pem()), ("cert", cert), ("key", key)] {
            fs::write(folder.join(file), text).expect("a file");
        }
        Self { folder, server }
    }

    fn files(&self, with_cert: bool) -> TlsFiles {
        let file = |name| Some(self.folder.join(name));
        TlsFiles {
            ca: file("ca"),
            cert: if with_cert { file("cert") } else { None },
            key: if with_cert { file("key") } else { None },
            server_name: Some("localhost".into()),
        }
    }
}

async fn ask(server: &Scripted, tls: Tls) -> Result<(), Error> {
    let client = Client::builder(&server.address).tls(tls).build()?;
    client.chat("Hi").await.map(drop)
}

/// A server's certificate is checked against the authority and the name that were given.
#[tokio::test]
async fn tls() -> Result<(), Error> {
    let certificates = Certificates::new("tls", false);
    let server = Scripted::at("127.0.0.1:0", Some(certificates.server.clone())).await;
    server.play([answer("a")]);

    ask(&server, Tls::Files(certificates.files(false))).await?;

    let mut wrong = certificates.files(false);
    wrong.server_name = Some("weir.example".into());
    for tls in [Tls::Files(wrong), Tls::On, Tls::Off] {
        let error = ask(&server, tls).await.expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    Ok(())
}

/// A server that asks for the caller's certificate gets it.
#[tokio::test]
async fn mutual_tls() -> Result<(), Error> {
    let certificates = Certificates::new("mtls", true);
    let server = Scripted::at("127.0.0.1:0", Some(certificates.server.clone())).await;
    server.play([answer("a")]);

    ask(&server, Tls::Files(certificates.files(true))).await?;

    let error = ask(&server, Tls::Files(certificates.files(false)))
        .await
        .expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    Ok(())
}

/// Files that are not there, or no certificates, are told before any call.
#[test]
fn files() {
    let certificates = Certificates::new("files", false);
    let mut missing = certificates.files(false);
    missing.ca = Some(certificates.folder.join("none"));
    let mut garbled = certificates.files(true);
    garbled.cert = garbled.ca.clone();
    garbled.key = Some(certificates.folder.join("ca"));

    for files in [missing, garbled] {
        let built = Client::builder("localhost:1")
            .tls(Tls::Files(files))
            .build();
        assert_eq!(built.expect_err("a refusal").kind(), ErrorKind::Misuse);
    }
}
