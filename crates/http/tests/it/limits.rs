//! Bounds in size, number and time.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use stanchion_http::HttpConfig;
use stanchion_http::auth::Scope;
use stanchion_testkit::eventually;

use crate::raw::Raw;
use crate::shelf::{RENDITION, Shelf};
use crate::world::{Options, SOON, World, client, problem};

async fn with(http: HttpConfig) -> World {
    World::with(Options {
        http,
        ..Options::default()
    })
    .await
}

fn half_a_post(key: &str) -> String {
    format!(
        "POST /v1/products HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"sku\":"
    )
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let world = with(HttpConfig {
        body_read_timeout_ms: 100,
        ..HttpConfig::default()
    })
    .await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let mut raw = Raw::connect(world.address).await;
    raw.send(half_a_post(&key)).await;
    let answer = raw.until("/problems/request-timeout").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let world = with(HttpConfig {
        request_timeout_ms: 100,
        ..HttpConfig::default()
    })
    .await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let mut raw = Raw::connect(world.address).await;
    raw.send(half_a_post(&key)).await;
    let answer = raw.until("/problems/deadline-exceeded").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.to_lowercase().contains("retry-after: 1"), "{answer}");
}

#[tokio::test]
async fn one_request_too_many_is_refused_at_once_and_probes_are_not() {
    let world = with(HttpConfig {
        max_in_flight: 1,
        ..HttpConfig::default()
    })
    .await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let mut holder = Raw::connect(world.address).await;
    holder.send(half_a_post(&key)).await;
    let full = || async {
        let response = world.get("/v1/products").send().await.unwrap();
        response.status() == StatusCode::SERVICE_UNAVAILABLE
    };
    eventually("the one place is taken", SOON, full).await;
    let refused = world.get("/v1/products").send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    problem(refused, "overloaded").await;
    assert_eq!(
        world.get("/healthz").send().await.unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(
        world.get("/readyz").send().await.unwrap().status(),
        StatusCode::OK
    );
    drop(holder);
    eventually("the place is free again", SOON, || async { !full().await }).await;
}

#[tokio::test]
async fn a_stream_keeps_its_place_until_its_last_byte() {
    let world = with(HttpConfig {
        max_streams: 1,
        ..HttpConfig::default()
    })
    .await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let mut holder = Raw::connect(world.address).await;
    let head = format!(
        "POST /v1/products/import HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: 1000\r\n\r\nnot a product\n"
    );
    holder.send(head).await;
    let _ = holder.until("\"line\":1").await;
    let refused = world
        .get("/v1/products/export")
        .bearer_auth(&key)
        .send()
        .await
        .unwrap();
    problem(refused, "overloaded").await;
    assert_eq!(
        world.get("/v1/products").send().await.unwrap().status(),
        StatusCode::OK
    );
    drop(holder);
    eventually("the place is free again", SOON, || async {
        let export = world
            .get("/v1/products/export")
            .bearer_auth(&key)
            .send()
            .await
            .unwrap();
        export.status() == StatusCode::OK
    })
    .await;
}

/// A world with a rendition that no buffer has room for.
async fn with_large_rendition(http: HttpConfig) -> World {
    World::with(Options {
        http,
        pictures: Some(Arc::new(Shelf { bytes: 1 << 30 })),
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_download_keeps_its_place_until_its_last_byte() {
    let world = with_large_rendition(HttpConfig {
        max_downloads: 1,
        ..HttpConfig::default()
    })
    .await;
    let mut holder = Raw::connect(world.address).await;
    let request = format!("GET {RENDITION} HTTP/1.1\r\nhost: x\r\n\r\n");
    holder.send(request).await;
    let head = holder.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let refused = world.get(RENDITION).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    problem(refused, "overloaded").await;
    assert_eq!(
        world.get("/v1/products").send().await.unwrap().status(),
        StatusCode::OK
    );
    drop(holder);
    eventually("the place is free again", SOON, || async {
        world.get(RENDITION).send().await.unwrap().status() == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn a_download_that_nobody_takes_is_cut() {
    let world = with_large_rendition(HttpConfig {
        max_downloads: 1,
        request_timeout_ms: 500,
        ..HttpConfig::default()
    })
    .await;
    // Its window fills, and nobody asks for more; the connection itself lives on.
    let holder = client().http2_prior_knowledge().build().unwrap();
    let held = holder.get(world.url(RENDITION)).send().await.unwrap();
    assert_eq!(held.status(), StatusCode::OK);
    eventually("the place is free again", SOON, || async {
        world.get(RENDITION).send().await.unwrap().status() == StatusCode::OK
    })
    .await;
    assert!(held.bytes().await.is_err(), "it was cut");
}

#[tokio::test]
async fn downloads_take_no_places_of_other_requests() {
    let world = with_large_rendition(HttpConfig {
        max_in_flight: 1,
        ..HttpConfig::default()
    })
    .await;
    let held = world.get(RENDITION).send().await.unwrap();
    assert_eq!(held.status(), StatusCode::OK);
    assert_eq!(
        world.get("/v1/products").send().await.unwrap().status(),
        StatusCode::OK
    );
    drop(held);
}

#[tokio::test]
async fn a_head_that_is_too_large_or_too_long_is_refused() {
    let world = with(HttpConfig {
        max_headers: 20,
        ..HttpConfig::default()
    })
    .await;
    let many: String = (0..30).map(|n| format!("x-{n}: y\r\n")).collect();
    let large = format!("x: {}\r\n", "y".repeat(64 * 1024));
    for fields in [many, large] {
        let mut raw = Raw::connect(world.address).await;
        raw.try_send(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{fields}\r\n"))
            .await;
        let answer = raw.rest().await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
    }
    assert_eq!(
        world.get("/healthz").send().await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_head_that_stops_coming_ends_its_connection() {
    let world = with(HttpConfig {
        header_read_timeout_ms: 100,
        ..HttpConfig::default()
    })
    .await;
    let mut raw = Raw::connect(world.address).await;
    raw.send("GET /healthz HTTP/1.1\r\nhost: ").await;
    let answer = raw.rest().await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let world = with(HttpConfig {
        idle_timeout_ms: 100,
        ..HttpConfig::default()
    })
    .await;
    assert_eq!(Raw::connect(world.address).await.rest().await, "");
}

#[tokio::test]
async fn connections_over_the_bound_wait_for_a_place() {
    let world = with(HttpConfig {
        max_connections: 1,
        ..HttpConfig::default()
    })
    .await;
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut first = Raw::connect(world.address).await;
    first.send(request).await;
    let _ = first.until("ok\n").await;
    let mut second = Raw::connect(world.address).await;
    second.send(request).await;
    let waited = tokio::time::timeout(Duration::from_millis(200), second.until("ok\n")).await;
    assert!(waited.is_err(), "it was served beside the first");
    drop(first);
    let _ = second.until("ok\n").await;
}

#[tokio::test]
async fn a_large_answer_is_compressed_and_a_small_one_is_not() {
    let world = World::start().await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let (made, _) = world.product(&key, "A", "active").await;
    let coding = |path: &str, accepted: &'static str| {
        let request = world
            .request(Method::GET, path)
            .header("accept-encoding", accepted);
        async move {
            let response = request.send().await.unwrap();
            response
                .headers()
                .get("content-encoding")
                .map(|value| value.to_str().unwrap().to_owned())
        }
    };
    assert_eq!(
        coding("/v1/products", "gzip").await,
        None,
        "one product is small"
    );
    for n in 0..20 {
        world.product(&key, &format!("B-{n}"), "active").await;
    }
    assert_eq!(
        coding("/v1/products", "gzip").await.as_deref(),
        Some("gzip")
    );
    assert_eq!(coding("/v1/products", "identity").await, None);
    assert_eq!(
        coding("/openapi.json", "gzip, br").await.as_deref(),
        Some("gzip")
    );
    // One strong tag stands for one sequence of bytes.
    let place = format!("/v1/products/{}", made["id"].as_str().unwrap());
    assert_eq!(coding(&place, "gzip").await, None);
}
