//! Which status did a call end with? The gRPC codes by number, for use without gRPC.

use std::fmt;

/// A gRPC status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Code {
    /// It went well.
    Ok = 0,
    /// The call was cancelled.
    Cancelled = 1,
    /// A failure without a name.
    Unknown = 2,
    /// The request breaks a rule.
    InvalidArgument = 3,
    /// The time ran out.
    DeadlineExceeded = 4,
    /// No such thing.
    NotFound = 5,
    /// The name is taken.
    AlreadyExists = 6,
    /// The caller may not do this.
    PermissionDenied = 7,
    /// Too much at once, or a quota is spent.
    ResourceExhausted = 8,
    /// The state of things is in the way.
    FailedPrecondition = 9,
    /// The call was given up on the way.
    Aborted = 10,
    /// A value is out of its range.
    OutOfRange = 11,
    /// No such method here.
    Unimplemented = 12,
    /// A fault of the server.
    Internal = 13,
    /// Nobody could answer.
    Unavailable = 14,
    /// Something is lost.
    DataLoss = 15,
    /// Nobody knows the caller.
    Unauthenticated = 16,
}

impl Code {
    const ALL: [(Self, &'static str); 17] = [
        (Self::Ok, "OK"),
        (Self::Cancelled, "CANCELLED"),
        (Self::Unknown, "UNKNOWN"),
        (Self::InvalidArgument, "INVALID_ARGUMENT"),
        (Self::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (Self::NotFound, "NOT_FOUND"),
        (Self::AlreadyExists, "ALREADY_EXISTS"),
        (Self::PermissionDenied, "PERMISSION_DENIED"),
        (Self::ResourceExhausted, "RESOURCE_EXHAUSTED"),
        (Self::FailedPrecondition, "FAILED_PRECONDITION"),
        (Self::Aborted, "ABORTED"),
        (Self::OutOfRange, "OUT_OF_RANGE"),
        (Self::Unimplemented, "UNIMPLEMENTED"),
        (Self::Internal, "INTERNAL"),
        (Self::Unavailable, "UNAVAILABLE"),
        (Self::DataLoss, "DATA_LOSS"),
        (Self::Unauthenticated, "UNAUTHENTICATED"),
    ];

    /// The code of a number; `Unknown` where there is none.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        Self::ALL
            .iter()
            .find(|(code, _)| *code as i32 == number)
            .map_or(Self::Unknown, |(code, _)| *code)
    }

    /// The code's name, such as "NOT_FOUND".
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
