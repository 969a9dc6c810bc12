//! Is a stream read as the contract says, and does it end with its reader?

use std::time::Duration;

use tokio_stream::StreamExt;
use tonic::Status;
use weir_client::{
    CallOptions, Code, Error, ErrorKind, fold_chat,
    v1::{ErrorReason, GenerationEvent, part::Kind},
};

use crate::{
    answers::{self, RESPONSE_ID, text_answer, usage},
    scripted::{FOREVER, Scripted, Step},
};

/// The text arrives piece by piece, and the whole answer is there after it.
#[tokio::test]
async fn text() -> Result<(), Error> {
    let server = Scripted::new().await;
    let events = text_answer(&["Hel", "lo, ", "world"]);
    server.play([
        Step::Frame(events[..3].to_vec()),
        Step::Frame(events[3..].to_vec()),
    ]);

    let mut stream = server.client().stream_chat("Hi").await?;
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next_text().await? {
        pieces.push(piece);
    }

    assert_eq!(pieces, ["Hel", "lo, ", "world"]);
    assert_eq!(stream.usage(), Some(&usage()));
    assert_eq!(stream.response_id(), RESPONSE_ID);
    assert_eq!(stream.response().await?, fold_chat(&events)?);
    Ok(())
}

/// Every event comes once, in order, heartbeats and the end included, also as a `Stream`.
#[tokio::test]
async fn events() -> Result<(), Error> {
    let server = Scripted::new().await;
    let events = answers::numbered([
        answers::start(),
        answers::heartbeat(),
        answers::opened(0, Kind::Text(String::new())),
        answers::text(0, "Hi"),
        answers::closed(0, None),
        answers::end(),
    ]);
    server.play([
        Step::Frame(events[..1].to_vec()),
        Step::Frame(events[1..].to_vec()),
    ]);

    let stream = server.client().stream_chat("Hi").await?;
    let seen: Result<Vec<GenerationEvent>, Error> = stream.collect().await;

    assert_eq!(seen?, events);
    Ok(())
}

/// Each way of reading goes on where the one before stopped.
#[tokio::test]
async fn one_way_after_another() -> Result<(), Error> {
    let server = Scripted::new().await;
    let events = text_answer(&["a", "b", "c"]);
    server.play([
        Step::Frame(events[..4].to_vec()),
        Step::Frame(events[4..].to_vec()),
    ]);

    let mut stream = server.client().stream_chat("Hi").await?;
    assert_eq!(stream.next_event().await?.as_ref(), events.first());
    assert_eq!(
        stream.text().next().await.transpose()?.as_deref(),
        Some("a")
    );
    assert_eq!(
        stream.next_message().await?.map(|m| m.events),
        Some(events[3..4].to_vec())
    );
    assert_eq!(stream.next_text().await?.as_deref(), Some("c"));
    let whole = stream.response().await?;

    assert_eq!(whole, fold_chat(&events)?);
    Ok(())
}

/// Reasoning is no text of the answer.
#[tokio::test]
async fn without_reasoning() -> Result<(), Error> {
    let server = Scripted::new().await;
    server.play([Step::Frame(answers::numbered([
        answers::start(),
        answers::opened(
            0,
            Kind::Reasoning(weir_client::v1::ReasoningPart::default()),
        ),
        answers::opened(1, Kind::Text(String::new())),
        answers::text(0, "hmm"),
        answers::text(1, "yes"),
        answers::closed(0, None),
        answers::closed(1, None),
        answers::end(),
    ]))]);

    let mut stream = server.client().stream_chat("Hi").await?;
    let pieces: Result<Vec<String>, Error> = stream.text().collect().await;

    assert_eq!(pieces?, ["yes"]);
    Ok(())
}

/// Dropping the stream cancels the call: the server sees it at once.
#[tokio::test]
async fn dropped() -> Result<(), Error> {
    let server = Scripted::new().await;
    server.play([Step::Frame(text_answer(&["a"])[..3].to_vec()), FOREVER]);

    let mut stream = server.client().stream_chat("Hi").await?;
    stream.next_event().await?;
    drop(stream);

    server.seen()[0].hung_up().await;
    Ok(())
}

/// A stream that has not begun is cancelled with its future.
#[tokio::test]
async fn dropped_before_it_began() {
    let server = Scripted::new().await;
    server.play([FOREVER]);
    let client = server.client();

    let seen = tokio::select! {
        seen = server.first_call() => seen,
        _ = client.stream_chat("Hi") => panic!("answered"),
    };

    seen.hung_up().await;
}

/// A stream ends at its deadline, and the error knows which answer it was.
#[tokio::test]
async fn the_deadline() -> Result<(), Error> {
    let server = Scripted::new().await;
    server.play([Step::Frame(text_answer(&["a"])[..3].to_vec()), FOREVER]);
    let options = CallOptions::new().timeout(Duration::from_millis(300));

    let stream = server.client().with(&options)?.stream_chat("Hi").await?;
    let error = stream.response().await.expect_err("late");

    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(error.response_id(), RESPONSE_ID);
    server.seen()[0].hung_up().await;
    Ok(())
}

/// A stream that stops with status OK but without its end is broken, not complete, however often it
/// is asked; as a `Stream` it says so once and ends.
#[tokio::test]
async fn without_an_end() -> Result<(), Error> {
    let server = Scripted::new().await;
    let events = text_answer(&["a", "b"]);
    let cut = || Step::Frame(events[..events.len() - 1].to_vec());
    server.play([cut()]);
    server.play([cut()]);
    server.play([]);
    let client = server.client();

    let mut stream = client.stream_chat("Hi").await?;
    assert_eq!(
        stream
            .text()
            .filter_map(Result::ok)
            .collect::<Vec<_>>()
            .await,
        ["a", "b"]
    );
    assert_eq!(stream.text().next().await, None);
    for _ in 0..2 {
        let error = stream.next_text().await.expect_err("cut");
        assert_eq!(error.kind(), ErrorKind::StreamBroken);
        assert_eq!(error.response_id(), RESPONSE_ID);
    }
    assert_eq!(
        stream.response().await.expect_err("cut").kind(),
        ErrorKind::StreamBroken
    );

    let told: Vec<_> = client.stream_chat("Hi").await?.collect().await;
    assert_eq!(told.iter().filter(|event| event.is_err()).count(), 1);

    let empty = client.stream_chat("Hi").await?;
    assert_eq!(
        empty.response().await.expect_err("empty").kind(),
        ErrorKind::StreamBroken
    );
    Ok(())
}

/// A failing end says what went wrong, with what was used until then.
#[tokio::test]
async fn a_failing_end() -> Result<(), Error> {
    let server = Scripted::new().await;
    let error = weir_client::v1::Error {
        code: Code::Aborted as i32,
        reason: ErrorReason::UpstreamStreamBroken.into(),
        message: "The provider's answer was cut.".into(),
        ..Default::default()
    };
    let events = answers::numbered([
        answers::start(),
        answers::opened(0, Kind::Text(String::new())),
        answers::used(5),
        answers::failed_end(error),
    ]);
    server.play([
        Step::Frame(events),
        Step::Fail(Status::aborted("The provider's answer was cut.")),
    ]);

    let mut stream = server.client().stream_chat("Hi").await?;
    let error = loop {
        if let Err(error) = stream.next_event().await {
            break error;
        }
    };

    assert_eq!(error.kind(), ErrorKind::StreamBroken);
    assert_eq!(error.reason(), "UPSTREAM_STREAM_BROKEN");
    assert_eq!(error.usage(), Some(&usage()));
    assert_eq!(error.response_id(), RESPONSE_ID);
    Ok(())
}

/// A connection that fails between a good end and its status takes nothing from the answer.
#[tokio::test]
async fn a_status_lost_after_the_end() -> Result<(), Error> {
    let server = Scripted::new().await;
    let lost = Step::Fail(Status::unavailable("gone"));
    server.play([Step::Frame(text_answer(&["a"])), lost]);

    let response = server.client().stream_chat("Hi").await?.response().await?;

    assert_eq!(response.usage, Some(usage()));
    Ok(())
}

/// A message is given as it came, and the next read says what breaks the contract in it.
#[tokio::test]
async fn a_message_that_breaks_the_contract() -> Result<(), Error> {
    let server = Scripted::new().await;
    let events = answers::numbered([answers::start(), answers::start()]);
    server.play([Step::Frame(events.clone()), FOREVER]);

    let mut stream = server.client().stream_chat("Hi").await?;
    let message = stream.next_message().await?.expect("a message");
    let error = stream.next_message().await.expect_err("a second start");

    assert_eq!(message.events, events);
    assert_eq!(error.kind(), ErrorKind::Protocol);
    Ok(())
}

/// Events that cannot follow one another end the call, and the error says which.
#[tokio::test]
async fn a_server_that_breaks_the_contract() -> Result<(), Error> {
    let server = Scripted::new().await;
    let mut events = text_answer(&["a", "b"]);
    events.remove(2);
    server.play([Step::Frame(events), FOREVER]);

    let error = server
        .client()
        .stream_chat("Hi")
        .await?
        .response()
        .await
        .expect_err("a gap");

    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(
        error.message().contains("event 3 where 2 was due"),
        "{error}"
    );
    server.seen()[0].hung_up().await;
    Ok(())
}
