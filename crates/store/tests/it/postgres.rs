use std::time::Duration;

use stanchion_kernel::{Clock, Entropy};
use stanchion_store::{Backend, MIGRATIONS, Store, StoreConfig, StoreError, Tx, TxKind};
use stanchion_testkit::{Database, Postgres, PostgresOptions, Proxy, eventually};

use crate::databases::{Guard, open, postgres};

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

/// A table whose rows make their commit last for long.
const SLOW: &str = "
CREATE TABLE slow (n int);
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();
";

/// Ends the session that does what the condition says, once it does.
async fn end_session(database: &Database, what: &str) {
    let end = format!(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'stanchion' AND {what}"
    );
    let ended = || async { database.psql(&end).await.trim() == "1" };
    eventually("the session is ended", Duration::from_secs(20), ended).await;
}

async fn insert(tx: &mut Tx) -> Result<(), StoreError> {
    let TxKind::Postgres(connection) = tx.kind() else {
        panic!("PostgreSQL")
    };
    let insert = sqlx::query("INSERT INTO slow VALUES (1)").execute(&mut **connection);
    Ok(insert.await.map(|_| ())?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_during_a_commit_leaves_it_unknown_and_before_it_nothing() {
    let (store, guard) = postgres().await;
    let Guard::Database(database) = guard else {
        panic!("a database")
    };
    database.psql(SLOW).await;
    let mut tx = store.begin().await.unwrap();
    insert(&mut tx).await.unwrap();
    end_session(&database, "state = 'idle in transaction'").await;
    let before = insert(&mut tx).await;
    assert!(
        matches!(before, Err(StoreError::Unavailable(_))),
        "{before:?}"
    );
    let mut tx = store.begin().await.unwrap();
    insert(&mut tx).await.unwrap();
    let commit = tokio::spawn(tx.commit());
    end_session(&database, "state = 'active' AND wait_event = 'PgSleep'").await;
    let during = commit.await.unwrap();
    assert!(
        matches!(during, Err(StoreError::CommitUnknown(_))),
        "{during:?}"
    );
    let stored = database.psql("SELECT count(*) FROM slow").await;
    assert_eq!(stored.trim(), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_vanished_is_given_up_and_its_connections_with_it() {
    let (_store, guard) = postgres().await;
    let address = guard.url().split(['@', '/']).nth(3).map(str::to_owned);
    let address = address.expect("a URL with an address");
    let proxy = Proxy::start(address.as_str());
    let config = StoreConfig {
        acquire_timeout: Duration::from_millis(300),
        statement_timeout: Duration::from_millis(300),
        ..StoreConfig::new(guard.url().replace(&address, &proxy.addr().to_string()))
    };
    let store = open(config).await;
    store.ready().await.unwrap();
    let limit = Duration::from_secs(30);
    let held = store.begin().await.unwrap();
    let idle = store.begin().await.unwrap();
    idle.rollback().await.unwrap();
    let Backend::Postgres(postgres) = store.backend() else {
        panic!("a store on PostgreSQL");
    };
    // The store's own tasks may have needed others.
    let is_idle = || async { postgres.pool().num_idle() > 0 };
    eventually("another connection is idle", limit, is_idle).await;
    proxy.vanish();
    let lost = tokio::time::timeout(limit, store.ping()).await;
    let lost = lost.expect("an answer, though the server gives none");
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    let committed = tokio::time::timeout(limit, held.commit()).await;
    let committed = committed.expect("an answer, though the server gives none");
    assert!(
        matches!(committed, Err(StoreError::CommitUnknown(_))),
        "{committed:?}"
    );
    eventually("new connections are made", limit, || async {
        store.ping().await.is_ok() && store.begin().await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_may_not_grow_are_a_full_disk() {
    let options = PostgresOptions {
        wal_segment_mb: 1,
        ..PostgresOptions::default()
    };
    let server = Postgres::start(options).await;
    let store = open(StoreConfig::new(server.url())).await;
    let Backend::Postgres(postgres) = store.backend() else {
        panic!("PostgreSQL")
    };
    server.psql("CREATE TABLE grown (text text)").await;
    let grow = "INSERT INTO grown SELECT repeat('x', 1000) FROM generate_series(1, 4000)";
    server.psql(grow).await;
    // One is larger than that already.
    server.bound_files(1 << 20).await;
    let refused = sqlx::query(grow).execute(postgres.pool()).await;
    let refused = StoreError::from(refused.unwrap_err());
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    server.unbound_files().await;
    sqlx::query(grow).execute(postgres.pool()).await.unwrap();
}
