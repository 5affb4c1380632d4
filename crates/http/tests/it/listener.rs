//! The protocols and the end.

use std::time::Duration;

use reqwest::{StatusCode, Version};
use stanchion_http::auth::Scope;
use stanchion_http::{Drained, HttpConfig, Listener};
use stanchion_testkit::{Certificate, TempDir};

use crate::raw::Raw;
use crate::world::{Options, SOON, World, client, problem};

#[tokio::test]
async fn http_1_and_http_2_are_spoken_without_tls() {
    let world = World::start().await;
    let first = client().http1_only().build().unwrap();
    let second = client().http2_prior_knowledge().build().unwrap();
    for (client, version) in [(first, Version::HTTP_11), (second, Version::HTTP_2)] {
        let response = client.get(world.url("/v1/products")).send().await.unwrap();
        assert_eq!(
            (response.status(), response.version()),
            (StatusCode::OK, version)
        );
    }
}

#[tokio::test]
async fn http_1_and_http_2_are_spoken_over_tls_with_hsts() {
    let (folder, certificate) = (TempDir::new().unwrap(), Certificate::for_loopback());
    let (chain, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&chain, &certificate.certificate).unwrap();
    std::fs::write(&key, &certificate.key).unwrap();
    let http = HttpConfig {
        tls_certificate: Some(chain),
        tls_key: Some(key),
        ..HttpConfig::default()
    };
    let world = World::with(Options {
        http,
        ..Options::default()
    })
    .await;
    let authority = reqwest::Certificate::from_pem(certificate.authority.as_bytes()).unwrap();
    let trusting = || client().tls_certs_only([authority.clone()]);
    let first = trusting().http1_only().build().unwrap();
    let second = trusting().build().unwrap();
    for (client, version) in [(first, Version::HTTP_11), (second, Version::HTTP_2)] {
        let response = client.get(world.url("/v1/products")).send().await.unwrap();
        assert_eq!(
            (response.status(), response.version()),
            (StatusCode::OK, version)
        );
        assert_eq!(
            response.headers()["strict-transport-security"],
            "max-age=31536000"
        );
    }
    let plain = format!("http://127.0.0.1:{}/healthz", world.address.port());
    assert!(client().build().unwrap().get(plain).send().await.is_err());
}

#[tokio::test]
async fn a_certificate_without_its_key_is_refused() {
    let http = HttpConfig {
        tls_certificate: Some("chain.pem".into()),
        ..HttpConfig::default()
    };
    let bound = Listener::bind("127.0.0.1:0".parse().unwrap(), &http).await;
    assert!(bound.err().unwrap().to_string().contains("tls_key"));
}

/// A request whose body is still to come, past the point where its handler waits for it.
async fn begun(world: &World, length: usize) -> Raw {
    let key = world.key(&[Scope::CatalogWrite]).await;
    let mut raw = Raw::connect(world.address).await;
    let head = format!(
        "POST /v1/products/import HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\nbad\n"
    );
    raw.send(head).await;
    let _ = raw.until("\"line\":1").await;
    raw
}

#[tokio::test]
async fn requests_in_flight_are_answered_before_the_server_ends() {
    let mut world = World::start().await;
    let mut raw = begun(&world, 8).await;
    let mut idle = Raw::connect(world.address).await;
    world.draining.begin();
    problem(world.get("/readyz").send().await.unwrap(), "unavailable").await;
    world.stop.cancel();
    assert_eq!(idle.rest().await, "", "an idle connection is closed");
    raw.send("bad\n").await;
    let answer = raw.rest().await;
    assert!(
        answer.contains("\"line\":2") && answer.contains("summary"),
        "{answer}"
    );
    let served = world.served.take().unwrap();
    let drained = tokio::time::timeout(SOON, served).await.unwrap().unwrap();
    assert_eq!(drained, Drained::Clean);
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_after_the_time_to_drain() {
    let http = HttpConfig {
        drain_timeout_ms: 100,
        ..HttpConfig::default()
    };
    let mut world = World::with(Options {
        http,
        ..Options::default()
    })
    .await;
    let mut raw = begun(&world, 1000).await;
    world.stop.cancel();
    let served = world.served.take().unwrap();
    let drained = tokio::time::timeout(Duration::from_secs(5), served)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(drained, Drained::Cut(1));
    assert!(!raw.rest().await.contains("summary"));
}
