//! What became of a call whose connection failed? The one place that reads the transport's errors.

use std::error::Error as StdError;

use tonic::{Code, ConnectError, Status, TimeoutExpired, metadata::MetadataMap};

use crate::{Error, address, code::Code as OurCode, error::Wire};

const DETAILS: &str = "grpc-status-details-bin";

/// Whether the request never left, for want of a connection.
pub(crate) fn is_unsent(error: &(dyn StdError + 'static)) -> bool {
    find::<ConnectError>(error).is_some()
}

/// The status of a call that the transport ended.
pub(crate) fn status(error: Box<dyn StdError + Send + Sync>) -> Status {
    let error = match error.downcast::<Status>() {
        Ok(status) => return *status,
        Err(error) => error,
    };
    if let Some(status) = find::<Status>(&*error) {
        return status.clone();
    }
    if find::<TimeoutExpired>(&*error).is_some() {
        return out_of_time();
    }
    let code = find::<h2::Error>(&*error).map_or(Code::Unavailable, code_of);
    Status::new(
        code,
        format!("The connection failed: {}.", address::chain(&*error)),
    )
}

/// The status of a call whose deadline has passed on this side.
pub(crate) fn out_of_time() -> Status {
    Status::deadline_exceeded("The call's time ran out.")
}

/// As gRPC maps the codes of HTTP/2; a connection that went away is UNAVAILABLE.
fn code_of(error: &h2::Error) -> Code {
    if error.is_io() || error.is_go_away() {
        return Code::Unavailable;
    }
    match error.reason() {
        None | Some(h2::Reason::REFUSED_STREAM) => Code::Unavailable,
        Some(h2::Reason::CANCEL) => Code::Cancelled,
        Some(h2::Reason::ENHANCE_YOUR_CALM) => Code::ResourceExhausted,
        Some(h2::Reason::INADEQUATE_SECURITY) => Code::PermissionDenied,
        Some(_) => Code::Internal,
    }
}

fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Take out details that are no base64: tonic would panic at them.
pub(crate) fn without_garbled_details(headers: &mut http::HeaderMap) {
    if headers.contains_key(DETAILS) {
        let pairs = MetadataMap::from_headers(std::mem::take(headers));
        let garbled = pairs
            .get_bin(DETAILS)
            .is_none_or(|value| value.to_bytes().is_err());
        *headers = pairs.into_headers();
        if garbled {
            headers.remove(DETAILS);
        }
    }
}

impl Error {
    /// The error of a stream that ended with a status.
    pub(crate) fn of_status(status: &Status, started: bool, answered: bool) -> Self {
        let text = |name| {
            let value = status.metadata().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        Wire {
            code: OurCode::from_number(status.code().into()),
            message: status.message(),
            details: status.details(),
            response_id: text("weir-response-id"),
            request_id: text("weir-request-id"),
            started,
            answered,
        }
        .into()
    }
}

impl From<Status> for Error {
    /// What a call over the stubs failed with.
    fn from(status: Status) -> Self {
        Self::of_status(&status, false, false)
    }
}
