use reqwest::{Method, StatusCode};
use stanchion_http::HttpConfig;

use crate::world::{Options, World, problem};

fn preflight(world: &World, origin: &str) -> reqwest::RequestBuilder {
    world
        .request(Method::OPTIONS, "/v1/products")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,idempotency-key",
        )
}

#[tokio::test]
async fn without_configuration_no_origin_is_allowed() {
    let world = World::start().await;
    let refused = preflight(&world, "https://shop.example")
        .send()
        .await
        .unwrap();
    assert!(
        !refused
            .headers()
            .contains_key("access-control-allow-origin")
    );
    problem(refused, "method-not-allowed").await;
}

#[tokio::test]
async fn only_the_configured_origins_are_allowed() {
    let http = HttpConfig {
        cors_origins: vec!["https://shop.example".to_owned()],
        ..HttpConfig::default()
    };
    let world = World::with(Options {
        http,
        ..Options::default()
    })
    .await;
    let allowed = preflight(&world, "https://shop.example")
        .send()
        .await
        .unwrap();
    assert_eq!(allowed.status(), StatusCode::OK);
    assert_eq!(
        allowed.headers()["access-control-allow-origin"],
        "https://shop.example"
    );
    assert!(
        !allowed
            .headers()
            .contains_key("access-control-allow-credentials")
    );
    let other = preflight(&world, "https://shop.example.evil.example")
        .send()
        .await
        .unwrap();
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    let plain = world
        .get("/v1/products")
        .header("origin", "https://shop.example")
        .send()
        .await
        .unwrap();
    let exposed = plain.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap();
    assert!(
        exposed.contains("etag") && exposed.contains("x-request-id"),
        "{exposed}"
    );
}
