//! Import and export.

use futures_util::stream;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stanchion_http::auth::Scope;
use stanchion_testkit::data::{RETAIL_PRODUCTS, retail_products};

use crate::world::{Options, World, product};

async fn import(world: &World, key: &str, body: Vec<u8>) -> Vec<Value> {
    // In pieces that end anywhere, as they come over a network.
    let pieces: Vec<_> = body
        .chunks(7_001)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect();
    let request = world
        .request(Method::POST, "/v1/products/import")
        .bearer_auth(key);
    let request = request.header("content-type", "application/x-ndjson");
    let request = request.timeout(std::time::Duration::from_secs(60));
    let response = request
        .body(reqwest::Body::wrap_stream(stream::iter(pieces)))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.text().await.unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn export(world: &World, key: &str) -> String {
    let response = world
        .get("/v1/products/export")
        .bearer_auth(key)
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    response.text().await.unwrap()
}

async fn what_is_imported_can_be_exported(on_postgres: bool) {
    let (_, products) = retail_products();
    let world = World::with(Options {
        on_postgres,
        ..Options::default()
    })
    .await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let first = import(&world, &key, products.clone()).await;
    let summary = &first.last().unwrap()["summary"];
    assert_eq!(summary["lines"], RETAIL_PRODUCTS, "{summary}");
    let failed = summary["failed"].as_u64().unwrap();
    assert_eq!(first.len() as u64, failed + 1, "a line for each bad line");
    let exported = export(&world, &key).await;
    let again = import(&world, &key, exported.clone().into_bytes()).await;
    let unchanged = again.last().unwrap()["summary"]["unchanged"]
        .as_u64()
        .unwrap();
    assert_eq!(unchanged, exported.lines().count() as u64);
    assert_eq!(export(&world, &key).await, exported);
}

#[tokio::test]
async fn what_is_imported_can_be_exported_on_sqlite() {
    what_is_imported_can_be_exported(false).await;
}

#[tokio::test]
async fn what_is_imported_can_be_exported_on_postgres() {
    what_is_imported_can_be_exported(true).await;
}

#[tokio::test]
async fn bad_lines_are_named_and_the_others_are_taken() {
    let world = World::start().await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let body = format!(
        "{}\nnot JSON\n\n{{\"sku\":\"B\"}}\n{}",
        product("A", "active"),
        product("C", "draft")
    );
    let mut bytes = body.into_bytes();
    bytes.extend_from_slice(b"\n\xff\xff\n");
    let lines = import(&world, &key, bytes).await;
    let numbers: Vec<_> = lines
        .iter()
        .filter_map(|line| line["line"].as_u64())
        .collect();
    assert_eq!(numbers, [2, 4, 6], "{lines:?}");
    assert!(lines[..3].iter().all(|line| !line["reason"].is_null()));
    assert_eq!(
        lines[3],
        json!({"summary": {"lines": 5, "created": 2, "updated": 0, "unchanged": 0, "failed": 3}})
    );
    let reader = world.key(&[Scope::CatalogRead]).await;
    assert_eq!(export(&world, &key).await.lines().count(), 2);
    assert_eq!(
        export(&world, &reader).await.lines().count(),
        1,
        "drafts are not shown"
    );
}

#[tokio::test]
async fn an_empty_import_has_an_empty_summary() {
    let world = World::start().await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let lines = import(&world, &key, Vec::new()).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["summary"]["lines"], 0);
    assert_eq!(export(&world, &key).await, "");
}
