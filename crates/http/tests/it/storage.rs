//! A database that cannot take a write: it is told, nothing is lost, and reads go on.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use stanchion_http::auth::Scope;
use stanchion_testkit::TempDir;

use crate::world::{Options, World, open, problem, product};

async fn post(world: &World, writer: &str, sku: &str) -> reqwest::Response {
    let mut body = product(sku, "active");
    body["description"] = Value::from("d".repeat(9_000));
    let request = world
        .request(Method::POST, "/v1/products")
        .bearer_auth(writer);
    request.json(&body).send().await.unwrap()
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let database: fn(&mut stanchion_store::StoreConfig) = |config| config.max_bytes = 1024 * 1024;
    let world = World::with(Options {
        database: Some(database),
        ..Options::default()
    })
    .await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    let mut made = 0;
    let refused = loop {
        let response = post(&world, &writer, &format!("FULL-{made:03}")).await;
        if response.status() != StatusCode::CREATED {
            break response;
        }
        made += 1;
        assert!(made < 500, "the bound does not hold");
    };
    problem(refused, "storage-full").await;
    assert!(made > 0);
    let export = world
        .get("/v1/products/export")
        .bearer_auth(&writer)
        .send()
        .await
        .unwrap();
    assert_eq!(
        export.text().await.unwrap().lines().count(),
        made,
        "what was acknowledged is there"
    );
    let import = world
        .request(Method::POST, "/v1/products/import")
        .bearer_auth(&writer);
    let import = import.header("content-type", "application/x-ndjson");
    let large = product("MORE", "active")
        .to_string()
        .replace("A lamp.", &"d".repeat(9_000));
    problem(import.body(large).send().await.unwrap(), "storage-full").await;
}

#[tokio::test]
async fn a_sqlite_file_that_another_process_locks_is_told_until_it_is_free() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("shop.db").display());
    let short: fn(&mut stanchion_store::StoreConfig) =
        |config| config.acquire_timeout = Duration::from_millis(100);
    let world = World::over(
        &url,
        Options {
            database: Some(short),
            ..Options::default()
        },
    )
    .await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    let other = open(&url).await;
    let held = other.begin().await.unwrap();
    let refused = post(&world, &writer, "A").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    problem(refused, "unavailable").await;
    assert_eq!(
        world.get("/v1/products").send().await.unwrap().status(),
        StatusCode::OK
    );
    held.rollback().await.unwrap();
    stanchion_testkit::eventually("the file is free", crate::world::SOON, || async {
        post(&world, &writer, "A").await.status() == StatusCode::CREATED
    })
    .await;
}
