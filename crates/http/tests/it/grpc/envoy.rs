//! A real Envoy, configured by the very file that the handbook shows.

use axum::Router;
use axum::routing::get;
use reqwest::{Response, StatusCode};
use stanchion_http::{Drained, HttpConfig, Listener};
use stanchion_testkit::{Envoy, eventually, free_port};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::service::Service;
use crate::world::{SOON, client};

const CONFIGURATION: &str = include_str!("../../../../../docs/examples/envoy/envoy.yaml");

/// An Envoy in front of a service of one page, which asks `service` about every request.
struct Proxied {
    envoy: Envoy,
    url: String,
    client: reqwest::Client,
    _page: AbortOnDropHandle<Drained>,
}

/// The configuration with one text in place of another, which it holds once.
fn with(configuration: &str, old: &str, new: &str) -> String {
    assert_eq!(configuration.matches(old).count(), 1, "{old}");
    configuration.replace(old, new)
}

impl Proxied {
    async fn start(service: &Service, failure_mode_deny: bool) -> Self {
        let loopback = "127.0.0.1:0".parse().unwrap();
        let page = Listener::bind(loopback, &HttpConfig::default()).await;
        let page = page.unwrap();
        let page_port = page.local_addr().unwrap().port();
        let router = Router::new().route("/", get(|| async { "the page" }));
        let page = tokio::spawn(page.serve(router, CancellationToken::new()));
        let (port, admin_port) = (free_port(), free_port());
        let mut configuration = CONFIGURATION.to_owned();
        for (old, new) in [
            (10_000, port),
            (9_901, admin_port),
            (8_000, page_port),
            (8_081, service.address.port()),
        ] {
            let (old, new) = (
                format!("port_value: {old} }}"),
                format!("port_value: {new} }}"),
            );
            configuration = with(&configuration, &old, &new);
        }
        let deny = format!("failure_mode_deny: {failure_mode_deny}");
        let configuration = with(&configuration, "failure_mode_deny: true", &deny);
        Self {
            envoy: Envoy::start(&configuration, admin_port).await,
            url: format!("http://127.0.0.1:{port}/"),
            client: client().build().unwrap(),
            _page: AbortOnDropHandle::new(page),
        }
    }

    async fn get(&self) -> Response {
        self.client.get(&self.url).send().await.unwrap()
    }

    /// Waits until Envoy holds the service to be healthy.
    async fn knows_the_service(&self) {
        let healthy = || async {
            let clusters = self.envoy.admin("/clusters").await;
            let mut lines = clusters.lines();
            lines.any(|line| {
                line.starts_with("stanchion::") && line.ends_with("::health_flags::healthy")
            })
        };
        eventually("Envoy holds the service to be healthy", SOON, healthy).await;
    }
}

fn field<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn envoy_admits_up_to_the_limit_and_passes_the_fields_on() {
    let service = Service::start().await;
    let proxied = Proxied::start(&service, true).await;
    proxied.knows_the_service().await;
    let policy = Some("\"addresses\";q=3;w=3600");
    for state in [
        "\"addresses\";r=2;t=1200",
        "\"addresses\";r=1;t=2400",
        "\"addresses\";r=0;t=3600",
    ] {
        let answer = proxied.get().await;
        assert_eq!(answer.status(), StatusCode::OK, "{}", proxied.envoy.log());
        assert_eq!(field(&answer, "ratelimit-policy"), policy);
        assert_eq!(field(&answer, "ratelimit"), Some(state));
        assert_eq!(field(&answer, "retry-after"), None);
        assert_eq!(answer.text().await.unwrap(), "the page");
    }
    for _ in 0..2 {
        let answer = proxied.get().await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(field(&answer, "ratelimit-policy"), policy);
        let state = Some("\"addresses\";r=0;t=1200");
        assert_eq!(field(&answer, "ratelimit"), state);
        assert_eq!(field(&answer, "retry-after"), Some("1200"));
    }
}

/// With the service gone, every request has the status that the mode gives it.
async fn without_the_service(failure_mode_deny: bool, expected: StatusCode) {
    let service = Service::start().await;
    let proxied = Proxied::start(&service, failure_mode_deny).await;
    proxied.knows_the_service().await;
    for _ in 0..3 {
        assert_eq!(proxied.get().await.status(), StatusCode::OK);
    }
    let answer = proxied.get().await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(service.end().await, Drained::Clean);
    for _ in 0..3 {
        assert_eq!(proxied.get().await.status(), expected);
    }
}

#[tokio::test]
async fn with_failure_mode_deny_envoy_refuses_while_the_service_is_down() {
    without_the_service(true, StatusCode::INTERNAL_SERVER_ERROR).await;
}

#[tokio::test]
async fn without_failure_mode_deny_envoy_admits_while_the_service_is_down() {
    without_the_service(false, StatusCode::OK).await;
}
