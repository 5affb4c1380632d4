//! The audit of a large ledger: it names what is wrong, in memory that does not grow with the ledger.

mod meter;

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use stanchion_testkit::{Postgres, PostgresOptions, Program, TempDir};

use self::meter::Meter;
use crate::program::{stanchion, succeed};

/// The movements of the test run; `STANCHION_AUDIT_MOVEMENTS` asks for more, in hundreds.
const MOVEMENTS: u64 = 20_000;
/// The audit's peak of resident memory, however large the ledger is. The chapter on stock says so too.
const PEAK_BYTES: u64 = 96 << 20;
/// The same for the part of PostgreSQL that works for it, without the buffers that all share.
const POSTGRES_PEAK_BYTES: u64 = 128 << 20;

/// What the files of breaches break.
const BROKEN: [(&str, &str); 8] = [
    ("bounds", "S-4"),
    ("held", "S-2"),
    ("held", "S-4"),
    ("on_hand", "S-1"),
    ("reservation", "00000000-0000-0000-0000-0000000000fc"),
    ("reserved", "S-2"),
    ("reserved", "S-4"),
    ("versions", "S-3"),
];

fn movements() -> u64 {
    let wanted = std::env::var("STANCHION_AUDIT_MOVEMENTS");
    wanted.map_or(MOVEMENTS, |text| text.parse().expect("a number"))
}

/// A script, for as many SKUs as have that many movements.
fn script(text: &str) -> String {
    text.replace(":skus", &(movements() / 100).to_string())
}

/// Runs the audit, and answers the breaches that it names.
async fn breaches(program: Program, meter: &Meter) -> BTreeSet<(String, String)> {
    let (succeeded, printed) = meter.run(program.args(["audit", "--json"])).await;
    let lines = printed.lines().map(serde_json::from_str);
    let mut lines: Vec<Value> = lines.collect::<Result<_, _>>().expect("lines of JSON");
    let count = lines.pop().expect("a last line");
    assert_eq!(count["breaches"], lines.len());
    assert_eq!(succeeded, lines.is_empty());
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let named = |line: &Value| (text(&line["breach"]), text(&line["subject"]));
    lines.iter().map(named).collect()
}

fn broken() -> BTreeSet<(String, String)> {
    let owned = |(breach, subject): (&str, &str)| (breach.to_owned(), subject.to_owned());
    BROKEN.into_iter().map(owned).collect()
}

fn run_on_file(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("the file");
    connection.execute_batch(sql).expect("the script runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_names_each_breach_in_bounded_memory_on_sqlite() {
    let folder = TempDir::new().expect("a folder");
    succeed(stanchion(folder.path()).arg("migrate")).await;
    let file = folder.path().join("shop.db");
    run_on_file(&file, &script(include_str!("audits/fill_sqlite.sql")));
    let meter = Meter::new("SQLite", movements(), PEAK_BYTES);
    // What is sorted on disk is in this folder too, and goes with it.
    let program = || stanchion(folder.path()).env("SQLITE_TMPDIR", folder.path());
    assert_eq!(breaches(program(), &meter).await, BTreeSet::new());
    run_on_file(&file, include_str!("audits/breaches_sqlite.sql"));
    assert_eq!(breaches(program(), &meter).await, broken());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_names_each_breach_in_bounded_memory_on_postgres() {
    let folder = TempDir::new().expect("a folder");
    let postgres = Postgres::start(PostgresOptions::default()).await;
    let program = || stanchion(folder.path()).env("STANCHION_DATABASE__URL", postgres.url());
    succeed(program().arg("migrate")).await;
    postgres
        .psql(&script(include_str!("audits/fill_postgres.sql")))
        .await;
    postgres.psql("ANALYZE").await;
    let meter = Meter::new("PostgreSQL", movements(), PEAK_BYTES);
    let meter = meter.with_postgres(postgres.pid().expect("it runs"), POSTGRES_PEAK_BYTES);
    assert_eq!(breaches(program(), &meter).await, BTreeSet::new());
    postgres
        .psql(include_str!("audits/breaches_postgres.sql"))
        .await;
    assert_eq!(breaches(program(), &meter).await, broken());
}
