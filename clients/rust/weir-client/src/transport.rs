//! What carries every call? Metadata, a deadline, retries and round robin, below the stubs.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tonic::{Status, body::Body};
use tower_service::Service;

use crate::{
    address::Connection,
    balance::Balancer,
    failure,
    retry::{Throttle, with_retries},
};

const TIMEOUT: &str = "grpc-timeout";
const ATTEMPTS_BEFORE: &str = "grpc-previous-rpc-attempts";

/// What the stubs of a [`Client`](crate::Client) speak through; cheap to clone.
///
/// It is for calls that send one message, as all of Weir's do: the request is kept whole, to be sent
/// again.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
    headers: Arc<HeaderMap>,
    timeout: Duration,
}

struct Shared {
    balancer: Balancer,
    throttle: Throttle,
}

impl Transport {
    /// headers: what each call carries. timeout: the deadline of a call that has none of its own.
    pub(crate) fn new(connection: Connection, headers: HeaderMap, timeout: Duration) -> Self {
        let shared = Shared {
            balancer: Balancer::new(connection),
            throttle: Throttle::new(),
        };
        Self {
            shared: Arc::new(shared),
            headers: Arc::new(headers),
            timeout,
        }
    }

    /// The same connections for calls with another deadline.
    pub(crate) fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// The same connections for calls that carry these headers too.
    pub(crate) fn with_headers(&self, more: HeaderMap) -> Self {
        let mut headers = (*self.headers).clone();
        for name in more.keys() {
            headers.remove(name);
        }
        headers.extend(more);
        Self {
            headers: Arc::new(headers),
            ..self.clone()
        }
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (mut parts, body) = request.into_parts();
        let timeout = parts
            .headers
            .get(TIMEOUT)
            .and_then(duration)
            .unwrap_or(self.timeout);
        let deadline = Instant::now() + timeout;
        for (name, value) in &*self.headers {
            parts.headers.append(name, value.clone());
        }
        let message = body.collect().await?.to_bytes();
        let attempt = |before: u32| {
            let (parts, message, balancer) = (&parts, &message, &self.shared.balancer);
            let request = move || {
                let mut request = Request::from_parts(parts.clone(), whole(message));
                let left = deadline.saturating_duration_since(Instant::now());
                request.headers_mut().insert(TIMEOUT, header(left));
                if before > 0 {
                    request.headers_mut().insert(ATTEMPTS_BEFORE, before.into());
                }
                request
            };
            balancer.send(request)
        };
        let attempts = with_retries(&self.shared.throttle, attempt);
        let response = timeout_at(deadline, attempts)
            .await
            .map_err(|_| failure::out_of_time())??;
        let (mut head, body) = response.into_parts();
        failure::without_garbled_details(&mut head.headers);
        Ok(Response::from_parts(
            head,
            Body::new(Answer::new(body, deadline)),
        ))
    }
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

impl fmt::Debug for Transport {
    /// Without the headers: one may be a secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timeout = &self.timeout;
        out.debug_struct("Transport")
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}

fn whole(message: &Bytes) -> Body {
    Body::new(Full::new(message.clone()).map_err(|never: Infallible| match never {}))
}

/// The body of a response, which ends with the call's deadline.
struct Answer {
    body: Option<Body>,
    deadline: Pin<Box<Sleep>>,
}

impl Answer {
    fn new(body: Body, deadline: Instant) -> Self {
        Self {
            body: Some(body),
            deadline: Box::pin(sleep_until(deadline)),
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| match frame {
                Ok(mut frame) => {
                    if let Some(trailers) = frame.trailers_mut() {
                        failure::without_garbled_details(trailers);
                    }
                    Ok(frame)
                }
                Err(status) => Err(failure::status(Box::new(status))),
            }));
        }
        ready!(self.deadline.as_mut().poll(context));
        self.body = None; // dropping it cancels the call
        Poll::Ready(Some(Err(failure::out_of_time())))
    }
}

/// Read a `grpc-timeout`: up to eight digits and a unit.
fn duration(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Write a `grpc-timeout`, as fine as eight digits allow.
fn header(left: Duration) -> HeaderValue {
    let texts = [
        (left.as_nanos(), 'n'),
        (left.as_micros(), 'u'),
        (left.as_millis(), 'm'),
        (left.as_secs().into(), 'S'),
    ];
    let fits = texts.iter().find(|(number, _)| *number < 100_000_000);
    let (number, unit) = fits.copied().unwrap_or((99_999_999, 'S'));
    HeaderValue::try_from(format!("{number}{unit}")).expect("digits and a letter")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written is read again, as fine as its digits go.
    #[test]
    fn timeouts() {
        for (left, text) in [
            (Duration::ZERO, "0n"),
            (Duration::from_millis(5), "5000000n"),
            (Duration::from_secs(60), "60000000u"),
            (Duration::from_secs(300), "300000m"),
            (Duration::from_secs(u64::MAX), "99999999S"),
        ] {
            assert_eq!(header(left), text);
        }
        let read = |text: &'static str| duration(&HeaderValue::from_static(text));
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(
            (read(""), read("5"), read("m"), read("5x")),
            (None, None, None, None)
        );
    }
}
