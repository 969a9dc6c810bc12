//! How is a server reached? An address, TLS, and the settings of a connection.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use http::Uri;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::Error;

/// What the client calls itself.
pub(crate) const NAME: &str = concat!("weir-client-rust/", env!("CARGO_PKG_VERSION"));

/// Whether and how to use TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// What the address's scheme says; without a scheme, plain text to this machine (loopback,
    /// unix:) and TLS to any other.
    #[default]
    ByAddress,
    /// Plain text.
    Off,
    /// TLS that trusts the system's certificates.
    On,
    /// TLS with these files.
    Files(TlsFiles),
}

/// Files of TLS, PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates to trust in place of the system's. None: the system's.
    pub ca: Option<PathBuf>,
    /// This client's own certificate, for servers that ask for one (mTLS); with `key` or not at all.
    pub cert: Option<PathBuf>,
    /// The key of `cert`.
    pub key: Option<PathBuf>,
    /// The name that the server's certificate must carry. None: the address's host.
    pub server_name: Option<String>,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A name or an IP address, without brackets, and a port.
    Host { host: String, port: u16 },
    /// The path of a socket.
    Unix(String),
}

/// Where a server is and how to speak to it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub target: Target,
    tls: Option<ClientTlsConfig>,
}

impl Connection {
    /// Read an address: "host:port", "<https://host:port>", "<http://host:port>" or "unix:/path".
    pub fn new(address: &str, tls: &Tls) -> Result<Self, Error> {
        let (target, by_address) = target(address)?;
        let (scheme_says, default) = match by_address {
            Scheme::Says(tls) => (Some(tls), tls),
            Scheme::Silent => (None, !is_local(&target)),
        };
        let wanted = match tls {
            Tls::ByAddress => default,
            Tls::Off => false,
            Tls::On | Tls::Files(_) => true,
        };
        if scheme_says.is_some_and(|says| says != wanted) {
            return Err(Error::misuse(format!(
                "{address:?} contradicts {tls:?}; leave one of the two out."
            )));
        }
        if wanted && matches!(target, Target::Unix(_)) {
            return Err(Error::misuse(format!(
                "{address:?} takes no TLS; leave it off."
            )));
        }
        let files = match tls {
            Tls::Files(files) => files.clone(),
            _ => TlsFiles::default(),
        };
        let tls = wanted.then(|| files.config(&target)).transpose()?;
        let connection = Self { target, tls };
        // Certificates that make no sense are told here, not with the first call.
        connection.endpoint("127.0.0.1:1")?;
        Ok(connection)
    }

    /// How to connect to one of the target's addresses: "ip:port", or the path of a socket.
    pub fn endpoint(&self, address: &str) -> Result<Endpoint, Error> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let (uri, origin) = match &self.target {
            Target::Unix(path) => (format!("unix:{path}"), "http://localhost".into()),
            Target::Host { host, port } if host.contains(':') => (
                format!("{scheme}://{address}"),
                format!("{scheme}://[{host}]:{port}"),
            ),
            Target::Host { host, port } => (
                format!("{scheme}://{address}"),
                format!("{scheme}://{host}:{port}"),
            ),
        };
        let unusable = |why: String| Error::misuse(format!("{uri} cannot be used: {why}"));
        let origin: Uri = origin.parse().map_err(|e| unusable(format!("{e}")))?;
        let mut endpoint = Endpoint::from_shared(uri.clone())
            .and_then(|endpoint| endpoint.user_agent(NAME))
            .map_err(|e| unusable(chain(&e)))?
            .origin(origin)
            .connect_timeout(Duration::from_secs(10))
            // Pings only while a call is open: a dead peer is noticed, an idle one left alone.
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(false);
        if let Some(tls) = &self.tls {
            endpoint = endpoint
                .tls_config(tls.clone())
                .map_err(|e| unusable(chain(&e)))?;
        }
        Ok(endpoint)
    }
}

impl TlsFiles {
    fn config(&self, target: &Target) -> Result<ClientTlsConfig, Error> {
        let host = match (&self.server_name, target) {
            (Some(name), _) => name,
            (None, Target::Host { host, .. }) => host,
            (None, Target::Unix(path)) => path,
        };
        let mut config = ClientTlsConfig::new().domain_name(host);
        config = match &self.ca {
            Some(ca) => config.ca_certificate(Certificate::from_pem(read(ca)?)),
            None => config.with_native_roots(),
        };
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                Ok(config.identity(Identity::from_pem(read(cert)?, read(key)?)))
            }
            (None, None) => Ok(config),
            _ => Err(Error::misuse(
                "TlsFiles needs cert and key together, or neither.",
            )),
        }
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Error> {
    std::fs::read(path)
        .map_err(|why| Error::misuse(format!("{} cannot be read: {why}.", path.display())))
}

enum Scheme {
    Says(bool),
    Silent,
}

fn target(address: &str) -> Result<(Target, Scheme), Error> {
    if let Some(path) = address.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return Ok((Target::Unix(path.into()), Scheme::Silent));
    }
    let (scheme, rest) = match address.split_once("://") {
        None => (Scheme::Silent, address),
        Some(("https", rest)) => (Scheme::Says(true), rest),
        Some(("http", rest)) => (Scheme::Says(false), rest),
        Some(_) => {
            return Err(Error::misuse(format!(
                "{address:?} has an unknown scheme; use https://, http:// or unix:."
            )));
        }
    };
    let no_address = || {
        Error::misuse(format!(
            "{address:?} is no address; use host:port, such as weir.example:443."
        ))
    };
    let uri: Uri = format!("http://{rest}").parse().map_err(|_| no_address())?;
    let authority = uri.authority().ok_or_else(no_address)?;
    let host = authority.host().trim_matches(['[', ']']);
    let names_port = authority.as_str().len() > authority.host().len();
    let plain = matches!(uri.path(), "" | "/") && uri.query().is_none() && !rest.contains('@');
    if host.is_empty() || !plain {
        return Err(no_address());
    }
    let port = match (authority.port_u16(), &scheme) {
        (Some(port), _) => port,
        (None, _) if names_port => return Err(no_address()),
        (None, Scheme::Says(true)) => 443,
        (None, _) => {
            return Err(Error::misuse(format!(
                "{address:?} names no port; use host:port, such as {rest}:50051."
            )));
        }
    };
    let host = host.to_owned();
    Ok((Target::Host { host, port }, scheme))
}

fn is_local(target: &Target) -> bool {
    match target {
        Target::Unix(_) => true,
        Target::Host { host, .. } => {
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    }
}

/// An error with its causes, for people: tonic's own words stop at "transport error".
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if said.last() != Some(&text) {
            said.push(text);
        }
        cause = error.source();
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str, tls: Tls) -> (Target, bool) {
        let connection = Connection::new(address, &tls).expect(address);
        (connection.target, connection.tls.is_some())
    }

    fn host(host: &str, port: u16) -> Target {
        let host = host.into();
        Target::Host { host, port }
    }

    /// TLS is on unless the address is on this machine or says otherwise.
    #[test]
    fn addresses() {
        for (address, target, tls) in [
            ("localhost:50051", host("localhost", 50051), false),
            ("127.0.0.1:1", host("127.0.0.1", 1), false),
            ("[::1]:1", host("::1", 1), false),
            ("weir.example:443", host("weir.example", 443), true),
            ("192.0.2.1:443", host("192.0.2.1", 443), true),
            ("https://weir.example", host("weir.example", 443), true),
            ("https://localhost:8443", host("localhost", 8443), true),
            ("http://weir.example:80/", host("weir.example", 80), false),
            (
                "unix:/run/weir.sock",
                Target::Unix("/run/weir.sock".into()),
                false,
            ),
        ] {
            assert_eq!(read(address, Tls::ByAddress), (target, tls), "{address}");
        }
        assert!(read("localhost:1", Tls::On).1);
        assert!(!read("weir.example:1", Tls::Off).1);
    }

    /// What is no address is told before any call, with the way out.
    #[test]
    fn no_addresses() {
        let files = |cert: Option<&str>| {
            Tls::Files(TlsFiles {
                cert: cert.map(PathBuf::from),
                ..TlsFiles::default()
            })
        };
        for (address, tls, says) in [
            ("weir.example", Tls::ByAddress, "names no port"),
            ("ftp://weir.example:1", Tls::ByAddress, "unknown scheme"),
            ("user@weir.example:1", Tls::ByAddress, "is no address"),
            ("weir.example:1/path", Tls::ByAddress, "is no address"),
            (":1", Tls::ByAddress, "is no address"),
            ("weir.example:99999", Tls::ByAddress, "is no address"),
            ("https://weir.example:1", Tls::Off, "contradicts"),
            ("http://weir.example:1", Tls::On, "contradicts"),
            ("unix:/run/weir.sock", Tls::On, "takes no TLS"),
            (
                "localhost:1",
                files(Some("cert.pem")),
                "cert and key together",
            ),
        ] {
            let error = Connection::new(address, &tls).expect_err(address);
            assert!(error.message().contains(says), "{address}: {error}");
        }
    }
}
