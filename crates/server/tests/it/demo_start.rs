use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use serde_json::Value;
use stanchion::demo;
use stanchion_testkit::{Clock, Postgres, TempDir, eventually};

use crate::program::{DEADLINE, stanchion, succeed};
use crate::server::{Server, serve, status};

#[tokio::test]
async fn a_demo_start_serves_a_full_catalogue_with_a_key_within_seconds() {
    let folder = TempDir::new().expect("a folder");
    let clock = Clock::system();
    let began = clock.monotonic();
    let server = Server::demo(folder.path()).await;
    let took = clock.monotonic().saturating_sub(began);
    assert!(
        took < Duration::from_secs(12),
        "3 s are promised of a release build: {took:?}"
    );

    assert_eq!(
        server.json("/v1/products").await["items"]
            .as_array()
            .map(Vec::len),
        Some(50)
    );
    let categories = server.json("/v1/categories").await;
    let categories = categories["items"].as_array().expect("a list").len();
    assert_eq!(categories, demo::categories().count());
    let found = server
        .json("/v1/products?q=saucep&category=kitchen&sort=price&limit=5")
        .await;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(5), "{found}");
    for path in ["/docs", "/openapi.json", "/healthz", "/readyz", "/metrics"] {
        assert!(
            !server.text(path).await.is_empty() || path == "/docs",
            "{path}"
        );
    }

    let id = found["items"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/products/{id}");
    let one = server
        .anonymous(Method::GET, &path)
        .send()
        .await
        .expect("an answer");
    let etag = one.headers()[ETAG].clone();
    assert_eq!(
        status(
            server
                .anonymous(Method::GET, &path)
                .header(IF_NONE_MATCH, etag)
        )
        .await,
        304
    );
    server.stop().await;
}

#[tokio::test]
async fn drafts_are_hidden_from_those_without_a_key() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::demo(folder.path()).await;
    let path = "/v1/products?status=draft";
    let request = server.with(&server.key, Method::GET, path);
    let drafts = request
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a body");
    let drafts: serde_json::Value = serde_json::from_str(&drafts).expect("JSON");
    let id = drafts["items"][0]["id"]
        .as_str()
        .expect("a draft")
        .to_owned();
    assert_eq!(server.status(&format!("/v1/products/{id}")).await, 404);
    server.stop().await;
}

#[tokio::test]
async fn the_demo_renders_its_pictures_while_the_queue_is_watched() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::demo(folder.path()).await;
    let products = async || -> Vec<Value> {
        let first = server.json("/v1/products?limit=200").await;
        let cursor = first["next_cursor"].as_str().expect("a second page");
        let second = server
            .json(&format!("/v1/products?limit=200&cursor={cursor}"))
            .await;
        [first, second]
            .iter()
            .flat_map(|page| page["items"].as_array().cloned().unwrap_or_default())
            .collect()
    };
    let with = |products: &[Value], state: &str| {
        let has = |product: &&Value| product["images"][0]["state"] == state;
        products.iter().filter(has).count()
    };
    // Making so many takes its time where nothing was optimised.
    eventually(
        "every picture is there and the first are rendered",
        4 * DEADLINE,
        || async {
            let products = products().await;
            let (pending, ready) = (with(&products, "pending"), with(&products, "ready"));
            pending + ready >= 240 && ready > 0
        },
    )
    .await;
    let request = server.with(&server.key, Method::GET, "/v1/queues");
    let queues: Value = request
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(queues.to_string().contains("pictures"), "{queues}");
    server.stop().await;
}

#[tokio::test]
async fn a_second_demo_start_reuses_the_data_and_replaces_the_key() {
    let folder = TempDir::new().expect("a folder");
    let first = Server::demo(folder.path()).await;
    assert_eq!(first.create(&first.key, "MINE-1").await.status(), 201);
    let victim = first.json("/v1/products?sort=name&limit=1").await["items"][0].clone();
    let path = format!("/v1/products/{}", victim["id"].as_str().expect("an id"));
    let delete = first
        .with(&first.key, Method::DELETE, &path)
        .header("if-match", "*");
    assert_eq!(status(delete).await, 204);
    first.stop().await;

    let second = Server::demo(folder.path()).await;
    assert_ne!(first.key, second.key);
    assert_eq!(
        status(second.with(&first.key, Method::GET, "/v1/keys")).await,
        401
    );
    assert_eq!(
        status(second.with(&second.key, Method::GET, "/v1/keys")).await,
        200
    );
    second.stop().await;
    let exported = succeed(stanchion(folder.path()).arg("export")).await;
    assert_eq!(
        exported.lines().count(),
        demo::PRODUCTS,
        "one was added and one deleted"
    );
    assert!(exported.contains("\"MINE-1\""));
}

#[tokio::test]
async fn a_demo_adds_nothing_to_a_catalogue_of_somebody_else() {
    let folder = TempDir::new().expect("a folder");
    let line = crate::server::product("MINE-1").to_string();
    succeed(
        stanchion(folder.path())
            .args(["import", "-"])
            .input(line.as_bytes()),
    )
    .await;
    Server::demo(folder.path()).await.stop().await;
    let exported = succeed(stanchion(folder.path()).arg("export")).await;
    assert_eq!(exported.lines().count(), 1);
}

#[tokio::test]
async fn a_demo_finishes_a_filling_that_was_cut_off() {
    let folder = TempDir::new().expect("a folder");
    let mut lines = Vec::new();
    for product in demo::products(demo::SEED, 700) {
        serde_json::to_writer(&mut lines, &product).expect("JSON");
        lines.push(b'\n');
    }
    succeed(stanchion(folder.path()).args(["import", "-"]).input(&lines)).await;
    Server::demo(folder.path()).await.stop().await;
    let exported = succeed(stanchion(folder.path()).arg("export")).await;
    assert_eq!(exported.lines().count(), demo::PRODUCTS);
}

#[tokio::test]
async fn the_demo_runs_on_postgres_by_one_setting() {
    let folder = TempDir::new().expect("a folder");
    let database = Postgres::shared().await.empty_database().await;
    let program = || serve(folder.path()).env("STANCHION_DATABASE__URL", database.url());
    let complaint = crate::program::fail(program().arg("--demo")).await;
    assert!(complaint.contains("run `stanchion migrate`"), "{complaint}");
    let migrating = program()
        .arg("--demo")
        .env("STANCHION_DATABASE__AUTO_MIGRATE", "true");
    let server = Server::start_demo(migrating).await;
    assert_eq!(server.create(&server.key, "MINE-1").await.status(), 201);
    let found = server.json("/v1/products?q=teap").await;
    assert!(
        !found["items"].as_array().expect("a list").is_empty(),
        "{found}"
    );
    server.stop().await;
}
