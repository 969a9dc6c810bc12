//! What came of a call? One line of the output.

use std::time::Instant;

use prost::Message;
use serde_json::{Map, Value, json};
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use weir_client::Error;

use crate::{Failure, contract};

/// What came of a call so far.
pub struct Shown {
    pub messages: Vec<Value>,
    folded: Option<Value>,
    headers: Option<Value>,
    error: Value,
    began: Instant,
}

impl Shown {
    pub fn new() -> Self {
        Self {
            messages: Vec::new(),
            folded: None,
            headers: None,
            error: Value::Null,
            began: Instant::now(),
        }
    }

    pub fn push(&mut self, method: &str, message: &impl Message) -> Result<(), Failure> {
        self.messages.push(contract::response(method, message)?);
        Ok(())
    }

    pub fn folded(&mut self, name: &str, message: &impl Message) -> Result<(), Failure> {
        self.folded = Some(contract::named(name, message)?);
        Ok(())
    }

    pub fn headers(&mut self, headers: &MetadataMap) {
        let mut pairs = Map::new();
        for pair in headers.iter() {
            if let KeyAndValueRef::Ascii(name, value) = pair
                && let Ok(text) = value.to_str()
            {
                pairs.insert(name.to_string(), text.into());
            }
        }
        self.headers = Some(pairs.into());
    }

    pub fn failed(&mut self, error: &Error) -> Result<(), Failure> {
        let usage = error
            .usage()
            .map(|usage| contract::named("weir.v1.TokenUsage", usage));
        let attempts: Result<Vec<_>, _> = error
            .attempts()
            .iter()
            .map(|attempt| contract::named("weir.v1.Attempt", attempt))
            .collect();
        let fields = error.field_violations().iter();
        let quotas = error.quota_violations().iter();
        self.error = json!({
            "code": error.code().name(),
            "reason": error.reason(),
            "message": error.message(),
            "metadata": error.metadata(),
            "retry_after_ms": error.retry_after().map(|wait| wait.as_millis()),
            "field_violations": fields
                .map(|each| json!({"field": each.field, "description": each.description}))
                .collect::<Vec<_>>(),
            "quota_violations": quotas
                .map(|each| json!({"subject": each.subject, "description": each.description}))
                .collect::<Vec<_>>(),
            "response_id": error.response_id(),
            "usage": usage.transpose()?,
            "attempts": attempts?,
            "last_sequence": error.last_sequence().map(|last| last.to_string()),
            "complete": false,
            "class": format!("{:?}", error.kind()),
        });
        Ok(())
    }

    /// In Rust a call is cancelled by dropping it: nobody is left to be told, so this is the driver's
    /// own word for it.
    pub fn dropped(&mut self) {
        self.error = json!({
            "code": "CANCELLED",
            "reason": "",
            "message": "The call was dropped.",
            "metadata": {},
            "retry_after_ms": null,
            "field_violations": [],
            "quota_violations": [],
            "response_id": "",
            "usage": null,
            "attempts": [],
            "last_sequence": null,
            "complete": false,
            "class": "Cancelled",
        });
    }

    pub fn line(self, id: &str) -> Value {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut line = json!({
            "id": id,
            "messages": self.messages,
            "error": self.error,
            "elapsed_ms": elapsed,
        });
        for (name, value) in [("folded", self.folded), ("headers", self.headers)] {
            if let Some(value) = value {
                line[name] = value;
            }
        }
        line
    }
}
