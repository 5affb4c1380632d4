use std::time::Duration;

use reqwest::Method;
use rusqlite::Connection;
use stanchion_testkit::{Postgres, PostgresOptions, TempDir, eventually};

use crate::program::{DEADLINE, fail, stanchion, succeed};
use crate::server::{Server, product, serve};

#[tokio::test]
async fn a_full_database_refuses_writes_with_507_and_loses_nothing() {
    let folder = TempDir::new().expect("a folder");
    Server::demo(folder.path()).await.stop().await;
    let size = std::fs::metadata(folder.path().join("shop.db"))
        .expect("the file")
        .len();
    let bound = (size + 64 * 1024).to_string();
    let program = serve(folder.path())
        .arg("--demo")
        .env("STANCHION_DATABASE__MAX_BYTES", &bound);
    let server = Server::start_demo(program).await;
    let mut made = Vec::new();
    let refused = loop {
        let sku = format!("FILL-{}", made.len());
        let mut body = product(&sku);
        body["description"] = "x".repeat(9_000).into();
        let request = server
            .with(&server.key, Method::POST, "/v1/products")
            .json(&body);
        let answer = request.send().await.expect("an answer");
        match answer.status().as_u16() {
            201 => made.push(sku),
            _ => break answer,
        }
        assert!(made.len() < 1_000, "the bound on the size holds");
    };
    assert_eq!(refused.status(), 507);
    let problem = refused.text().await.expect("a body");
    assert!(problem.contains("/problems/"), "{problem}");
    assert_eq!(server.status("/v1/products").await, 200, "reads go on");
    server.stop().await;

    let exported = succeed(stanchion(folder.path()).arg("export")).await;
    for sku in &made {
        assert!(
            exported.contains(&format!("\"{sku}\"")),
            "{sku} was acknowledged"
        );
    }
    let lines = (0..500).map(|n| {
        let mut line = product(&format!("MORE-{n}"));
        line["description"] = "y".repeat(1_000).into();
        line.to_string() + "\n"
    });
    let lines: String = lines.collect();
    let import = stanchion(folder.path())
        .args(["import", "-"])
        .input(lines.as_bytes());
    let complaint = fail(import.env("STANCHION_DATABASE__MAX_BYTES", &bound)).await;
    assert!(complaint.contains("no space left"), "{complaint}");
    assert_eq!(
        succeed(stanchion(folder.path()).arg("export")).await,
        exported,
        "no part of the batch went in"
    );
}

#[tokio::test]
async fn a_locked_sqlite_file_delays_writes_up_to_the_limit_and_reads_not_at_all() {
    let folder = TempDir::new().expect("a folder");
    let program = serve(folder.path())
        .arg("--demo")
        .env("STANCHION_DATABASE__ACQUIRE_TIMEOUT_MS", "300");
    let server = Server::start_demo(program).await;
    let other = Connection::open(folder.path().join("shop.db")).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let refused = server.create(&server.key, "LOCK-1").await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(server.status("/v1/products").await, 200);
    let import = stanchion(folder.path())
        .args(["import", "-"])
        .input(product("LOCK-2").to_string().as_bytes());
    let complaint = fail(import.env("STANCHION_DATABASE__ACQUIRE_TIMEOUT_MS", "300")).await;
    assert!(complaint.contains("busy"), "{complaint}");
    other.execute_batch("ROLLBACK").expect("unlocked");
    eventually("writes work again", DEADLINE, || async {
        server.create(&server.key, "LOCK-3").await.status() == 201
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("shop.db");
    std::fs::write(
        &path,
        "not a database, but somebody's only copy of something\n".repeat(100),
    )
    .expect("written");
    let before = std::fs::read(&path).expect("read");
    let complaint = fail(serve(folder.path())).await;
    assert!(
        complaint.contains("cannot open sqlite:shop.db"),
        "{complaint}"
    );
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[tokio::test]
async fn a_lost_postgres_is_told_as_unavailable_and_found_again() {
    let folder = TempDir::new().expect("a folder");
    let postgres = Postgres::start(PostgresOptions::default()).await;
    let database = postgres.empty_database().await;
    let program = serve(folder.path())
        .arg("--demo")
        .env("STANCHION_DATABASE__URL", database.url())
        .env("STANCHION_DATABASE__AUTO_MIGRATE", "true")
        .env("STANCHION_DATABASE__ACQUIRE_TIMEOUT_MS", "500");
    let server = Server::start_demo(program).await;
    assert_eq!(server.create(&server.key, "PG-1").await.status(), 201);

    postgres.kill9().await;
    let answer = server
        .anonymous(Method::GET, "/v1/products")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(server.status("/readyz").await, 503);
    assert_eq!(
        server.status("/healthz").await,
        200,
        "the process itself is well"
    );
    let lost = server.text("/metrics").await;

    postgres.start_again().await;
    let ready = || async { server.status("/readyz").await == 200 };
    eventually(
        "the server finds its database again",
        Duration::from_secs(30),
        ready,
    )
    .await;
    let found = server.json("/v1/products?q=PG-1").await;
    assert_eq!(
        found["items"][0]["sku"], "PG-1",
        "what was acknowledged is there: {found}"
    );
    assert_eq!(server.create(&server.key, "PG-2").await.status(), 201);
    crate::dashboard::names_only_metrics_of(&lost);
    server.stop().await;
}
