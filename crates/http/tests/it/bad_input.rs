//! Bytes that should not have been sent: each gets a clear problem, and nothing is lost or stored.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stanchion_http::HttpConfig;
use stanchion_http::auth::Scope;

use crate::raw::Raw;
use crate::world::{Options, World, problem, product};

async fn post(world: &World, key: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
    let request = world.request(Method::POST, "/v1/products").bearer_auth(key);
    request
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap()
}

/// What is wrong, the body, and the kind of problem that it is.
fn broken(valid: &str) -> [(&'static str, Vec<u8>, &'static str); 14] {
    let with = |from: &str, to: &str| valid.replace(from, to).into_bytes();
    let deep = "[".repeat(30_000).into_bytes();
    let second_sku = with("{\"attributes\"", "{\"sku\":\"B\",\"attributes\"");
    let second_colour = with("\"colour\":", "\"colour\":1,\"colour\":");
    [
        ("nothing", Vec::new(), "invalid-json"),
        ("truncated", valid.as_bytes()[..40].to_vec(), "invalid-json"),
        (
            "two documents",
            valid.repeat(2).into_bytes(),
            "invalid-json",
        ),
        (
            "not UTF-8",
            b"{\"sku\":\"\xff\xfe\"}".to_vec(),
            "invalid-json",
        ),
        (
            "a lone surrogate",
            with("Lamp A", "\\ud800"),
            "invalid-json",
        ),
        ("nested too deep", deep, "invalid-json"),
        ("a member twice", second_sku, "invalid-json"),
        ("an attribute twice", second_colour, "invalid-json"),
        ("too large", vec![b' '; 65 * 1024], "payload-too-large"),
        ("a wrong type", with("4999", "\"4999\""), "validation"),
        (
            "an overflowing price",
            with("4999", "92233720368547758070"),
            "validation",
        ),
        ("a negative price", with("4999", "-1"), "validation"),
        ("an unknown currency", with("EUR", "XXX"), "validation"),
        (
            "an unknown member",
            with("\"sku\"", "\"id\":1,\"sku\""),
            "validation",
        ),
    ]
}

#[tokio::test]
async fn a_body_that_is_not_a_product_is_refused_and_nothing_is_stored() {
    let http = HttpConfig {
        max_body_bytes: 64 * 1024,
        ..HttpConfig::default()
    };
    let world = World::with(Options {
        http,
        ..Options::default()
    })
    .await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let valid = product("A", "active").to_string();
    for (what, body, kind) in broken(&valid) {
        assert_ne!(body, valid.as_bytes(), "{what} changes nothing");
        let told = problem(post(&world, &key, body).await, kind).await;
        assert!(
            told["detail"].is_string() || told["errors"].is_array(),
            "{what}: {told}"
        );
    }
    let stored: Value = world
        .get("/v1/products")
        .bearer_auth(&key)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(stored["items"], json!([]));
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let world = World::start().await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    let id = "/v1/products/0193a1f0-6a5c-7c3e-8f00-5b1d6b0f9a11";
    for (method, path, types) in [
        (
            Method::POST,
            "/v1/products",
            &["text/plain", "", "application/json; charset=latin1"][..],
        ),
        (
            Method::PATCH,
            id,
            &[
                "application/json-patch+json",
                "application/x-www-form-urlencoded",
            ],
        ),
        (
            Method::POST,
            "/v1/products/import",
            &["application/json", "multipart/form-data"],
        ),
    ] {
        for given in types {
            let request = world
                .request(method.clone(), path)
                .bearer_auth(&key)
                .header("if-match", "*");
            let request = request.header("content-type", *given).body("{}");
            problem(request.send().await.unwrap(), "unsupported-media-type").await;
        }
    }
}

/// Queries that cannot be understood.
const REFUSED: [&str; 17] = [
    "limit=0",
    "limit=201",
    "limit=-1",
    "limit=1e3",
    "limit=99999999999999999999",
    "limit=1&limit=2",
    "sort=id",
    "status=deleted",
    "page=2",
    "q=%00",
    "category=a%00b",
    "attr.a%00=1",
    "sort=relevance",
    "attr.=1",
    "attr.a%20b=1",
    "attr.a=1&attr.a=2",
    "attr.a'--=1",
];

/// Texts that would do harm where they are taken for more than texts.
const HOSTILE: [&str; 9] = [
    "' OR '1'='1",
    "\"; DROP TABLE products; --",
    "a* OR b",
    "NEAR(",
    "(((",
    "%",
    "_",
    "\\",
    "\u{202e}",
];

async fn ask(world: &World, parameter: &str, value: &str) -> reqwest::Result<reqwest::Response> {
    let url = world.url("/v1/products");
    let url = reqwest::Url::parse_with_params(&url, [(parameter, value)]).unwrap();
    world.client.get(url).send().await
}

async fn hostile_queries(on_postgres: bool) {
    let world = World::with(Options {
        on_postgres,
        ..Options::default()
    })
    .await;
    let key = world.key(&[Scope::CatalogWrite]).await;
    world.product(&key, "A", "active").await;
    for query in REFUSED {
        problem(
            world
                .get(&format!("/v1/products?{query}"))
                .send()
                .await
                .unwrap(),
            "bad-request",
        )
        .await;
    }
    let long = "A".repeat(5_000);
    for cursor in ["x", "", "AAAA", &long, "' OR 1=1 --", "../../etc/passwd"] {
        let response = ask(&world, "cursor", cursor).await;
        problem(response.unwrap(), "invalid-cursor").await;
    }
    for text in HOSTILE {
        for parameter in ["q", "category", "attr.colour"] {
            let response = ask(&world, parameter, text).await;
            let response = response.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{parameter}={text}");
            let page: Value = response.json().await.unwrap();
            assert!(page["items"].as_array().unwrap().len() <= 1);
        }
    }
    let left: Value = world
        .get("/v1/products")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn hostile_queries_are_refused_or_find_nothing_on_sqlite() {
    hostile_queries(false).await;
}

#[tokio::test]
async fn hostile_queries_are_refused_or_find_nothing_on_postgres() {
    hostile_queries(true).await;
}

#[tokio::test]
async fn what_is_no_id_names_nothing() {
    let world = World::start().await;
    for id in [
        "1",
        "x",
        "%00",
        "..%2f..",
        "0193a1f0-6a5c-7c3e-8f00-5b1d6b0f9a1",
        "'--",
    ] {
        problem(
            world
                .get(&format!("/v1/products/{id}"))
                .send()
                .await
                .unwrap(),
            "not-found",
        )
        .await;
    }
    for path in [
        "/",
        "/v1",
        "/v1/products/",
        "/v2/products",
        "/docs/../v1",
        "/metrics/",
    ] {
        problem(world.get(path).send().await.unwrap(), "not-found").await;
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let world = World::start().await;
    let response = world
        .request(Method::DELETE, "/v1/products")
        .send()
        .await
        .unwrap();
    let allowed = response.headers()["allow"].to_str().unwrap().to_owned();
    problem(response, "method-not-allowed").await;
    let allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
    assert!(
        allowed.contains(&"GET") && allowed.contains(&"POST"),
        "{allowed:?}"
    );
}

#[tokio::test]
async fn header_injection_reaches_no_answer() {
    let world = World::start().await;
    let id = "a%0d%0aset-cookie:x=1";
    let response = world
        .get(&format!("/v1/products/{id}"))
        .header("x-request-id", "a b")
        .send()
        .await
        .unwrap();
    assert!(!response.headers().contains_key("set-cookie"));
    assert_ne!(response.headers()["x-request-id"], "a b");
    problem(response, "not-found").await;
    let mut raw = Raw::connect(world.address).await;
    raw.send("GET /healthz HTTP/1.1\r\nhost: x\r\nx-request-id: a\rb\r\n\r\n")
        .await;
    assert!(raw.rest().await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn bytes_that_are_not_http_end_their_connection_only() {
    let world = World::start().await;
    for bytes in [
        "\u{16}\u{3}\u{1}",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let mut raw = Raw::connect(world.address).await;
        raw.try_send(bytes).await;
        raw.finish().await;
        let answer = raw.rest().await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{bytes:?}: {answer}"
        );
    }
    let smuggled = "POST /v1/products HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello";
    let mut raw = Raw::connect(world.address).await;
    raw.send(smuggled).await;
    assert!(raw.rest().await.starts_with("HTTP/1.1 400"));
    assert_eq!(
        world.get("/healthz").send().await.unwrap().status(),
        StatusCode::OK
    );
}
