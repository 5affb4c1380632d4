//! Limits of servers that share a Redis, or share them without one, and of an Envoy that asks one of them.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use stanchion_kernel::Clock;
use stanchion_testkit::{Program, Redis, RedisOptions, TempDir, eventually, free_port};

use crate::program::{DEADLINE, fail, stanchion, succeed};
use crate::server::{Server, serve, status};

fn on_redis(program: Program, redis: &Redis) -> Program {
    program
        .env("STANCHION_LIMITER__BACKEND", "redis")
        .env("STANCHION_LIMITER__URLS", redis.url())
        .env("STANCHION_LIMITER__SERVERS", "2")
        .env("STANCHION_LIMITER__QUARANTINE_MS", "700")
}

async fn put_limit(server: &Server, name: &str, fallback: &str) {
    let mut body = json!({"rate": {"tokens": 4, "period_seconds": 1}, "burst": 20});
    body["fallback"] = json!(fallback);
    if fallback == "share" {
        body["servers"] = json!(2);
    }
    let path = format!("/v1/limits/{name}");
    let put = server.with(&server.key, Method::PUT, &path).json(&body);
    assert!(status(put).await < 300);
}

/// The status of a check, and whether it was allowed.
async fn check(server: &Server, key: &str, limit: &str, cost: u64) -> (u16, bool) {
    let asked = server.with(key, Method::POST, "/v1/limits/check");
    let asked = asked.json(&json!({"limit": limit, "key": "k", "cost": cost}));
    let answer = asked.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let said: Value = answer.json().await.expect("JSON");
    (status, said["allowed"] == true)
}

/// What is left of a limit, as a server sees it; `None` before it has heard of the limit.
async fn left(server: &Server, key: &str, limit: &str) -> Option<u64> {
    let asked = server.with(key, Method::POST, "/v1/limits/check");
    let asked = asked.json(&json!({"limit": limit, "key": "k", "cost": 0}));
    let said: Value = asked.send().await.ok()?.json().await.ok()?;
    said["remaining"].as_u64()
}

/// Two servers, each made what it is by its number.
async fn two_servers(folder: &Path, made: impl Fn(Program, usize) -> Program) -> (Server, Server) {
    let demo = made(serve(folder).arg("--demo"), 0);
    let first = Server::start_demo(demo).await;
    let second = Server::start(made(serve(folder), 1)).await;
    (first, second)
}

/// Servers that keep buckets themselves, all together.
fn among_peers(backend: &'static str) -> impl Fn(Program, usize) -> Program {
    let peers = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    move |program, number| {
        program
            .env("STANCHION_LIMITER__BACKEND", backend)
            .env("STANCHION_LIMITER__SERVERS", "2")
            .env("STANCHION_LIMITER__PEER_LISTEN", &peers[number])
            .env("STANCHION_LIMITER__PEERS", peers.join(","))
            .env("STANCHION_LIMITER__PEER_SECRET", "s".repeat(32))
    }
}

/// What one has taken the other does not have.
async fn share_a_limit(first: &Server, second: &Server) {
    put_limit(first, "shared", "deny").await;
    let key = &first.key;
    eventually("the bucket is full for both", DEADLINE, || async {
        check(second, key, "shared", 0).await.0 == 200 && check(first, key, "shared", 20).await.1
    })
    .await;
    let clock = Clock::system();
    let began = clock.monotonic();
    let mut admitted = 0;
    for n in 0..40 {
        let server = if n % 2 == 0 { first } else { second };
        admitted += u64::from(check(server, key, "shared", 1).await.1);
    }
    let seconds = (clock.monotonic() - began).as_secs_f64();
    let given = 4.0 * (seconds + 1.0);
    assert!(
        f64::from(u32::try_from(admitted).expect("few")) <= given,
        "{admitted} in {seconds} s"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_over_one_redis_share_a_limit() {
    let folder = TempDir::new().expect("a folder");
    let redis = Redis::start(RedisOptions::default()).await;
    let on_redis = |program, _| on_redis(program, &redis);
    let (first, second) = two_servers(folder.path(), on_redis).await;
    share_a_limit(&first, &second).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_with_buckets_in_escrow_share_a_limit() {
    let folder = TempDir::new().expect("a folder");
    let (first, second) = two_servers(folder.path(), among_peers("escrow")).await;
    share_a_limit(&first, &second).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_that_gossip_hear_what_the_other_has_admitted() {
    let folder = TempDir::new().expect("a folder");
    let (first, second) = two_servers(folder.path(), among_peers("gossip")).await;
    put_limit(&first, "shared", "deny").await;
    let key = &first.key;
    let full = async |server| left(server, key, "shared").await == Some(20);
    eventually("the bucket is full for both", DEADLINE, || async {
        full(&first).await && full(&second).await
    })
    .await;
    assert_eq!(check(&first, key, "shared", 20).await, (200, true));
    eventually("the other one hears of it", DEADLINE, || async {
        left(&second, key, "shared").await < Some(20)
    })
    .await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_redis_a_server_says_what_each_limit_falls_back_to() {
    let folder = TempDir::new().expect("a folder");
    let redis = Redis::start(RedisOptions::default()).await;
    let demo = on_redis(serve(folder.path()).arg("--demo"), &redis);
    let server = Server::start_demo(demo).await;
    for fallback in ["deny", "share"] {
        put_limit(&server, fallback, fallback).await;
    }
    let key = &server.key;
    eventually("tokens have come", DEADLINE, || async {
        check(&server, key, "deny", 1).await.1
    })
    .await;
    redis.kill9();
    eventually("it is missed", DEADLINE, || async {
        check(&server, key, "deny", 1).await.0 == 503
    })
    .await;
    eventually("a share has come", DEADLINE, || async {
        check(&server, key, "share", 1).await == (200, true)
    })
    .await;
    assert_eq!(check(&server, key, "deny", 1).await.0, 503);
    redis.start_again().await;
    eventually("it is found again", DEADLINE, || async {
        check(&server, key, "deny", 1).await == (200, true)
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_check_says_what_a_failover_of_redis_can_do() {
    let folder = TempDir::new().expect("a folder");
    let redis = Redis::start(RedisOptions::default()).await;
    let checked = on_redis(stanchion(folder.path()).args(["serve", "--check"]), &redis)
        .env("STANCHION_LIMITER__LEASES", "false");
    let printed = succeed(checked).await;
    assert!(
        printed.contains("# a failover of Redis admits nothing beyond"),
        "{printed}"
    );
    let _replica = Redis::start(RedisOptions {
        replica_of: Some(redis.port()),
        ..RedisOptions::default()
    })
    .await;
    redis.wait_for_replicas(1).await;
    let checked = on_redis(stanchion(folder.path()).args(["serve", "--check"]), &redis);
    let printed = succeed(checked).await;
    assert!(
        printed.contains("TWICE") && printed.contains("min-replicas-to-write"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_redis_that_cannot_be_used_is_said_at_the_start() {
    let folder = TempDir::new().expect("a folder");
    let redis = Redis::start(RedisOptions {
        password: Some("right".to_owned()),
        ..RedisOptions::default()
    })
    .await;
    let url = format!("redis://:wrong@127.0.0.1:{}/", redis.port());
    let wrong = on_redis(serve(folder.path()), &redis).env("STANCHION_LIMITER__URLS", url);
    let complaint = fail(wrong).await;
    assert!(complaint.contains("Redis refuses"), "{complaint}");
    assert!(!complaint.contains("wrong@"), "{complaint}");
}

#[tokio::test]
async fn envoys_service_listens_where_it_is_configured() {
    let folder = TempDir::new().expect("a folder");
    let address = format!("127.0.0.1:{}", free_port());
    let program = serve(folder.path())
        .env("STANCHION_LIMITER__ENVOY_LISTEN", &address)
        .env(
            "STANCHION_LIMITER__ENVOY_RULES",
            "[{ domain = 'shop', entries = [{ key = 'remote_address' }], limit = 'anonymous' }]",
        );
    let server = Server::start(program).await;
    let client = Client::builder()
        .http2_prior_knowledge()
        .timeout(Duration::from_secs(10));
    let client = client.build().expect("a client");
    let path = "envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
    // A message of no bytes: a request without a domain.
    let answer = client
        .post(format!("http://{address}/{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(vec![0_u8; 5])
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.headers()["grpc-status"], "3");
    server.stop().await;
}
