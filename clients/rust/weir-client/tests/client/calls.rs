//! Does a call carry what it should, end when it should, and is it tried again when it may?

use std::time::{Duration, Instant};

use tonic::{Code as GrpcCode, Status, metadata::MetadataMap};
use weir_client::{
    CallOptions, Client, Code, Error, ErrorKind, Priority,
    v1::{ChatResponse, Message},
};

use crate::{
    answers::text_answer,
    scripted::{FOREVER, Scripted, Step, answer},
};

fn text(response: &ChatResponse) -> String {
    let message = response.message.clone().unwrap_or_default();
    format!("{:?}", message.parts[0].kind)
}

fn unavailable(pushback: Option<&'static str>) -> Step {
    let mut metadata = MetadataMap::new();
    if let Some(pushback) = pushback {
        metadata.insert("grpc-retry-pushback-ms", pushback.parse().expect("ASCII"));
    }
    Step::Fail(Status::with_metadata(
        GrpcCode::Unavailable,
        "scripted",
        metadata,
    ))
}

/// A lone text is one message of the user, and the answer is the server's.
#[tokio::test]
async fn a_text() -> Result<(), Error> {
    let server = Scripted::new().await;
    server.play([answer("Rhine")]);

    let response = server.client().chat("Name a river.").await?;

    assert!(text(&response).contains("Rhine"));
    assert_eq!(
        server.seen()[0].request.messages,
        [Message::user("Name a river.")]
    );
    Ok(())
}

/// Every call says who calls, with which key, and how much time there is.
#[tokio::test]
async fn metadata() -> Result<(), Error> {
    let server = Scripted::new().await;
    let client = Client::builder(&server.address).api_key("wk-1").build()?;
    let options = CallOptions::new()
        .request_id("req-1")
        .priority(Priority::Interactive)
        .metadata("traceparent", "00-ab");
    server.play([answer("a")]);
    server.play([Step::Frame(text_answer(&["b"]))]);

    client.with(&options)?.chat("Hi").await?;
    client.stream_chat("Hi").await?.response().await?;

    let [first, second] = &server.seen()[..] else {
        panic!("two calls");
    };
    assert_eq!(first.header("authorization"), "Bearer wk-1");
    assert_eq!(first.header("weir-client"), "weir-client-rust/0.1.0");
    assert!(
        first
            .header("user-agent")
            .starts_with("weir-client-rust/0.1.0 ")
    );
    assert_eq!(first.header("weir-request-id"), "req-1");
    assert_eq!(first.header("weir-priority"), "interactive");
    assert_eq!(first.header("traceparent"), "00-ab");
    let unit = "u";
    let seconds = |seen: &str| seen.trim_end_matches(unit).parse::<u64>().expect("a time") / 1000;
    assert!((55_000..=60_000).contains(&seconds(first.header("grpc-timeout"))));
    assert!(
        second.header("grpc-timeout").starts_with("29")
            || second.header("grpc-timeout") == "300000m"
    );
    assert!(second.metadata.get("weir-request-id").is_none());
    Ok(())
}

/// The deadline of an options' timeout ends a call that nobody answers, and the server sees it end.
#[tokio::test]
async fn a_silent_server() {
    let server = Scripted::new().await;
    server.play([FOREVER]);
    let options = CallOptions::new().timeout(Duration::from_millis(200));
    let client = server.client().with(&options).expect("options");
    let began = Instant::now();

    let error = client.chat("Hi").await.expect_err("no answer");

    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!((150..1500).contains(&began.elapsed().as_millis()));
    server.seen()[0].hung_up().await;
}

/// A deadline that a stub's request brings itself is kept.
#[tokio::test]
async fn a_deadline_of_a_stub() {
    let server = Scripted::new().await;
    server.play([FOREVER]);
    let mut request = tonic::Request::new("Hi".into());
    request.set_timeout(Duration::from_millis(200));

    let status = server
        .client()
        .providers()
        .chat(request)
        .await
        .expect_err("no answer");

    assert_eq!(Error::from(status).kind(), ErrorKind::DeadlineExceeded);
}

/// UNAVAILABLE before anything was given is tried again, and the server is told how often.
#[tokio::test]
async fn tried_again() -> Result<(), Error> {
    let server = Scripted::new().await;
    server.play([unavailable(Some("10"))]);
    server.play([unavailable(Some("0"))]);
    server.play([answer("third")]);

    let response = server.client().chat("Hi").await?;

    assert!(text(&response).contains("third"));
    let seen = server.seen();
    assert!(seen[0].metadata.get("grpc-previous-rpc-attempts").is_none());
    assert_eq!(seen[1].header("grpc-previous-rpc-attempts"), "1");
    assert_eq!(seen[2].header("grpc-previous-rpc-attempts"), "2");
    assert_eq!(seen[2].request.messages, [Message::user("Hi")]);
    Ok(())
}

/// A stream that failed before its first event is tried again too.
#[tokio::test]
async fn a_stream_tried_again() -> Result<(), Error> {
    let server = Scripted::new().await;
    server.play([unavailable(Some("0"))]);
    server.play([Step::Frame(text_answer(&["b"]))]);

    let response = server.client().stream_chat("Hi").await?.response().await?;

    assert!(text(&response).contains('b'));
    assert_eq!(server.seen().len(), 2);
    Ok(())
}

/// After three attempts, or one word of the server, the failure is the caller's to see.
#[tokio::test]
async fn given_up() {
    let server = Scripted::new().await;
    for pushback in ["0", "0", "0", "-1"] {
        server.play([unavailable(Some(pushback))]);
    }
    let client = server.client();

    for attempts in [3, 4] {
        let error = client.chat("Hi").await.expect_err("unavailable");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(server.seen().len(), attempts);
    }
}

/// Once the first event is there, nothing is tried again.
#[tokio::test]
async fn never_after_the_first_event() -> Result<(), Error> {
    let server = Scripted::new().await;
    let begun = text_answer(&["a"])[..3].to_vec();
    server.play([Step::Frame(begun), unavailable(Some("0"))]);

    let stream = server.client().stream_chat("Hi").await?;
    let error = stream.response().await.expect_err("cut");

    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::StreamBroken, Code::Unavailable)
    );
    assert_eq!(server.seen().len(), 1);
    Ok(())
}

/// Dropping the future of a call cancels it.
#[tokio::test]
async fn a_dropped_call() {
    let server = Scripted::new().await;
    server.play([FOREVER]);
    let client = server.client();

    let seen = tokio::select! {
        seen = server.first_call() => seen,
        _ = client.chat("Hi") => panic!("answered"),
    };

    seen.hung_up().await;
}

/// A message larger than the limit is refused here, one below it is served.
#[tokio::test]
async fn large_messages() -> Result<(), Error> {
    let server = Scripted::new().await;
    let five_mib = "x".repeat(5 * 1024 * 1024);
    let small = Client::builder(&server.address)
        .max_receive_bytes(4 * 1024 * 1024)
        .build()?;
    server.play([answer(&five_mib)]);
    server.play([answer(&five_mib)]);

    let received = small.chat("Hi").await.expect_err("too large");
    let sent = small
        .chat("x".repeat(33 * 1024 * 1024).as_str())
        .await
        .expect_err("too large");
    let served = server.client().chat(five_mib.as_str()).await?;

    for error in [received, sent] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert_eq!(error.code(), Code::ResourceExhausted);
    }
    assert_eq!(served.message, Some(Message::assistant(five_mib.as_str())));
    assert_eq!(server.seen().len(), 2);
    Ok(())
}
