mod script;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy};
use stanchion_limiter::conformance::{CASES, LENDER_CASES, LenderSubject, Sharing, Subject};
use stanchion_limiter::port::{Backend, Place, Promise, Redis, RedisConfig};
use stanchion_limiter::{Ask, Limit, Rate};
use stanchion_testkit::{Redis as Server, RedisOptions};

/// Lets time pass for all buckets of a prefix: what is stored is moved into the past.
pub(crate) const AGE: &str = include_str!("redis/age.lua");

/// Another prefix each time, so that nothing is known of its buckets.
pub(crate) fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn config(server: &Server, prefix: &str) -> RedisConfig {
    RedisConfig {
        prefix: prefix.to_owned(),
        quarantine: Some(Duration::from_millis(700)),
        longest_lease: Duration::ZERO,
        ..RedisConfig::new(Place::Single(server.url()))
    }
}

pub(crate) async fn connect(config: RedisConfig) -> Redis {
    Redis::connect(config, Clock::system(), &Entropy::system())
        .await
        .expect("a server that can be used")
}

pub(crate) async fn age(server: &Server, prefix: &str, by: Duration) {
    let us = by.as_micros().to_string();
    let pattern = format!("{prefix}:*");
    server.command(&["EVAL", AGE, "0", &pattern, &us]).await;
}

/// The first call begins the epoch.
async fn begin(backend: &dyn Backend) {
    let limit = Limit::new("first", Rate::per_second(1), 1).expect("a limit");
    let ask = Ask::new(&limit, "first", 0).expect("a question");
    backend.check(&[ask]).await.expect("an answer");
}

async fn subject(server: &Arc<Server>) -> Subject {
    let (old, new) = (prefix(), prefix());
    let backend = Arc::new(connect(config(server, &old)).await);
    let aged = Arc::clone(server);
    begin(&*backend).await;
    age(server, &old, Duration::from_hours(24)).await;
    Subject {
        backend,
        other: Arc::new(connect(config(server, &old)).await),
        newborn: Arc::new(connect(config(server, &new)).await),
        pass: Arc::new(move |time| {
            let (server, prefix) = (Arc::clone(&aged), old.clone());
            Box::pin(async move { age(&server, &prefix, time).await })
        }),
        sharing: Sharing::Exact,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_conforms() {
    let server = Arc::new(Server::start(RedisOptions::default()).await);
    for case in CASES {
        eprintln!("{}", case.name);
        (case.examine)(subject(&server).await).await;
    }
}

async fn lender(server: &Arc<Server>) -> LenderSubject {
    let prefix = prefix();
    let config = RedisConfig {
        longest_lease: stanchion_limiter::port::MAX_LIFETIME,
        ..config(server, &prefix)
    };
    let lender = Arc::new(connect(config).await);
    begin(&*lender).await;
    age(server, &prefix, Duration::from_hours(24)).await;
    let server = Arc::clone(server);
    LenderSubject {
        lender,
        pass: Arc::new(move |time| {
            let (server, prefix) = (Arc::clone(&server), prefix.clone());
            Box::pin(async move { age(&server, &prefix, time).await })
        }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_lends() {
    let server = Arc::new(Server::start(RedisOptions::default()).await);
    for case in LENDER_CASES {
        eprintln!("{}", case.name);
        (case.examine)(lender(&server).await).await;
    }
}

#[tokio::test]
async fn a_server_without_replicas_is_exact() {
    let server = Server::start(RedisOptions::default()).await;
    let redis = connect(config(&server, "alone")).await;
    let standing = redis.standing().expect("a server was seen");
    assert_eq!(standing.promise, Promise::Exact, "{standing:?}");
}
