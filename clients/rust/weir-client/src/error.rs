//! What can go wrong with a call, and what does a caller do next? One kind per answer.
//!
//! A kind follows from the gRPC code and, where a code means several things, from the reason.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{
    code::Code,
    details::{Details, QuotaViolation, ResourceInfo, duration},
    v1::{Attempt, ErrorReason, FieldViolation, StreamEnd, TokenUsage},
};

const REASON_PREFIX: &str = "ERROR_REASON_";

/// What to do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It cannot be sent at all: an address, a key, a file or metadata breaks a rule. Change it.
    Misuse,
    /// Change the request; `field_violations` names the fields.
    InvalidRequest,
    /// Send another key.
    Unauthenticated,
    /// Ask for the right.
    PermissionDenied,
    /// Name something that exists.
    NotFound,
    /// Look at the state of things, then decide.
    Conflict,
    /// This server does not do that.
    Unsupported,
    /// Wait `retry_after`, then try again.
    RateLimited,
    /// A budget or a quota is spent; waiting a moment does not help.
    QuotaExceeded,
    /// Try again later; nothing of an answer was given, though a provider may have been asked.
    Unavailable,
    /// Allow more time.
    DeadlineExceeded,
    /// The call was cancelled on the way. One that is dropped on this side ends without an error.
    Cancelled,
    /// The answer began and was cut; what came is not the whole of it, and was used.
    StreamBroken,
    /// A fault of the server's own, or one that has no name: report it, with `request_id`.
    Server,
    /// The server broke the contract: report it.
    Protocol,
}

/// A call failed.
#[derive(Clone, PartialEq)]
pub struct Error(Box<Facts>);

#[derive(Clone, PartialEq)]
struct Facts {
    kind: ErrorKind,
    code: Code,
    reason: String,
    message: String,
    metadata: BTreeMap<String, String>,
    retry_after: Option<Duration>,
    field_violations: Vec<FieldViolation>,
    quota_violations: Vec<QuotaViolation>,
    resource: Option<ResourceInfo>,
    response_id: String,
    usage: Option<TokenUsage>,
    attempts: Vec<Attempt>,
    last_sequence: Option<i64>,
    request_id: String,
}

impl Error {
    /// What to do next.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The gRPC status code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Why, as the contract names it without its prefix, such as "MODEL_NOT_FOUND"; "" where the
    /// failure did not come from Weir itself, such as a refused connection.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The reason as a value; `Unspecified` where these stubs do not know its name.
    #[must_use]
    pub fn known_reason(&self) -> ErrorReason {
        ErrorReason::from_str_name(&format!("{REASON_PREFIX}{}", self.0.reason))
            .unwrap_or(ErrorReason::Unspecified)
    }

    /// A sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Facts about the failure; the keys are named with each `ErrorReason`.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.0.metadata
    }

    /// After how long trying again makes sense; none: not known, or never.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The request's fields that break a rule.
    #[must_use]
    pub fn field_violations(&self) -> &[FieldViolation] {
        &self.0.field_violations
    }

    /// The quotas that were met.
    #[must_use]
    pub fn quota_violations(&self) -> &[QuotaViolation] {
        &self.0.quota_violations
    }

    /// What was named and could not be got; none: not told.
    #[must_use]
    pub fn resource(&self) -> Option<&ResourceInfo> {
        self.0.resource.as_ref()
    }

    /// Weir's identity of the answer; "" where there is none.
    #[must_use]
    pub fn response_id(&self) -> &str {
        &self.0.response_id
    }

    /// What was used all the same; none: not told.
    #[must_use]
    pub fn usage(&self) -> Option<&TokenUsage> {
        self.0.usage.as_ref()
    }

    /// The calls made to providers.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Sequence of the last event that the server sent; none: it sent none, or did not tell.
    #[must_use]
    pub fn last_sequence(&self) -> Option<i64> {
        self.0.last_sequence
    }

    /// Identity of the call in the server's logs; "" where it never got there.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    pub(crate) fn new(kind: ErrorKind, code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            kind,
            code,
            reason: String::new(),
            message: message.into(),
            metadata: BTreeMap::new(),
            retry_after: None,
            field_violations: Vec::new(),
            quota_violations: Vec::new(),
            resource: None,
            response_id: String::new(),
            usage: None,
            attempts: Vec::new(),
            last_sequence: None,
            request_id: String::new(),
        }))
    }

    /// What cannot be sent at all.
    #[cfg(feature = "transport")]
    pub(crate) fn misuse(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Misuse, Code::InvalidArgument, message)
    }

    /// A stream that breaks the contract.
    pub(crate) fn violation(what: fmt::Arguments<'_>) -> Self {
        let message = format!("The stream breaks the contract: {what}.");
        Self::new(ErrorKind::Protocol, Code::Internal, message)
    }

    /// The error that the end of a stream carries, if it carries one.
    pub(crate) fn of_end(end: &StreamEnd, answered: bool) -> Option<Self> {
        let told = end.error.as_ref()?;
        let code = Code::from_number(told.code);
        let reason = ErrorReason::try_from(told.reason)
            .ok()
            .filter(|reason| *reason != ErrorReason::Unspecified)
            .map_or("", |reason| {
                reason.as_str_name().trim_start_matches(REASON_PREFIX)
            });
        let mut error = Self::new(
            kind(code, reason, answered),
            code,
            nameless(&told.message, code),
        );
        let facts = &mut *error.0;
        facts.reason = reason.into();
        facts.metadata.clone_from(&told.metadata);
        facts.retry_after = told.retry_after.map(duration);
        facts.field_violations.clone_from(&told.field_violations);
        facts.usage.clone_from(&end.usage);
        if let Some(metadata) = &end.metadata {
            facts.response_id.clone_from(&metadata.response_id);
            facts.attempts.clone_from(&metadata.attempts);
        }
        Some(error)
    }

    /// Add what the stream said to an error that does not say it itself.
    #[cfg(feature = "transport")]
    pub(crate) fn completed(
        mut self,
        response_id: &str,
        usage: Option<&TokenUsage>,
        end: Option<&StreamEnd>,
    ) -> Self {
        let facts = &mut *self.0;
        if facts.response_id.is_empty() {
            facts.response_id = response_id.into();
        }
        if facts.usage.is_none() {
            facts.usage = usage.cloned();
        }
        if let Some(metadata) = end.and_then(|end| end.metadata.as_ref())
            && facts.attempts.is_empty()
        {
            facts.attempts.clone_from(&metadata.attempts);
        }
        self
    }
}

/// A status as it came over the wire.
pub(crate) struct Wire<'a> {
    pub code: Code,
    pub message: &'a str,
    /// The `grpc-status-details-bin` of the trailers.
    pub details: &'a [u8],
    /// The `weir-response-id` of the trailers.
    pub response_id: &'a str,
    /// The `weir-request-id` of the trailers.
    pub request_id: &'a str,
    /// Whether the stream had begun; a bare transport failure is then a broken stream.
    pub started: bool,
    /// Whether something of an answer was given; see `kind`.
    pub answered: bool,
}

impl From<Wire<'_>> for Error {
    fn from(wire: Wire<'_>) -> Self {
        let Details {
            reason,
            metadata,
            retry_after,
            field_violations,
            quota_violations,
            resource,
            failure,
        } = Details::read(wire.details);
        let mut code = wire.code;
        let mut what = kind(code, &reason, wire.answered);
        if reason.is_empty() {
            if is_over_limit(code, wire.message) {
                // gRPC's own limit gives no details, and tonic's has a code of its own.
                code = Code::ResourceExhausted;
                what = ErrorKind::InvalidRequest;
            } else if wire.started && is_cut(code) {
                what = ErrorKind::StreamBroken;
            }
        }
        let mut error = Self::new(what, code, nameless(wire.message, code));
        let facts = &mut *error.0;
        facts.reason = reason;
        facts.metadata = metadata;
        facts.retry_after = retry_after;
        facts.field_violations = field_violations;
        facts.quota_violations = quota_violations;
        facts.resource = resource;
        facts.response_id = failure.response_id;
        if facts.response_id.is_empty() {
            facts.response_id = wire.response_id.into();
        }
        facts.usage = failure.usage;
        facts.attempts = failure.attempts;
        facts.last_sequence = failure.last_sequence;
        facts.request_id = wire.request_id.into();
        error
    }
}

/// The kind for a code and a reason; a reason that is not known here leaves it to the code.
///
/// answered: whether something of an answer was given: "unavailable" then means that it was cut, by
/// a server that shuts down for one, and trying again is no free call.
fn kind(code: Code, reason: &str, answered: bool) -> ErrorKind {
    if answered && code == Code::Unavailable {
        return ErrorKind::StreamBroken;
    }
    match reason {
        "MESSAGE_TOO_LARGE" => return ErrorKind::InvalidRequest,
        "BUDGET_EXCEEDED" | "UPSTREAM_QUOTA_EXHAUSTED" => return ErrorKind::QuotaExceeded,
        "SLOW_CONSUMER" | "UPSTREAM_STREAM_BROKEN" => return ErrorKind::StreamBroken,
        _ => {}
    }
    match code {
        Code::Cancelled => ErrorKind::Cancelled,
        Code::InvalidArgument | Code::OutOfRange => ErrorKind::InvalidRequest,
        Code::DeadlineExceeded => ErrorKind::DeadlineExceeded,
        Code::NotFound => ErrorKind::NotFound,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => ErrorKind::Conflict,
        Code::PermissionDenied => ErrorKind::PermissionDenied,
        Code::ResourceExhausted => ErrorKind::RateLimited,
        Code::Unimplemented => ErrorKind::Unsupported,
        Code::Unavailable => ErrorKind::Unavailable,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => ErrorKind::Server,
    }
}

/// What a cut connection looks like when no one is left to say why.
fn is_cut(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::Internal | Code::Unknown)
}

fn is_over_limit(code: Code, message: &str) -> bool {
    match code {
        Code::ResourceExhausted => message.contains("larger than max"),
        Code::OutOfRange => message.contains("message length too large"),
        _ => false,
    }
}

fn nameless(message: &str, code: Code) -> String {
    if message.is_empty() {
        format!("The call failed with {code}.")
    } else {
        message.into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = &*self.0;
        let name = match facts.reason.as_str() {
            "" => facts.code.name(),
            reason => reason,
        };
        write!(out, "{name}: {}", facts.message)?;
        for broken in &facts.field_violations {
            write!(out, " [{}: {}]", broken.field, broken.description)?;
        }
        if let Some(wait) = facts.retry_after {
            write!(out, " (retry after {} s)", wait.as_secs_f64())?;
        }
        if !facts.request_id.is_empty() {
            write!(out, " (request {})", facts.request_id)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    /// What a `main` that returns an error prints: as short as it is told to people.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0.kind;
        write!(out, "{kind:?}({self})")
    }
}

impl std::error::Error for Error {}
