//! What does every call carry besides its request? A deadline and metadata.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::metadata::{Binary, MetadataValue};

use crate::{Error, address::NAME};

/// Who waits for whom when the server is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// A person waits.
    Interactive,
    /// As most do.
    Standard,
    /// Nobody waits.
    Background,
}

/// What some calls carry and others do not; see [`Client::with`](crate::Client::with).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    timeout: Option<Duration>,
    request_id: Option<String>,
    idempotency_key: Option<String>,
    priority: Option<Priority>,
    metadata: Vec<(String, Vec<u8>)>,
}

impl CallOptions {
    /// No options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Time for the whole call, retries included, in place of the client's default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Your identity for the call, found again in the server's logs and in errors: 1 to 64 letters,
    /// digits or any of . _ : / + = -
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Up to 64 visible ASCII characters; a call repeated with the same key and request is not run
    /// twice, but given the first run's answer.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Who waits for whom when the server is busy. Absent: the server's default.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// A further pair to send, such as "traceparent"; any bytes where the name ends in -bin.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.metadata.push((name.into(), value.into()));
        self
    }

    pub(crate) fn checked_timeout(&self) -> Result<Option<Duration>, Error> {
        self.timeout
            .map(|timeout| positive(timeout, "timeout"))
            .transpose()
    }

    /// The pairs as headers. Checked here, for the server would answer in words of its own.
    pub(crate) fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        if let Some(id) = &self.request_id {
            let fits = |c: u8| c.is_ascii_alphanumeric() || b"._:/+=-".contains(&c);
            if !is_short(id, fits) {
                return Err(Error::misuse(format!(
                    "request_id must be 1 to 64 letters, digits or any of . _ : / + = -, not {id:?}."
                )));
            }
            headers.insert("weir-request-id", printable(id)?);
        }
        if let Some(key) = &self.idempotency_key {
            if !is_short(key, |c| c.is_ascii_graphic()) {
                return Err(Error::misuse(format!(
                    "idempotency_key must be 1 to 64 visible ASCII characters, not {key:?}."
                )));
            }
            headers.insert("weir-idempotency-key", printable(key)?);
        }
        if let Some(priority) = self.priority {
            let word = match priority {
                Priority::Interactive => "interactive",
                Priority::Standard => "standard",
                Priority::Background => "background",
            };
            headers.insert("weir-priority", HeaderValue::from_static(word));
        }
        for (name, value) in &self.metadata {
            let (name, value) = pair(name, value)?;
            headers.append(name, value);
        }
        Ok(headers)
    }
}

/// What a client adds to each of its calls.
pub(crate) fn of_client(api_key: Option<&str>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    headers.insert("weir-client", HeaderValue::from_static(NAME));
    if let Some(key) = api_key {
        let is_printable = key.bytes().all(|c| matches!(c, b' '..=b'~'));
        let bearer = HeaderValue::try_from(format!("Bearer {key}"));
        match bearer {
            Ok(mut bearer) if is_printable && !key.trim().is_empty() => {
                bearer.set_sensitive(true);
                headers.insert(http::header::AUTHORIZATION, bearer);
            }
            _ => {
                return Err(Error::misuse(
                    "The API key must be printable ASCII; is there a line end in it?",
                ));
            }
        }
    }
    Ok(headers)
}

/// A time above zero.
pub(crate) fn positive(time: Duration, name: &str) -> Result<Duration, Error> {
    if time.is_zero() {
        return Err(Error::misuse(format!("{name} must be above zero.")));
    }
    Ok(time)
}

/// A pair that gRPC can carry. Values stay out of errors: one may be a secret.
fn pair(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), Error> {
    let is_name = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_.-".contains(&c);
    let known = HeaderName::try_from(name).ok();
    let Some(header) = known.filter(|_| name.bytes().all(is_name)) else {
        return Err(Error::misuse(format!(
            "metadata has the name {name:?}; use lower-case letters, digits or any of _ . -"
        )));
    };
    if name.ends_with("-bin") {
        let encoded = MetadataValue::<Binary>::from_bytes(value);
        let value = HeaderValue::from_bytes(encoded.as_encoded_bytes());
        return Ok((header, value.expect("base64 is a header's value")));
    }
    let text = std::str::from_utf8(value)
        .ok()
        .and_then(|text| printable(text).ok());
    let value = text.ok_or_else(|| {
        Error::misuse(format!(
            "metadata {name:?} must have printable ASCII as its value; bytes need a name that ends \
             in -bin."
        ))
    })?;
    Ok((header, value))
}

fn printable(text: &str) -> Result<HeaderValue, Error> {
    if text.bytes().all(|c| matches!(c, b' '..=b'~'))
        && let Ok(value) = HeaderValue::from_str(text)
    {
        return Ok(value);
    }
    Err(Error::misuse("A value must be printable ASCII."))
}

fn is_short(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each option has its header; bytes travel as base64.
    #[test]
    fn headers() {
        let options = CallOptions::new()
            .request_id("req-1")
            .idempotency_key("once")
            .priority(Priority::Background)
            .metadata("traceparent", "00-ab")
            .metadata("extra-bin", [0, 255]);

        let headers = options.headers().expect("all fit");

        for (name, value) in [
            ("weir-request-id", "req-1"),
            ("weir-idempotency-key", "once"),
            ("weir-priority", "background"),
            ("traceparent", "00-ab"),
            ("extra-bin", "AP8"),
        ] {
            assert_eq!(headers.get(name).expect(name), value);
        }
    }

    /// What cannot be sent is told with the way out, and without the value.
    #[test]
    fn misuse() {
        for (options, says) in [
            (CallOptions::new().request_id("a b"), "request_id must be"),
            (CallOptions::new().request_id(""), "request_id must be"),
            (
                CallOptions::new().idempotency_key("x".repeat(65)),
                "idempotency_key must be",
            ),
            (
                CallOptions::new().metadata("Upper", "x"),
                "lower-case letters",
            ),
            (CallOptions::new().metadata("", "x"), "lower-case letters"),
            (
                CallOptions::new().metadata("token", "s3cret\n"),
                "printable ASCII",
            ),
        ] {
            let error = options.headers().expect_err(says);
            assert!(error.message().contains(says), "{error}");
            assert!(!error.message().contains("s3cret"));
        }
        assert!(of_client(Some("a\nb")).is_err());
        assert!(of_client(Some(" ")).is_err());
        assert!(positive(Duration::ZERO, "timeout").is_err());
    }
}
