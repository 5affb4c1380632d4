//! The programs of the chapter on locking, in other languages, beside the service on one row.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use stanchion_testkit::{Postgres, Program, TempDir};

use crate::program::{DEADLINE, new_key, stanchion, succeed};
use crate::server::Server;

const TIMES: i64 = 40;
const FIRST: i64 = 1_000;

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/examples/locking")
        .join(path)
}

/// Adjusts by `delta`, [`TIMES`] times.
fn python(database: &str, mode: &str, delta: i64) -> Program {
    Program::new("python")
        .arg(example("python/adjust.py"))
        .args(["--dsn", database])
        .args(common(mode, delta))
}

fn java(database: &str, mode: &str, delta: i64) -> Program {
    let jar = std::env::var("STANCHION_JDBC_JAR")
        .expect("`cargo xtask test -p stanchion` installs the driver");
    let (_, rest) = database.split_once("://").expect("a URL");
    let (user, place) = rest.split_once('@').expect("a user");
    let more = if place.contains('?') { '&' } else { '?' };
    Program::new("java")
        .args(["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(jar)
        .arg(example("java/Adjust.java"))
        .args([
            "--url",
            &format!("jdbc:postgresql://{place}{more}user={user}"),
        ])
        .args(common(mode, delta))
}

fn common(mode: &str, delta: i64) -> Vec<String> {
    let text = |text: &str| text.to_owned();
    vec![
        text("--sku"),
        text("SHARED"),
        text("--mode"),
        text(mode),
        text("--delta"),
        delta.to_string(),
        text("--times"),
        TIMES.to_string(),
        text("--deadline-ms"),
        text("60000"),
        text("--reason"),
        text("test"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_in_three_languages_change_one_row_and_lose_nothing() {
    let database = Postgres::shared().await.empty_database().await;
    let folder = TempDir::new().expect("a folder");
    let program = || stanchion(folder.path()).env("STANCHION_DATABASE__URL", database.url());
    succeed(program().arg("migrate")).await;
    let key = new_key(program(), "catalog:write,stock:write").await;
    let server = Server::start(program().args(["serve", "--listen", "127.0.0.1:0"])).await;
    assert_eq!(server.create(&key, "SHARED").await.status(), 201);
    let adjust = |delta: i64| {
        let request = server.with(&key, Method::POST, "/v1/stock/SHARED/adjustments");
        let request = request.json(&json!({"delta": delta, "reason": "test"}));
        async move {
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
        }
    };
    adjust(FIRST).await;

    let others = [
        python(database.url(), "optimistic", 1),
        python(database.url(), "pessimistic", 2),
        java(database.url(), "optimistic", -1),
        java(database.url(), "pessimistic", 5),
    ]
    .map(Program::start);
    for _ in 0..TIMES {
        adjust(-3).await;
    }
    let ended = join_all(others.iter().map(|other| other.wait(DEADLINE))).await;
    for (status, other) in ended.iter().zip(&others) {
        assert!(status.success(), "{}{}", other.stdout(), other.stderr());
        let last = other.stdout();
        let last: Value = serde_json::from_str(last.lines().last().expect("a line")).expect("JSON");
        assert_eq!(last["applied"], TIMES);
    }
    let expected = FIRST + TIMES * (1 + 2 - 1 + 5 - 3);
    let row = "SELECT on_hand, version FROM stanchion_stock.stock WHERE sku = 'SHARED'";
    let row = database.psql(row).await;
    assert_eq!(row.trim(), format!("{expected}|{}", 1 + 5 * TIMES));
    let said = succeed(program().arg("audit")).await;
    assert!(said.contains("the ledger is sound"), "{said}");
    server.stop().await;
}
