//! What do the details of a status say? The messages of google.rpc that Weir sends, and their sum.

use std::{collections::BTreeMap, time::Duration};

use prost::Message;
use prost_types::Any;

use crate::v1::{FailureInfo, FieldViolation};

const DOMAIN: &str = "weir";

/// Whose quota was met, and which.
#[derive(Clone, PartialEq, Message)]
pub struct QuotaViolation {
    /// Whose quota it is. Example: "keys/4f1d".
    #[prost(string, tag = "1")]
    pub subject: String,
    /// The quota and what became of it, for people.
    #[prost(string, tag = "2")]
    pub description: String,
}

/// What a call named and could not get.
#[derive(Clone, PartialEq, Message)]
pub struct ResourceInfo {
    /// The kind of thing. Example: "model".
    #[prost(string, tag = "1")]
    pub resource_type: String,
    /// Its name. Example: "models/smollm2".
    #[prost(string, tag = "2")]
    pub resource_name: String,
    /// Whose it is. Empty: not told.
    #[prost(string, tag = "3")]
    pub owner: String,
    /// What went wrong with it, for people.
    #[prost(string, tag = "4")]
    pub description: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ErrorInfo {
    #[prost(string, tag = "1")]
    pub reason: String,
    #[prost(string, tag = "2")]
    pub domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub metadata: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<prost_types::Duration>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BadField {
    #[prost(string, tag = "1")]
    pub field: String,
    #[prost(string, tag = "2")]
    pub description: String,
    #[prost(string, tag = "3")]
    pub reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    pub field_violations: Vec<BadField>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct QuotaFailure {
    #[prost(message, repeated, tag = "1")]
    pub violations: Vec<QuotaViolation>,
}

/// What the details of a status say together; one that is not there leaves its default.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub reason: String,
    pub metadata: BTreeMap<String, String>,
    pub retry_after: Option<Duration>,
    pub field_violations: Vec<FieldViolation>,
    pub quota_violations: Vec<QuotaViolation>,
    pub resource: Option<ResourceInfo>,
    pub failure: FailureInfo,
}

impl Details {
    /// Read a `google.rpc.Status`; bytes of something else leave the defaults.
    pub fn read(bytes: &[u8]) -> Self {
        let mut told = Self::default();
        if let Ok(status) = Status::decode(bytes) {
            for detail in &status.details {
                // A detail that is garbled says nothing; the others still do.
                let _ = told.take(detail);
            }
        }
        told
    }

    fn take(&mut self, detail: &Any) -> Result<(), prost::DecodeError> {
        let bytes = detail.value.as_slice();
        match detail.type_url.rsplit('/').next().unwrap_or_default() {
            "google.rpc.ErrorInfo" => {
                let info = ErrorInfo::decode(bytes)?;
                if info.domain == DOMAIN {
                    self.reason = info.reason;
                    self.metadata = info.metadata;
                }
            }
            "google.rpc.RetryInfo" => {
                self.retry_after = RetryInfo::decode(bytes)?.retry_delay.map(duration);
            }
            "google.rpc.BadRequest" => {
                let request = BadRequest::decode(bytes)?;
                self.field_violations = request.field_violations.into_iter().map(field).collect();
            }
            "google.rpc.QuotaFailure" => {
                self.quota_violations = QuotaFailure::decode(bytes)?.violations;
            }
            "google.rpc.ResourceInfo" => self.resource = Some(ResourceInfo::decode(bytes)?),
            "weir.v1.FailureInfo" => self.failure = FailureInfo::decode(bytes)?,
            _ => {}
        }
        Ok(())
    }
}

fn field(broken: BadField) -> FieldViolation {
    FieldViolation {
        field: broken.field,
        description: broken.description,
        rule: broken.reason,
    }
}

/// A duration of the wire; one below zero is none at all.
pub(crate) fn duration(wire: prost_types::Duration) -> Duration {
    Duration::try_from(wire).unwrap_or_default()
}
