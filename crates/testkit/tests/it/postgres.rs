use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use stanchion_testkit::{Postgres, PostgresOptions, eventually};

use crate::is_alive;

const DEADLINE: Duration = Duration::from_secs(20);

async fn number(url: &str, sql: &'static str) -> sqlx::Result<i64> {
    let mut connection = PgConnection::connect(url).await?;
    let answer = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(answer)
}

async fn expect_gone(pid: u32, folder: &Path) {
    eventually("the server and its folder are gone", DEADLINE, || async {
        !is_alive(pid) && !folder.exists()
    })
    .await;
}

#[tokio::test]
async fn a_database_is_fresh_and_its_template_migrated_once() {
    static MIGRATIONS: AtomicU32 = AtomicU32::new(0);
    let migrate = |url: String| async move {
        MIGRATIONS.fetch_add(1, Ordering::Relaxed);
        let mut connection = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("CREATE TABLE t (n bigint); INSERT INTO t VALUES (7)")
            .execute(&mut connection)
            .await
            .unwrap();
        // Left open on purpose: a pool may take its time to close.
        std::mem::forget(connection);
    };
    let postgres = Postgres::shared().await;
    let (first, second) = tokio::join!(
        postgres.database("fresh", migrate),
        postgres.database("fresh", migrate),
    );
    first.psql("DELETE FROM t").await;

    assert_eq!(MIGRATIONS.load(Ordering::Relaxed), 1);
    assert_ne!(first.name(), second.name());
    assert_eq!(second.psql("SELECT n FROM t").await, "7");
    assert_eq!(
        number(second.url(), "SELECT sum(n)::bigint FROM t")
            .await
            .unwrap(),
        7
    );
}

#[tokio::test]
async fn a_database_is_dropped_with_its_value_though_connections_are_open() {
    let postgres = Postgres::shared().await;
    let database = postgres.empty_database().await;
    let name = database.name().to_owned();
    let _open = PgConnection::connect(database.url()).await.unwrap();
    drop(database);

    let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(postgres.psql(&count).await, "0");
}

#[tokio::test]
async fn committed_rows_survive_a_kill_on_the_same_port() {
    let options = PostgresOptions {
        fsync: true,
        settings: vec![("work_mem".into(), "3MB".into())],
        ..PostgresOptions::default()
    };
    let postgres = Postgres::start(options).await;
    let (url, pid) = (postgres.url(), postgres.pid().unwrap());
    assert_eq!(postgres.psql("SHOW work_mem").await, "3MB");
    assert_eq!(postgres.psql("SHOW fsync").await, "on");
    postgres
        .psql("CREATE TABLE t (n bigint); INSERT INTO t VALUES (1)")
        .await;

    postgres.kill9().await;
    assert!(!is_alive(pid));
    assert!(number(&url, "SELECT 1::bigint").await.is_err());

    postgres.start_again().await;
    assert_ne!(postgres.pid().unwrap(), pid);
    assert_eq!(number(&url, "SELECT count(*) FROM t").await.unwrap(), 1);

    postgres.stop().await;
    assert_eq!(postgres.pid(), None);
    postgres.start_again().await;
    assert_eq!(number(&url, "SELECT count(*) FROM t").await.unwrap(), 1);
}

#[tokio::test]
async fn a_paused_server_keeps_connections_and_says_nothing_until_resumed() {
    let postgres = Postgres::start(PostgresOptions::default()).await;
    let mut connection = PgConnection::connect(&postgres.url()).await.unwrap();
    postgres.pause().await;

    let answer = sqlx::query_scalar::<_, i64>("SELECT 5::bigint").fetch_one(&mut connection);
    tokio::pin!(answer);
    let silence = tokio::time::timeout(Duration::from_millis(300), &mut answer).await;
    assert!(silence.is_err());

    postgres.resume().await;
    assert_eq!(answer.await.unwrap(), 5);
}

#[tokio::test]
async fn a_paused_server_is_stopped_when_dropped() {
    let postgres = Postgres::start(PostgresOptions::default()).await;
    let (pid, folder) = (postgres.pid().unwrap(), postgres.folder().to_owned());
    postgres.pause().await;
    drop(postgres);
    assert!(!is_alive(pid) && !folder.exists());
}

#[tokio::test]
async fn tls_is_verified_against_the_fresh_authority_and_clear_text_refused() {
    let options = PostgresOptions {
        tls: true,
        ..PostgresOptions::default()
    };
    let postgres = Postgres::start(options).await;
    let url = postgres.url();
    assert!(url.contains("sslmode=verify-full"));
    let encrypted = "SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()";
    assert_eq!(number(&url, encrypted).await.unwrap(), 1);

    let clear = url.replace("verify-full", "disable");
    assert!(number(&clear, "SELECT 1::bigint").await.is_err());
    let stranger = postgres.folder().join("stranger.pem");
    std::fs::write(
        &stranger,
        stanchion_testkit::Certificate::for_loopback().authority,
    )
    .unwrap();
    let distrusted = url.replace("authority.pem", "stranger.pem");
    assert!(number(&distrusted, "SELECT 1::bigint").await.is_err());
}

#[tokio::test]
async fn a_server_ends_with_a_test_that_panics() {
    let (send, receive) = tokio::sync::oneshot::channel();
    let test = tokio::spawn(async move {
        let postgres = Postgres::start(PostgresOptions::default()).await;
        let facts = (postgres.pid().unwrap(), postgres.folder().to_owned());
        send.send(facts).unwrap();
        panic!("on purpose, with {postgres:?} alive");
    });
    assert!(test.await.unwrap_err().is_panic());
    let (pid, folder) = receive.await.unwrap();
    assert!(!is_alive(pid) && !folder.exists());
}

/// A process of its own that runs a private server, for us to end.
struct Holder {
    process: Child,
    pid: u32,
    folder: PathBuf,
}

impl Holder {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_private-postgres"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("the holder does not start: {error}"));
        let output = process.stdout.take().map(BufReader::new);
        let lines: Vec<String> = output
            .into_iter()
            .flat_map(|output| {
                output
                    .lines()
                    .map_while(Result::ok)
                    .take(3)
                    .collect::<Vec<_>>()
            })
            .collect();
        let [url, pid, folder] = &lines[..] else {
            panic!("the holder said {lines:?}");
        };
        assert!(url.starts_with("postgres://"));
        Self {
            process,
            pid: pid
                .parse()
                .unwrap_or_else(|_| panic!("no process id: {pid}")),
            folder: folder.into(),
        }
    }
}

#[tokio::test]
async fn a_server_ends_when_the_test_process_is_killed() {
    let mut holder = Holder::start();
    assert!(is_alive(holder.pid) && holder.folder.is_dir());
    holder.process.kill().unwrap();
    holder.process.wait().unwrap();
    expect_gone(holder.pid, &holder.folder).await;
}

#[tokio::test]
async fn a_server_ends_when_its_process_ends_in_order() {
    let mut holder = Holder::start();
    drop(holder.process.stdin.take());
    assert!(holder.process.wait().unwrap().success());
    assert!(!is_alive(holder.pid) && !holder.folder.exists());
}

#[tokio::test]
async fn a_full_disk_refuses_what_needs_more_room_and_the_server_goes_on() {
    const ROWS: &str = "INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 2000)";
    let options = PostgresOptions {
        wal_segment_mb: 1,
        ..PostgresOptions::default()
    };
    let server = Postgres::start(options).await;
    // A connection from before is bound as well as new ones.
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    sqlx::query("CREATE TABLE t (text text)")
        .execute(&mut connection)
        .await
        .unwrap();
    server.bound_files(1 << 20).await;
    let refused = sqlx::query(ROWS).execute(&mut connection).await;
    let refused = refused.expect_err("there is no room");
    assert!(
        refused.to_string().contains("could not extend"),
        "{refused}"
    );
    assert!(number(&server.url(), ROWS).await.is_err());
    assert_eq!(
        number(&server.url(), "SELECT count(*) FROM t")
            .await
            .unwrap(),
        0
    );
    server.unbound_files().await;
    sqlx::query(ROWS).execute(&mut connection).await.unwrap();
    assert_eq!(
        number(&server.url(), "SELECT count(*) FROM t")
            .await
            .unwrap(),
        2000
    );
}
