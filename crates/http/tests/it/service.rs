//! What every answer has, and the probes.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use stanchion_http::auth::Scope;
use stanchion_testkit::{Postgres, PostgresOptions, eventually};

use crate::world::{Options, SOON, World, problem};

#[tokio::test]
async fn every_answer_names_its_request_and_trace_and_tells_browsers_to_be_careful() {
    let world = World::start().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for path in ["/v1/products", "/healthz", "/nowhere", "/v1/keys"] {
        let request = world
            .get(path)
            .header("x-request-id", "mine-1")
            .header("traceparent", parent);
        let response = request.send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-request-id"), "mine-1", "{path}");
        assert!(header("traceresponse").starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(
            header("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'"
        );
        assert_eq!(header("cache-control"), "no-store");
        assert!(
            !response.headers().contains_key("strict-transport-security"),
            "not over plain HTTP"
        );
        assert!(!response.headers().contains_key("server"));
    }
    let first = world.get("/healthz").send().await.unwrap().headers()["x-request-id"].clone();
    let second = world.get("/healthz").send().await.unwrap().headers()["x-request-id"].clone();
    assert_ne!(first, second);
}

#[tokio::test]
async fn metrics_tell_rate_errors_and_duration_of_each_route_and_of_the_process() {
    let world = World::start().await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    let (made, _) = world.product(&writer, "A", "active").await;
    let place = format!("/v1/products/{}", made["id"].as_str().unwrap());
    world.get(&place).send().await.unwrap();
    world.request(Method::DELETE, &place).send().await.unwrap();
    let text = world
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for wanted in [
        "stanchion_http_requests_total{method=\"GET\",route=\"/v1/products/{id}\",status=\"200\"}",
        "stanchion_http_requests_total{method=\"DELETE\",route=\"/v1/products/{id}\",status=\"401\"}",
        "stanchion_http_request_duration_seconds",
        "stanchion_http_requests_in_flight",
        "stanchion_http_connections",
        "stanchion_db_statement_seconds",
        "stanchion_runtime_queue_depth",
        "stanchion_runtime_worker_busy_ratio",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    assert!(!text.contains(&place), "an id is no label");
}

#[tokio::test]
async fn a_lost_database_is_a_problem_until_it_is_back() {
    let server = Postgres::start(PostgresOptions::default()).await;
    let database = server.empty_database().await;
    let world = World::over(database.url(), Options::default()).await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    let (made, _) = world.product(&writer, "A", "active").await;
    let place = format!("/v1/products/{}", made["id"].as_str().unwrap());
    server.kill9().await;
    eventually("the loss is told", SOON, || async {
        world.get("/readyz").send().await.unwrap().status() == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    problem(world.get("/readyz").send().await.unwrap(), "unavailable").await;
    let read = world
        .get(&place)
        .timeout(Duration::from_secs(20))
        .send()
        .await
        .unwrap();
    assert_eq!(read.headers()["retry-after"], "1");
    problem(read, "unavailable").await;
    let with_key = world
        .get("/v1/keys")
        .bearer_auth(&writer)
        .timeout(Duration::from_secs(20));
    problem(with_key.send().await.unwrap(), "unavailable").await;
    assert_eq!(
        world.get("/healthz").send().await.unwrap().status(),
        StatusCode::OK
    );
    server.start_again().await;
    eventually("it is back", Duration::from_secs(30), || async {
        world.get("/readyz").send().await.unwrap().status() == StatusCode::OK
    })
    .await;
    assert_eq!(
        world.get(&place).send().await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn metrics_with_a_listener_of_their_own_are_not_public() {
    let world = World::with(Options {
        metrics_apart: true,
        ..Options::default()
    })
    .await;
    problem(world.get("/metrics").send().await.unwrap(), "not-found").await;
    assert!(world.routes.iter().all(|route| route.path != "/metrics"));
}
