//! Does a failure arrive with everything the server said about it, as the kind that helps?

use std::time::Duration;

use prost::Message as _;
use prost_types::Any;
use tonic::{Code as GrpcCode, Status, metadata::MetadataMap};
use weir_client::{
    Code, Error, ErrorKind, QuotaViolation, ResourceInfo, fold_chat,
    v1::{self, Attempt, ErrorReason, FailureInfo, FieldViolation, TokenUsage},
};

use crate::{
    answers,
    scripted::{Scripted, Step},
};

/// A message of google.rpc, written by hand so that it is not read by what wrote it.
fn detail(name: &str, value: Vec<u8>) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{name}"),
        value,
    }
}

/// A field of bytes.
fn field(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("a short field");
    [&[tag << 3 | 2, length], value].concat()
}

fn info(reason: &str, domain: &str, metadata: &[(&str, &str)]) -> Any {
    let mut value = [field(1, reason.as_bytes()), field(2, domain.as_bytes())].concat();
    for (key, what) in metadata {
        value.extend(field(
            3,
            &[field(1, key.as_bytes()), field(2, what.as_bytes())].concat(),
        ));
    }
    detail("google.rpc.ErrorInfo", value)
}

fn status(code: GrpcCode, details: &[Any]) -> Status {
    let mut bytes = vec![1 << 3, code as u8];
    for detail in details {
        bytes.extend([3 << 3 | 2]);
        bytes.extend(detail.encode_length_delimited_to_vec());
    }
    Status::with_details(code, "said", bytes.into())
}

async fn failure_of(server: &Scripted, status: Status) -> Error {
    server.play([Step::Fail(status)]);
    server.client().chat("Hi").await.expect_err("a failure")
}

/// Each kind of detail ends up in its own place.
#[tokio::test]
async fn every_detail() {
    let server = Scripted::new().await;
    let attempt = Attempt {
        provider: "providers/openai".into(),
        reason: ErrorReason::UpstreamRateLimited.into(),
        ..Attempt::default()
    };
    let used = FailureInfo {
        response_id: "resp_9".into(),
        usage: Some(TokenUsage {
            total_tokens: 5,
            ..TokenUsage::default()
        }),
        last_sequence: Some(3),
        attempts: vec![attempt.clone()],
    };
    let delay = prost_types::Duration {
        seconds: 2,
        nanos: 500_000_000,
    };
    let broken = [
        field(1, b"model"),
        field(2, b"Name one."),
        field(3, b"REQUIRED"),
    ]
    .concat();
    let quota = [field(1, b"keys/1"), field(2, b"60 a minute")].concat();
    let resource = [field(1, b"model"), field(2, b"models/x")].concat();
    let mut said = status(
        GrpcCode::ResourceExhausted,
        &[
            info(
                "UPSTREAM_RATE_LIMITED",
                "weir",
                &[("provider", "providers/openai")],
            ),
            detail("google.rpc.RetryInfo", field(1, &delay.encode_to_vec())),
            detail("google.rpc.BadRequest", field(1, &broken)),
            detail("google.rpc.QuotaFailure", field(1, &quota)),
            detail("google.rpc.ResourceInfo", resource),
            detail("weir.v1.FailureInfo", used.encode_to_vec()),
            detail("example.Other", vec![0xff]),
        ],
    );
    said.metadata_mut()
        .insert("weir-request-id", "req-1".parse().expect("ASCII"));

    let error = failure_of(&server, said).await;

    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert_eq!(error.reason(), "UPSTREAM_RATE_LIMITED");
    assert_eq!(error.known_reason(), ErrorReason::UpstreamRateLimited);
    assert_eq!(error.message(), "said");
    assert_eq!(error.metadata()["provider"], "providers/openai");
    assert_eq!(error.retry_after(), Some(Duration::from_millis(2500)));
    let violation = FieldViolation {
        field: "model".into(),
        description: "Name one.".into(),
        rule: "REQUIRED".into(),
    };
    assert_eq!(error.field_violations(), [violation]);
    let quota = QuotaViolation {
        subject: "keys/1".into(),
        description: "60 a minute".into(),
    };
    assert_eq!(error.quota_violations(), [quota]);
    let named = ResourceInfo {
        resource_type: "model".into(),
        resource_name: "models/x".into(),
        ..ResourceInfo::default()
    };
    assert_eq!(error.resource(), Some(&named));
    assert_eq!(error.response_id(), "resp_9");
    assert_eq!(error.usage(), used.usage.as_ref());
    assert_eq!(error.attempts(), [attempt]);
    assert_eq!(error.last_sequence(), Some(3));
    assert_eq!(error.request_id(), "req-1");
    assert_eq!(
        error.to_string(),
        "UPSTREAM_RATE_LIMITED: said [model: Name one.] (retry after 2.5 s) (request req-1)"
    );
}

/// The kind says what to do next.
#[tokio::test]
async fn kinds() {
    let server = Scripted::new().await;
    for (code, reason, kind) in [
        (
            GrpcCode::InvalidArgument,
            "INVALID_REQUEST",
            ErrorKind::InvalidRequest,
        ),
        (
            GrpcCode::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
            ErrorKind::InvalidRequest,
        ),
        (
            GrpcCode::Unauthenticated,
            "API_KEY_INVALID",
            ErrorKind::Unauthenticated,
        ),
        (
            GrpcCode::PermissionDenied,
            "MODEL_NOT_ALLOWED",
            ErrorKind::PermissionDenied,
        ),
        (GrpcCode::NotFound, "MODEL_NOT_FOUND", ErrorKind::NotFound),
        (
            GrpcCode::AlreadyExists,
            "RESOURCE_EXISTS",
            ErrorKind::Conflict,
        ),
        (
            GrpcCode::FailedPrecondition,
            "PROVIDER_NOT_INITIALIZED",
            ErrorKind::Conflict,
        ),
        (GrpcCode::Aborted, "UNKNOWN_OUTCOME", ErrorKind::Conflict),
        (
            GrpcCode::Aborted,
            "UPSTREAM_STREAM_BROKEN",
            ErrorKind::StreamBroken,
        ),
        (
            GrpcCode::ResourceExhausted,
            "SLOW_CONSUMER",
            ErrorKind::StreamBroken,
        ),
        (
            GrpcCode::ResourceExhausted,
            "MOON_PHASE",
            ErrorKind::RateLimited,
        ),
        (
            GrpcCode::ResourceExhausted,
            "BUDGET_EXCEEDED",
            ErrorKind::QuotaExceeded,
        ),
        (
            GrpcCode::DeadlineExceeded,
            "DEADLINE_TOO_SHORT",
            ErrorKind::DeadlineExceeded,
        ),
        (
            GrpcCode::Unimplemented,
            "FEATURE_DISABLED",
            ErrorKind::Unsupported,
        ),
        (GrpcCode::Internal, "INTERNAL", ErrorKind::Server),
        (GrpcCode::Cancelled, "", ErrorKind::Cancelled),
        (GrpcCode::Unknown, "", ErrorKind::Server),
        (GrpcCode::DataLoss, "", ErrorKind::Server),
        (GrpcCode::OutOfRange, "", ErrorKind::InvalidRequest),
    ] {
        let error = failure_of(&server, status(code, &[info(reason, "weir", &[])])).await;
        assert_eq!((error.kind(), error.reason()), (kind, reason), "{code:?}");
        assert_eq!(error.code() as i32, code as i32);
    }
}

/// What a proxy on the way says is not taken for Weir's word.
#[tokio::test]
async fn a_reason_of_another_domain() {
    let server = Scripted::new().await;
    let said = status(
        GrpcCode::Aborted,
        &[info("UPSTREAM_STREAM_BROKEN", "proxy.example", &[])],
    );

    let error = failure_of(&server, said).await;

    assert_eq!((error.kind(), error.reason()), (ErrorKind::Conflict, ""));
}

/// Details that cannot be decoded leave the status as it is, also where they are no base64.
#[tokio::test]
async fn garbled_details() {
    let server = Scripted::new().await;
    let no_message = Status::with_details(GrpcCode::NotFound, "said", vec![0xff; 3].into());
    let mut headers = http::HeaderMap::new();
    headers.insert("grpc-status-details-bin", "?!".parse().expect("ASCII"));
    let no_base64 = Status::with_metadata(
        GrpcCode::NotFound,
        "said",
        MetadataMap::from_headers(headers),
    );

    for said in [no_message, no_base64] {
        let error = failure_of(&server, said).await;
        assert_eq!(error.to_string(), "NOT_FOUND: said");
        assert_eq!(error.known_reason(), ErrorReason::Unspecified);
    }
}

/// The error in a stream's end says the same as a status would.
#[test]
fn an_error_of_an_end() {
    let told = v1::Error {
        code: Code::ResourceExhausted as i32,
        reason: ErrorReason::UpstreamRateLimited.into(),
        message: "The provider limits the rate.".into(),
        metadata: [("provider".into(), "providers/openai".into())].into(),
        retry_after: Some(prost_types::Duration {
            seconds: 3,
            nanos: 0,
        }),
        field_violations: vec![FieldViolation::default()],
    };

    let events = answers::numbered([answers::start(), answers::failed_end(told.clone())]);
    let error = fold_chat(&events).expect_err("failed");

    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.reason(), "UPSTREAM_RATE_LIMITED");
    assert_eq!(error.message(), told.message);
    assert_eq!(error.metadata(), &told.metadata);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(error.field_violations(), told.field_violations);
    assert_eq!(error.usage(), Some(&answers::usage()));
    assert_eq!(error.response_id(), answers::RESPONSE_ID);
}

/// Numbers that these stubs do not know become the widest kind.
#[test]
fn an_end_of_a_newer_server() {
    let told = v1::Error {
        code: 99,
        reason: 9999,
        ..v1::Error::default()
    };

    let events = answers::numbered([answers::start(), answers::failed_end(told)]);
    let error = fold_chat(&events).expect_err("failed");

    assert_eq!(
        (error.kind(), error.code(), error.reason()),
        (ErrorKind::Server, Code::Unknown, "")
    );
    assert_eq!(error.message(), "The call failed with UNKNOWN.");
}
