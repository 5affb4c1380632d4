use std::time::Duration;

use rusqlite::Connection;
use stanchion_store::{Backend, Sqlite, Store, StoreConfig, StoreError};

use crate::databases::{Guard, open, sqlite};

fn file(store: &Store) -> &Sqlite {
    match store.backend() {
        Backend::Sqlite(sqlite) => sqlite,
        Backend::Postgres(_) => panic!("SQLite was asked for"),
    }
}

async fn table(store: &Store) {
    let create = |connection: &Connection| -> Result<(), StoreError> {
        Ok(connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")?)
    };
    file(store).write("create", create).await.unwrap();
}

async fn insert(store: &Store, n: i64) -> Result<(), StoreError> {
    let write = move |connection: &Connection| -> Result<(), StoreError> {
        connection.execute(
            "INSERT INTO t (n, text) VALUES (?1, hex(randomblob(2000)))",
            [n],
        )?;
        Ok(())
    };
    file(store).write("insert", write).await
}

async fn count(store: &Store) -> i64 {
    let read = |connection: &Connection| -> Result<i64, StoreError> {
        Ok(connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
    };
    file(store).read("count", read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_of_a_group_fail_alone() {
    let (store, _guard) = sqlite().await;
    table(&store).await;
    let mut tasks = Vec::new();
    for n in 0..200_i64 {
        let store = store.clone();
        // Every fourth number is there twice, and the second one breaks the key.
        tasks.push(tokio::spawn(
            async move { insert(&store, n - n % 4 / 3).await },
        ));
    }
    let mut failed = 0;
    for task in tasks {
        failed += i64::from(task.await.unwrap().is_err());
    }
    assert_eq!((failed, count(&store).await), (50, 150));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_panics_is_undone_and_the_writer_goes_on() {
    let (store, _guard) = sqlite().await;
    table(&store).await;
    let write = |connection: &Connection| -> Result<(), StoreError> {
        connection.execute("INSERT INTO t (n) VALUES (1)", [])?;
        panic!("as a test");
    };
    assert!(file(&store).write("panic", write).await.is_err());
    insert(&store, 2).await.unwrap();
    assert_eq!(count(&store).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_idles_is_rolled_back_and_others_go_on() {
    let (_store, guard) = sqlite().await;
    let config = StoreConfig {
        idle_transaction_timeout: Duration::from_millis(50),
        ..StoreConfig::new(guard.url())
    };
    let store = open(config).await;
    table(&store).await;
    let held = store.begin().await.unwrap();
    insert(&store, 1).await.unwrap();
    assert!(matches!(
        held.commit().await,
        Err(StoreError::Unavailable(_))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_is_busy_and_loses_nothing() {
    let (_store, guard) = sqlite().await;
    let config = StoreConfig {
        acquire_timeout: Duration::from_millis(100),
        ..StoreConfig::new(guard.url())
    };
    let store = open(config).await;
    table(&store).await;
    let other = Connection::open(file(&store).path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(insert(&store, 1).await, Err(StoreError::Busy(_))));
    assert_eq!(count(&store).await, 0, "reads go on");
    other.execute_batch("ROLLBACK").unwrap();
    // The wait for the lock is short, and so may be what a busy machine gives the writer.
    stanchion_testkit::eventually(
        "the file is free again",
        Duration::from_secs(10),
        || async { insert(&store, 1).await.is_ok() },
    )
    .await;
    assert_eq!(count(&store).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_file_is_full_and_loses_nothing() {
    let (_store, guard) = sqlite().await;
    let config = StoreConfig {
        max_bytes: 512 * 1024,
        ..StoreConfig::new(guard.url())
    };
    let store = open(config).await;
    table(&store).await;
    let mut stored = 0;
    let refused = loop {
        match insert(&store, stored).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    assert_eq!(
        count(&store).await,
        stored,
        "what was acknowledged is there"
    );
    assert!(matches!(
        insert(&store, stored).await,
        Err(StoreError::Full(_))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_takes_too_long_is_ended() {
    let (_store, guard) = sqlite().await;
    let config = StoreConfig {
        statement_timeout: Duration::from_millis(50),
        ..StoreConfig::new(guard.url())
    };
    let store = open(config).await;
    let endless = |connection: &Connection| -> Result<i64, StoreError> {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    };
    let ended = file(&store).read("endless", endless).await;
    assert!(
        matches!(ended, Err(StoreError::StatementTimeout)),
        "{ended:?}"
    );
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_on_one_file_write_in_turns() {
    let (store, guard) = sqlite().await;
    table(&store).await;
    let other = guard.open_again().await;
    let mut tasks = Vec::new();
    for n in 0..100_i64 {
        let store = if n % 2 == 0 {
            store.clone()
        } else {
            other.clone()
        };
        tasks.push(tokio::spawn(async move { insert(&store, n).await }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!((count(&store).await, count(&other).await), (100, 100));
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no.db");
    std::fs::write(
        &path,
        "this is no database at all, it is a text".repeat(100),
    )
    .unwrap();
    for url in [
        format!("sqlite:{}", path.display()),
        "mysql://x".to_owned(),
        "sqlite:".to_owned(),
    ] {
        let (clock, entropy) = (
            stanchion_kernel::Clock::system(),
            stanchion_kernel::Entropy::system(),
        );
        assert!(
            Store::open(StoreConfig::new(url), clock, entropy)
                .await
                .is_err()
        );
    }
    let _ = Guard::Folder(folder);
}
