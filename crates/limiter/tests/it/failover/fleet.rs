//! Clients that ask as quickly as they are let, and what they were told.

use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy};
use stanchion_limiter::conformance::{Admission, History};
use stanchion_limiter::port::{Backend, Place, Promise, Redis, RedisConfig};
use stanchion_limiter::{Ask, Limit, Rate};
use stanchion_testkit::{Redis as Server, RedisOptions, Sentinels, eventually};
use tokio::task::JoinHandle;

pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// How often each client asks: all of them want several times the rate.
const PACE: Duration = Duration::from_millis(4);
const CLIENTS: usize = 4;

pub(super) fn limit() -> Limit {
    Limit::new("faulty", Rate::per_second(200), 200).expect("a limit")
}

/// Exact with one replica: longer than a primary with a greatest lag of 1 s writes after it was cut off, and than a reply.
pub(super) const QUARANTINE: Duration = Duration::from_millis(3_700);

/// The settings of the servers that the documents ask for, with so many replicas.
pub(super) fn fencing(replicas: u32) -> Vec<(String, String)> {
    let setting = |name: &str, value: String| (name.to_owned(), value);
    vec![
        setting("min-replicas-to-write", replicas.to_string()),
        setting("min-replicas-max-lag", "1".to_owned()),
    ]
}

pub(super) async fn primary(settings: Vec<(String, String)>) -> Server {
    Server::start(RedisOptions {
        settings,
        ..RedisOptions::default()
    })
    .await
}

pub(super) async fn replica(of: u16, settings: Vec<(String, String)>) -> Server {
    Server::start(RedisOptions {
        replica_of: Some(of),
        settings,
        ..RedisOptions::default()
    })
    .await
}

pub(super) fn fenced(place: Place) -> RedisConfig {
    RedisConfig {
        quarantine: Some(QUARANTINE),
        probe_every: Duration::from_millis(100),
        ..RedisConfig::new(place)
    }
}

pub(super) fn unfenced(place: Place) -> RedisConfig {
    RedisConfig {
        quarantine: None,
        ..fenced(place)
    }
}

/// Makes the server's epoch so old that all buckets are full: of one in which a promotion begins an epoch, or not.
pub(super) async fn fill(server: &Server, is_fenced: bool) {
    let info = server.command(&["INFO", "replication"]).await;
    let known = info
        .lines()
        .find_map(|line| line.strip_prefix("master_replid:"));
    let identity = known.filter(|_| is_fenced).unwrap_or_default().trim();
    // In 1970, and an hour before it is still after the beginning of time.
    let epoch = format!("{identity}-1000000000000");
    server
        .command(&["SET", "stanchion:limiter:{0}:epoch", &epoch])
        .await;
}

pub(super) fn at(server: &Server) -> Place {
    Place::Single(server.url())
}

pub(super) fn of(sentinels: &Sentinels) -> Place {
    Place::Sentinel {
        urls: sentinels.urls(),
        name: sentinels.name().to_owned(),
        username: None,
        password: None,
    }
}

/// All clients of a test.
pub(crate) struct Fleet {
    limit: Limit,
    history: Arc<History>,
    clock: Clock,
    clients: Vec<JoinHandle<()>>,
    backends: Vec<Arc<Redis>>,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        Self::asking(limit())
    }

    pub(super) fn asking(limit: Limit) -> Self {
        Self {
            limit,
            history: Arc::default(),
            clock: Clock::system(),
            clients: Vec::new(),
            backends: Vec::new(),
        }
    }

    /// Another server of ours, with clients of its own.
    pub(crate) async fn join(&mut self, config: RedisConfig) -> Arc<Redis> {
        let redis = Redis::connect(config, self.clock.clone(), &Entropy::system()).await;
        let redis = Arc::new(redis.expect("a server that can be used"));
        for _ in 0..CLIENTS {
            let (redis, history) = (Arc::clone(&redis), Arc::clone(&self.history));
            let client = client(redis, self.limit.clone(), history, self.clock.clone());
            self.clients.push(tokio::spawn(client));
        }
        self.backends.push(Arc::clone(&redis));
        redis
    }

    pub(crate) fn admitted(&self) -> u64 {
        self.history.admitted()
    }

    /// Waits until so many more are admitted.
    pub(crate) async fn admits(&self, more: u64) {
        let before = self.admitted();
        eventually("more is admitted", DEADLINE, || async {
            self.admitted() >= before + more
        })
        .await;
    }

    /// Waits until every server knows what is promised, and it is exact or not.
    pub(super) async fn is_exact(&self, exact: bool) {
        for redis in &self.backends {
            eventually("the promise is known", DEADLINE, || async {
                let standing = redis.standing();
                standing.is_some_and(|standing| (standing.promise == Promise::Exact) == exact)
            })
            .await;
        }
    }

    /// Ends all clients; the most that any window held beyond the promise.
    pub(crate) async fn excess(self) -> u64 {
        for client in &self.clients {
            client.abort();
        }
        for client in self.clients {
            drop(client.await);
        }
        let excess = self.history.excess(&self.limit);
        eprintln!("{} admitted, {excess:?}", self.history.admitted());
        excess.tokens
    }
}

async fn client(redis: Arc<Redis>, limit: Limit, history: Arc<History>, clock: Clock) {
    let ask = Ask::new(&limit, "key", 1).expect("a question");
    let mut pace = tokio::time::interval(PACE);
    loop {
        pace.tick().await;
        let sent = clock.monotonic();
        let answer = redis.check(&[ask]).await;
        let decided = clock.monotonic();
        if answer.is_ok_and(|decisions| decisions[0].allowed) {
            history.add(Admission {
                sent,
                decided,
                cost: 1,
            });
        }
    }
}
