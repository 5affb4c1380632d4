//! Limits of a running server: its configuration, its database, its neighbours.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use stanchion_testkit::{Postgres, Program, TempDir, eventually};

use crate::program::{stanchion, succeed};
use crate::server::{Server, serve, status};

/// A second or two is promised; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(8);
const MINUTE: Duration = Duration::from_secs(60);

/// `serve` in `folder` with these limits.
fn limited(folder: &Path, limits: &str) -> Program {
    serve(folder)
        .env("STANCHION_LIMITER__ENABLED", "true")
        .env("STANCHION_LIMITER__LIMITS", limits)
}

async fn get(server: &Server, path: &str) -> Response {
    let request = server.anonymous(Method::GET, path);
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn two_servers_on_one_sqlite_file_share_a_changed_limit() {
    let folder = TempDir::new().expect("a folder");
    a_changed_limit_reaches_the_other_server_within_seconds(folder.path(), |program| program).await;
}

#[tokio::test]
async fn two_servers_on_postgres_share_a_changed_limit() {
    let folder = TempDir::new().expect("a folder");
    let database = Postgres::shared().await.empty_database().await;
    let url = database.url().to_owned();
    let on = |program: Program| program.env("STANCHION_DATABASE__URL", &url);
    succeed(on(stanchion(folder.path())).arg("migrate")).await;
    a_changed_limit_reaches_the_other_server_within_seconds(folder.path(), on).await;
}

async fn a_changed_limit_reaches_the_other_server_within_seconds(
    folder: &Path,
    on: impl Fn(Program) -> Program,
) {
    let first = Server::start(on(serve(folder))).await;
    let second = Server::start(on(serve(folder))).await;
    let create = [
        "key",
        "create",
        "--name",
        "t",
        "--scopes",
        "limits:admin,limits:check",
        "--json",
    ];
    let made = succeed(on(stanchion(folder)).args(create)).await;
    let made: Value = serde_json::from_str(&made).expect("JSON");
    let key = made["key"].as_str().expect("a key");
    for burst in [5, 7] {
        let body = json!({"rate": {"tokens": 1000, "period_seconds": 1}, "burst": burst});
        let put = first.with(key, Method::PUT, "/v1/limits/mails").json(&body);
        assert!(status(put).await < 300);
        eventually(
            "the other server decides by the new limit",
            WITHIN,
            || async {
                let check = second.with(key, Method::POST, "/v1/limits/check");
                let check = check.json(&json!({"limit": "mails", "key": "k", "cost": burst}));
                status(check).await == 200
            },
        )
        .await;
    }
    let delete = first.with(key, Method::DELETE, "/v1/limits/mails");
    assert_eq!(status(delete).await, 204);
    eventually("the other server has forgotten it", WITHIN, || async {
        let check = second.with(key, Method::POST, "/v1/limits/check");
        status(check.json(&json!({"limit": "mails", "key": "k"}))).await == 404
    })
    .await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_demo_limits_anonymous_callers_by_default_and_nobody_else() {
    let folder = TempDir::new().expect("a folder");
    let program = serve(folder.path()).arg("--demo");
    let server = Server::start_demo(program.env("STANCHION_LIMITER__ENABLED", "true")).await;
    let answer = get(&server, "/v1/products?limit=1").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["ratelimit-policy"],
        "\"anonymous\";q=200;w=2"
    );
    let answer = server.with(&server.key, Method::GET, "/v1/limits");
    let answer = answer.send().await.expect("an answer");
    assert!(!answer.headers().contains_key("ratelimit-policy"));
    let limits: Value = answer.json().await.expect("JSON");
    assert_eq!(limits["items"][0]["name"], "anonymous");
    assert_eq!(limits["items"][0]["source"], "config");
    let metrics = server.text("/metrics").await;
    let counted = "stanchion_limiter_decisions_total{limit=\"anonymous\",outcome=\"allowed\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    server.stop().await;
}

#[tokio::test]
async fn configured_limits_replace_the_default_and_refuse_with_429() {
    let folder = TempDir::new().expect("a folder");
    let limits = "[{ name = 'tiny', rate = '1/s', burst = 1, per = 'client' }]";
    let server = Server::start(limited(folder.path(), limits)).await;
    // A bucket is empty at the start.
    eventually("the first token has come", MINUTE, || async {
        get(&server, "/v1/products").await.status() == 200
    })
    .await;
    eventually("one more is refused", MINUTE, || async {
        let answer = get(&server, "/v1/products").await;
        if answer.status() != 429 {
            return false;
        }
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(answer.headers()["ratelimit"], "\"tiny\";r=0;t=1");
        let problem: Value = answer.json().await.expect("JSON");
        problem["violated-policies"] == json!(["tiny"])
    })
    .await;
    assert_eq!(server.status("/healthz").await, 200);
    server.stop().await;
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let folder = TempDir::new().expect("a folder");
    let limits = "[{ name = 'never', rate = '1/day', burst = 1, per = 'global' }]";
    let program = limited(folder.path(), limits).env("STANCHION_LIMITER__ENABLED", "false");
    let server = Server::start(program).await;
    for _ in 0..3 {
        assert_eq!(get(&server, "/v1/products").await.status(), 200);
    }
    server.stop().await;
}
