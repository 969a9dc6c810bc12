//! What is to be done? One line of the input.

use std::time::Duration;

use prost::Message;
use serde_json::Value;
use weir_client::{CallOptions, Client, Error, Tls, TlsFiles};

use crate::{Failure, contract};

/// One line of the input.
pub struct Ask {
    pub id: String,
    pub what: String,
    pub method: String,
    /// Messages after which the call is cancelled.
    pub cancel_after: Option<usize>,
    /// Messages after which the stream is left.
    pub abandon_after: Option<usize>,
    /// Messages after which nothing is read for a while.
    pub pause: Option<(usize, Duration)>,
    cancel_after_time: Option<Duration>,
    line: Value,
}

impl Ask {
    pub fn read(line: &str) -> Result<Self, Failure> {
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let count = |value: &Value| value.as_u64().and_then(|count| usize::try_from(count).ok());
        let pause = &line["pause_after_messages"];
        Ok(Self {
            id: text("id"),
            what: text("do"),
            method: text("method"),
            cancel_after: count(&line["cancel_after_messages"]),
            abandon_after: count(&line["abandon_after_messages"]),
            pause: count(&pause["count"]).zip(time(&pause["ms"])),
            cancel_after_time: time(&line["cancel_after_ms"]),
            line,
        })
    }

    /// When the call is cancelled whatever came of it; a call that was begun needs time to be sent.
    pub fn cancel_at(&self) -> Option<Duration> {
        let sent = Duration::from_millis(20);
        self.cancel_after_time
            .or((self.cancel_after == Some(0)).then_some(sent))
    }

    /// The golden request as the contract's message.
    pub fn request<M: Message + Default>(&self) -> Result<M, Failure> {
        contract::request(&self.method, &self.line["request"])
    }

    /// A client of this call's own.
    pub fn client(&self) -> Result<Client, Error> {
        let connection = &self.line["connection"];
        let mut builder = Client::builder(connection["target"].as_str().unwrap_or_default());
        if let Some(key) = connection["api_key"].as_str() {
            builder = builder.api_key(key);
        }
        if let Some(bytes) = connection["max_receive_bytes"].as_u64() {
            builder = builder.max_receive_bytes(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        if let Some(tls) = connection["tls"].as_object() {
            let text = |name: &str| tls.get(name).and_then(Value::as_str);
            builder = builder.tls(Tls::Files(TlsFiles {
                ca: text("ca").map(Into::into),
                cert: text("cert").map(Into::into),
                key: text("key").map(Into::into),
                server_name: text("server_name").map(Into::into),
            }));
        }
        let mut options = CallOptions::new();
        if let Some(timeout) = time(&self.line["timeout_ms"]) {
            options = options.timeout(timeout);
        }
        for pair in self.line["metadata"].as_array().into_iter().flatten() {
            let text = |index: usize| pair[index].as_str().unwrap_or_default();
            options = options.metadata(text(0), text(1));
        }
        builder.build()?.with(&options)
    }
}

fn time(ms: &Value) -> Option<Duration> {
    ms.as_u64().map(Duration::from_millis)
}
