use std::time::Duration;

use stanchion_kernel::{Clock, Entropy};
use stanchion_store::{MIGRATIONS, Store, StoreConfig, StoreError};
use stanchion_testkit::{Postgres, PostgresOptions, eventually};

use crate::databases::{open, postgres};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_server_is_unavailable_and_is_found_again() {
    let server = Postgres::start(PostgresOptions::default()).await;
    let store = open(StoreConfig::new(server.url())).await;
    store.migrate(&[MIGRATIONS]).await.unwrap();
    store.ready().await.unwrap();
    let mut tail = store
        .tail("test", stanchion_store::feed::Start::Now)
        .await
        .unwrap();
    server.kill9().await;
    let lost = store.ping().await.unwrap_err();
    assert!(lost.retry_after().is_some(), "{lost}");
    assert!(tail.poll().await.is_err());
    server.start_again().await;
    eventually(
        "the server answers again",
        Duration::from_secs(20),
        || async { store.ping().await.is_ok() },
    )
    .await;
    assert!(
        !tail.poll().await.unwrap().lagged,
        "a crash is no other history"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_without_a_free_connection_is_busy() {
    let (_store, guard) = postgres().await;
    let config = StoreConfig {
        acquire_timeout: Duration::from_millis(100),
        ..StoreConfig::new(guard.url())
    };
    let store = open(config).await;
    let mut held = Vec::new();
    let refused = loop {
        match store.begin().await {
            Ok(tx) => held.push(tx),
            Err(error) => break error,
        }
        assert!(held.len() <= 6);
    };
    assert!(matches!(refused, StoreError::Busy(_)), "{refused}");
    drop(held);
    eventually(
        "a connection comes free",
        Duration::from_secs(5),
        || async { store.begin().await.is_ok() },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_is_encrypted_and_the_server_proved() {
    let server = Postgres::start(PostgresOptions {
        tls: true,
        ..PostgresOptions::default()
    })
    .await;
    let url = |mode: &str| {
        format!(
            "{}?sslmode={mode}&sslrootcert={}",
            server.url(),
            server.authority().display()
        )
    };
    let store = open(StoreConfig::new(url("verify-full"))).await;
    store.ping().await.unwrap();
    let elsewhere = server.url().replace("127.0.0.1", "localhost.localdomain");
    let config = StoreConfig::new(format!("{elsewhere}?sslmode=verify-full"));
    assert!(
        Store::open(config, Clock::system(), Entropy::system())
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_at_the_address_is_unavailable() {
    let port = stanchion_testkit::free_port();
    let config = StoreConfig {
        acquire_timeout: Duration::from_millis(500),
        ..StoreConfig::new(format!("postgres://postgres@127.0.0.1:{port}/x"))
    };
    let refused = Store::open(config, Clock::system(), Entropy::system()).await;
    assert!(matches!(
        refused,
        Err(StoreError::Unavailable(_) | StoreError::Busy(_))
    ));
}
