//! When is a failed call tried again? As gRPC's own service config would have it (gRFC A6).
//!
//! Only UNAVAILABLE is repeated: it says that nothing of an answer was given. An attempt whose
//! response began is never repeated.

use std::{
    future::Future,
    hash::{BuildHasher, RandomState},
    sync::Mutex,
    time::Duration,
};

use http::HeaderMap;
use tonic::{Code, Status};

const MAX_ATTEMPTS: u32 = 3;
const INITIAL_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(2);
const BACKOFF_MULTIPLIER: u32 = 2;
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Half of the last calls failing stops repeats, so that they never feed an outage.
#[derive(Debug)]
pub(crate) struct Throttle(Mutex<u32>);

impl Throttle {
    // In thousandths, as gRPC counts them.
    const MAX: u32 = 10_000;
    const PER_FAILURE: u32 = 1000;
    const PER_SUCCESS: u32 = 100;

    pub fn new() -> Self {
        Self(Mutex::new(Self::MAX))
    }

    fn succeeded(&self) {
        self.change(|tokens| (tokens + Self::PER_SUCCESS).min(Self::MAX));
    }

    /// Note a failure; whether another attempt may be made.
    fn failed(&self) -> bool {
        self.change(|tokens| tokens.saturating_sub(Self::PER_FAILURE)) > Self::MAX / 2
    }

    fn change(&self, to: impl FnOnce(u32) -> u32) -> u32 {
        let mut tokens = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        *tokens = to(*tokens);
        *tokens
    }
}

/// How an attempt ended, as far as trying again is concerned.
pub(crate) enum Outcome {
    /// It went well, or at least began to.
    Good,
    /// It failed in a way that another attempt would not help.
    Final,
    /// Nobody could answer.
    Unavailable(Pushback),
}

/// What the server says about trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushback {
    /// Nothing.
    Silent,
    /// After this long.
    After(Duration),
    /// Not at all.
    Never,
}

impl Pushback {
    fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(PUSHBACK) else {
            return Self::Silent;
        };
        let ms = value.to_str().ok().and_then(|text| text.parse().ok());
        // A number below zero, or none at all, forbids.
        ms.map_or(Self::Never, |ms| Self::After(Duration::from_millis(ms)))
    }
}

/// Look at what an attempt gave: a response that is but a status came without a body.
pub(crate) fn outcome<B>(result: &Result<http::Response<B>, Status>) -> Outcome {
    match result {
        Ok(response) => match response.headers().get("grpc-status") {
            None if response.status().is_success() => Outcome::Good,
            Some(code) if code == "0" => Outcome::Good,
            Some(code) if code == "14" => Outcome::Unavailable(Pushback::of(response.headers())),
            // A proxy's word for the same, as gRPC reads it.
            None if matches!(response.status().as_u16(), 429 | 502 | 503 | 504) => {
                Outcome::Unavailable(Pushback::Silent)
            }
            _ => Outcome::Final,
        },
        Err(status) if status.code() == Code::Unavailable => Outcome::Unavailable(Pushback::Silent),
        Err(_) => Outcome::Final,
    }
}

/// Make an attempt, and another while that makes sense; `attempt` is given how many were made.
pub(crate) async fn with_retries<B, F, Fut>(
    throttle: &Throttle,
    mut attempt: F,
) -> Result<http::Response<B>, Status>
where
    F: FnMut(u32) -> Fut,
    Fut: Future<Output = Result<http::Response<B>, Status>>,
{
    let mut made = 0;
    loop {
        let result = attempt(made).await;
        made += 1;
        let pushback = match outcome(&result) {
            Outcome::Unavailable(pushback) => pushback,
            Outcome::Good => {
                throttle.succeeded();
                return result;
            }
            Outcome::Final => return result,
        };
        let wait = match pushback {
            Pushback::Silent => backoff(made, random()),
            Pushback::After(wait) => wait,
            Pushback::Never => {
                throttle.failed();
                return result;
            }
        };
        if !throttle.failed() || made >= MAX_ATTEMPTS {
            return result;
        }
        tokio::time::sleep(wait).await;
    }
}

/// How long to wait after so many attempts, a fifth more or less by `random` of 0 to 1.
fn backoff(made: u32, random: f64) -> Duration {
    let doubled = INITIAL_BACKOFF * BACKOFF_MULTIPLIER.saturating_pow(made.saturating_sub(1));
    doubled.min(MAX_BACKOFF).mul_f64(0.8 + 0.4 * random)
}

/// A number of 0 to 1; the standard library seeds its hashers at random.
pub(crate) fn random() -> f64 {
    let bits = RandomState::new().hash_one(());
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    fn status(code: i32, pushback: Option<&str>) -> http::Response<()> {
        let mut response = http::Response::new(());
        response.headers_mut().insert("grpc-status", code.into());
        if let Some(pushback) = pushback {
            let value = pushback.parse().expect("a header value");
            response.headers_mut().insert(PUSHBACK, value);
        }
        response
    }

    /// Play results in order; the attempts made and the time it took.
    async fn play(
        throttle: &Throttle,
        results: Vec<Result<http::Response<()>, Status>>,
    ) -> (u32, Duration) {
        let (began, mut results, mut made) = (Instant::now(), results.into_iter(), 0);
        let last = with_retries(throttle, |before| {
            assert_eq!(before, made);
            made += 1;
            let result = results.next().expect("one attempt too many");
            async { result }
        })
        .await;
        drop(last);
        (made, began.elapsed())
    }

    fn unavailable() -> Result<http::Response<()>, Status> {
        Err(Status::unavailable("nobody there"))
    }

    /// A second attempt 0.2 s after the first, a third 0.4 s after that, and no fourth.
    #[tokio::test(start_paused = true)]
    async fn three_attempts() {
        let (made, took) = play(
            &Throttle::new(),
            vec![unavailable(), unavailable(), unavailable()],
        )
        .await;

        assert_eq!(made, 3);
        assert!((480..=725).contains(&took.as_millis()), "{took:?}");
    }

    /// What is not UNAVAILABLE is not repeated, and neither is what went well.
    #[tokio::test(start_paused = true)]
    async fn one_attempt() {
        for result in [
            Ok(http::Response::new(())),
            Ok(status(0, None)),
            Ok(status(8, Some("5"))),
            Err(Status::internal("broken")),
        ] {
            assert_eq!(
                play(&Throttle::new(), vec![result]).await,
                (1, Duration::ZERO)
            );
        }
    }

    /// The server's word on when to try again is kept to the millisecond.
    #[tokio::test(start_paused = true)]
    async fn pushback_is_honoured() {
        let results = vec![
            Ok(status(14, Some("1500"))),
            Ok(status(14, Some("0"))),
            Ok(status(0, None)),
        ];

        let (made, took) = play(&Throttle::new(), results).await;

        assert_eq!((made, took.as_millis()), (3, 1500));
    }

    /// A server that forbids another attempt gets none.
    #[tokio::test(start_paused = true)]
    async fn pushback_that_forbids() {
        for word in ["-1", "soon", ""] {
            let results = vec![Ok(status(14, Some(word)))];
            assert_eq!(play(&Throttle::new(), results).await.0, 1, "{word}");
        }
    }

    /// A proxy that finds nobody says so with an HTTP status.
    #[tokio::test(start_paused = true)]
    async fn a_proxys_word() {
        let mut bad_gateway = http::Response::new(());
        *bad_gateway.status_mut() = http::StatusCode::BAD_GATEWAY;

        let (made, _) = play(&Throttle::new(), vec![Ok(bad_gateway), Ok(status(0, None))]).await;

        assert_eq!(made, 2);
    }

    /// Once half of the tokens are gone nothing is repeated, until enough went well.
    #[tokio::test(start_paused = true)]
    async fn throttling() {
        let throttle = Throttle::new();
        for expected in [3, 2, 1, 1] {
            let results = (0..expected).map(|_| unavailable()).collect();
            assert_eq!(play(&throttle, results).await.0, expected);
        }
        // 10 - 3 - 2 - 1 - 1 = 3 tokens are left; the 31st success makes it more than 6.
        for _ in 0..31 {
            play(&throttle, vec![Ok(status(0, None))]).await;
        }
        assert_eq!(
            play(&throttle, vec![unavailable(), Ok(status(0, None))])
                .await
                .0,
            2
        );
    }

    /// The waits double up to 2 s and differ by a fifth.
    #[test]
    fn backoffs() {
        assert_eq!(backoff(1, 0.5), Duration::from_millis(200));
        assert_eq!(backoff(2, 0.0), Duration::from_millis(320));
        assert_eq!(backoff(9, 1.0), Duration::from_millis(2400));
        assert!((0.0..1.0).contains(&random()));
    }
}
