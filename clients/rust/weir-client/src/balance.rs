//! Which connection takes the next call? Round robin over the addresses that a name resolves to.
//!
//! Tonic balances by load and never asks a name again, so this is ours: every address has a lane;
//! lanes connect at the same time, calls go to those that are connected, in turn.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use tokio::{sync::Notify, task::JoinSet, time::Instant};
use tonic::{Status, body::Body, transport::Channel};
use tower_service::Service;

use crate::{
    address::{Connection, Target, chain},
    failure, retry,
};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How old the list of addresses may become; a failed connection makes it old at once.
const FRESH: Duration = Duration::from_secs(30);
const FRESH_AFTER_FAILURE: Duration = Duration::from_secs(1);

type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<String>>> + Send>>;
/// Finds the addresses of the target: "ip:port", or the path of a socket.
pub(crate) type Resolve = Box<dyn Fn() -> Resolving + Send + Sync>;

/// The connections to one target.
pub(crate) struct Balancer {
    connection: Connection,
    resolve: Resolve,
    addresses: tokio::sync::Mutex<Option<Instant>>,
    lanes: Mutex<Vec<Arc<Lane>>>,
    connecting: Mutex<JoinSet<()>>,
    changed: Arc<Notify>,
    turn: AtomicUsize,
}

/// One address and its connection.
struct Lane {
    address: String,
    state: Mutex<State>,
}

enum State {
    Idle(Failures),
    Connecting(Failures),
    Ready(Channel),
}

#[derive(Clone, Default)]
struct Failures {
    count: u32,
    not_before: Option<Instant>,
    last: String,
}

impl Balancer {
    pub fn new(connection: Connection) -> Self {
        let target = connection.target.clone();
        Self::with_resolver(
            connection,
            Box::new(move || Box::pin(resolve(target.clone()))),
        )
    }

    pub fn with_resolver(connection: Connection, resolve: Resolve) -> Self {
        Self {
            connection,
            resolve,
            addresses: tokio::sync::Mutex::new(None),
            lanes: Mutex::default(),
            connecting: Mutex::default(),
            changed: Arc::default(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Send a request over one of the connections; one that cannot be made is passed over.
    pub async fn send(
        &self,
        request: impl Fn() -> Request<Body>,
    ) -> Result<Response<Body>, Status> {
        loop {
            let (lane, mut channel) = self.pick().await?;
            let sent = async {
                std::future::poll_fn(|context| channel.poll_ready(context)).await?;
                channel.call(request()).await
            };
            match sent.await {
                Ok(response) => return Ok(response),
                Err(error) if failure::is_unsent(&error) => lane.fail(chain(&error)),
                Err(error) => return Err(failure::status(Box::new(error))),
            }
        }
    }

    /// The next connected lane in turn, waiting while lanes connect.
    async fn pick(&self) -> Result<(Arc<Lane>, Channel), Status> {
        self.refresh().await?;
        loop {
            let changed = self.changed.notified();
            let lanes = self.lanes().clone();
            lanes.iter().for_each(|lane| self.connect(lane));
            let ready: Vec<_> = lanes
                .iter()
                .filter_map(|lane| Some((lane, lane.channel()?)))
                .collect();
            if !ready.is_empty() {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed) % ready.len();
                let (lane, channel) = ready
                    .into_iter()
                    .nth(turn)
                    .expect("a turn is below the number");
                return Ok((lane.clone(), channel));
            }
            if !lanes.iter().any(|lane| lane.is_connecting()) {
                return Err(Status::unavailable(nobody(&lanes)));
            }
            changed.await;
        }
    }

    /// Bring the lanes in line with the addresses that the target has now.
    async fn refresh(&self) -> Result<(), Status> {
        let mut resolved = self.addresses.lock().await;
        let allowed = if self.lanes().iter().any(|lane| lane.has_failed()) {
            FRESH_AFTER_FAILURE
        } else {
            FRESH
        };
        if resolved.is_some_and(|at| at.elapsed() < allowed) {
            return Ok(());
        }
        match (self.resolve)().await {
            Ok(addresses) if !addresses.is_empty() => {
                let mut lanes = self.lanes();
                lanes.retain(|lane| addresses.contains(&lane.address));
                for address in addresses {
                    if !lanes.iter().any(|lane| lane.address == address) {
                        lanes.push(Arc::new(Lane::new(address)));
                    }
                }
            }
            // The addresses that are known may still serve.
            _ if !self.lanes().is_empty() => {}
            Ok(_) => return Err(Status::unavailable("The name has no addresses.")),
            Err(why) => {
                let message = format!("The name cannot be resolved: {why}.");
                return Err(Status::unavailable(message));
            }
        }
        *resolved = Some(Instant::now());
        Ok(())
    }

    /// Begin to connect a lane that is idle, unless it failed a moment ago.
    fn connect(&self, lane: &Arc<Lane>) {
        let Some(failures) = lane.begin() else {
            return;
        };
        let endpoint = match self.connection.endpoint(&lane.address) {
            Ok(endpoint) => endpoint,
            Err(error) => return lane.fail(error.message().into()),
        };
        let (lane, changed) = (lane.clone(), self.changed.clone());
        let mut connecting = lock(&self.connecting);
        while connecting.try_join_next().is_some() {}
        connecting.spawn(async move {
            match endpoint.connect().await {
                Ok(channel) => *lock(&lane.state) = State::Ready(channel),
                Err(error) => lane.fail_after(&failures, chain(&error)),
            }
            changed.notify_waiters();
        });
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Arc<Lane>>> {
        lock(&self.lanes)
    }
}

impl Lane {
    fn new(address: String) -> Self {
        let state = Mutex::new(State::Idle(Failures::default()));
        Self { address, state }
    }

    fn channel(&self) -> Option<Channel> {
        match &*lock(&self.state) {
            State::Ready(channel) => Some(channel.clone()),
            _ => None,
        }
    }

    fn is_connecting(&self) -> bool {
        matches!(*lock(&self.state), State::Connecting(_))
    }

    fn has_failed(&self) -> bool {
        match &*lock(&self.state) {
            State::Idle(failures) | State::Connecting(failures) => failures.count > 0,
            State::Ready(_) => false,
        }
    }

    /// Become connecting, if it is time.
    fn begin(&self) -> Option<Failures> {
        let mut state = lock(&self.state);
        let State::Idle(failures) = &*state else {
            return None;
        };
        if failures
            .not_before
            .is_some_and(|time| Instant::now() < time)
        {
            return None;
        }
        let failures = failures.clone();
        *state = State::Connecting(failures.clone());
        Some(failures)
    }

    /// A connection that was there is gone, and another could not be made.
    fn fail(&self, why: String) {
        self.fail_after(&Failures::default(), why);
    }

    fn fail_after(&self, before: &Failures, why: String) {
        let pause = (FIRST_PAUSE * 2u32.saturating_pow(before.count)).min(LONGEST_PAUSE);
        let pause = pause.mul_f64(0.8 + 0.2 * retry::random());
        *lock(&self.state) = State::Idle(Failures {
            count: (before.count + 1).min(16),
            not_before: Some(Instant::now() + pause),
            last: format!("{}: {why}", self.address),
        });
    }
}

fn nobody(lanes: &[Arc<Lane>]) -> String {
    let reasons = lanes.iter().filter_map(|lane| match &*lock(&lane.state) {
        State::Idle(failures) => Some(failures.last.clone()),
        _ => None,
    });
    format!("No connection: {}.", reasons.collect::<Vec<_>>().join("; "))
}

async fn resolve(target: Target) -> io::Result<Vec<String>> {
    match target {
        Target::Unix(path) => Ok(vec![path]),
        Target::Host { host, port } => {
            let mut found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
            found.sort();
            found.dedup();
            Ok(found.iter().map(SocketAddr::to_string).collect())
        }
    }
}

/// A lock whose holders never panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|broken| broken.into_inner())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::net::TcpListener;

    use super::*;
    use crate::Tls;

    async fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        (listener, address)
    }

    /// A balancer whose name has the addresses of a list that may change.
    fn balancer(addresses: &Arc<Mutex<Vec<String>>>) -> Balancer {
        let connection = Connection::new("127.0.0.1:1", &Tls::Off).expect("an address");
        let addresses = addresses.clone();
        let found = move || -> Resolving {
            let found = lock(&addresses).clone();
            Box::pin(async { Ok(found) })
        };
        Balancer::with_resolver(connection, Box::new(found))
    }

    /// How often each address was picked.
    async fn picks(balancer: &Balancer, times: usize) -> BTreeMap<String, usize> {
        let mut picked = BTreeMap::new();
        for _ in 0..times {
            let (lane, _) = balancer.pick().await.expect("a connection");
            *picked.entry(lane.address.clone()).or_default() += 1;
        }
        picked
    }

    async fn until_connected(balancer: &Balancer, number: usize) {
        let connected = async {
            while balancer
                .lanes()
                .iter()
                .filter(|lane| lane.channel().is_some())
                .count()
                < number
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waiting = tokio::time::timeout(Duration::from_secs(5), connected);
        waiting.await.expect("no connection");
    }

    /// Every connected address has its turn; one where nobody listens is passed over.
    #[tokio::test]
    async fn in_turn() {
        let ((_one, first), (_two, second)) = (listener().await, listener().await);
        let (gone, third) = listener().await;
        drop(gone);
        let addresses = Arc::new(Mutex::new(vec![first.clone(), second.clone(), third]));
        let balancer = balancer(&addresses);

        picks(&balancer, 1).await;
        until_connected(&balancer, 2).await;
        let picked = picks(&balancer, 10).await;

        assert_eq!(picked, [(first, 5), (second, 5)].into());
    }

    /// An address that the name no longer has gets no more calls, and a new one gets its share.
    #[tokio::test]
    async fn a_name_that_changes() {
        let ((_one, first), (_two, second)) = (listener().await, listener().await);
        let addresses = Arc::new(Mutex::new(vec![first]));
        let balancer = balancer(&addresses);
        picks(&balancer, 1).await;

        *lock(&addresses) = vec![second.clone()];
        *balancer.addresses.lock().await = None; // as if half a minute had passed
        let picked = picks(&balancer, 2).await;

        assert_eq!(picked, [(second, 2)].into());
    }

    /// Where nobody listens at all, the failure names every address, and is there at once.
    #[tokio::test]
    async fn nobody() {
        let ((one, first), (two, second)) = (listener().await, listener().await);
        drop((one, two));
        let addresses = Arc::new(Mutex::new(vec![first.clone(), second.clone()]));

        let status = balancer(&addresses)
            .pick()
            .await
            .map(drop)
            .expect_err("nobody");

        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert!(status.message().contains(&first), "{status}");
        assert!(status.message().contains(&second), "{status}");
    }

    /// A name without addresses says so.
    #[tokio::test]
    async fn no_addresses() {
        let status = balancer(&Arc::default())
            .pick()
            .await
            .map(drop)
            .expect_err("nobody");

        assert_eq!(status.message(), "The name has no addresses.");
    }
}
