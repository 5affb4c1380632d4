use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use stanchion_testkit::{TempDir, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::program::DEADLINE;
use crate::server::{Server, serve};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

async fn traced(server: &Server, path: &str) {
    let request = server.anonymous(reqwest::Method::GET, path);
    let request = request.header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
    assert!(
        request
            .send()
            .await
            .expect("an answer")
            .status()
            .is_success()
    );
}

#[tokio::test]
async fn every_line_inside_a_request_has_the_callers_trace_id() {
    let folder = TempDir::new().expect("a folder");
    let program = serve(folder.path())
        .env("STANCHION_TELEMETRY__LOG", "json")
        .env("STANCHION_TELEMETRY__LEVEL", "info,stanchion_http=debug");
    let server = Server::start(program).await;
    traced(&server, "/v1/categories").await;
    let line = server.running.wait_for_line(TRACE, DEADLINE).await;
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line["level"], "DEBUG");
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["http.route"], "/v1/categories");
    assert!(line["request_id"].is_string(), "{line}");
    server.stop().await;
    for line in server.running.stderr().lines() {
        serde_json::from_str::<Value>(line).expect("every line is JSON");
    }
}

#[tokio::test]
async fn metrics_can_have_a_listener_of_their_own() {
    let folder = TempDir::new().expect("a folder");
    let program = serve(folder.path()).env("STANCHION_SERVER__METRICS_LISTEN", "127.0.0.1:0");
    let server = Server::start(program).await;
    assert_eq!(server.status("/metrics").await, 404);
    let line = server.running.wait_for_line("  metrics ", DEADLINE).await;
    let url = line.split_whitespace().last().expect("a URL");
    let exposition = reqwest::get(url)
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a body");
    assert!(exposition.contains("stanchion_build_info"), "{exposition}");
    server.stop().await;
}

/// What a collector was sent, request by request.
pub(crate) type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// A stand-in for an OTLP collector: keeps what it gets and answers 200.
pub(crate) async fn collector() -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let received = Received::default();
    let kept = Arc::clone(&received);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(collect(stream, Arc::clone(&kept)));
        }
    });
    (address, received)
}

async fn collect(mut stream: TcpStream, received: Received) {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        request.extend_from_slice(&buffer[..read]);
        if is_whole(&request) {
            let whole = std::mem::take(&mut request);
            received
                .lock()
                .expect("no test panicked with it")
                .push(whole);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    }
}

/// The bodies of what a collector was sent.
pub(crate) fn bodies(received: &Received) -> Vec<Vec<u8>> {
    let received = received.lock().expect("no test panicked with it");
    let body = |request: &Vec<u8>| {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n")?;
        Some(request[end + 4..].to_vec())
    };
    received.iter().filter_map(body).collect()
}

/// Whether head and body of a request with a `content-length` are there.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length
        .and_then(|text| text.trim().parse().ok())
        .expect("a length");
    request.len() >= end + 4 + length
}

#[tokio::test]
async fn spans_are_exported_in_the_callers_trace() {
    let folder = TempDir::new().expect("a folder");
    let (address, received) = collector().await;
    let program = serve(folder.path())
        .env(
            "STANCHION_TELEMETRY__OTLP_EXPORT",
            format!("http://{address}"),
        )
        .env("STANCHION_TELEMETRY__SERVICE_NAME", "shop-under-test");
    let server = Server::start(program).await;
    traced(&server, "/v1/categories").await;
    server.stop().await;
    let holds = |wanted: &[u8]| {
        let received = received.lock().expect("no panic");
        let mut received = received.iter();
        received.any(|request| request.windows(wanted.len()).any(|bytes| bytes == wanted))
    };
    eventually("the span has arrived", DEADLINE, || async {
        holds(b"shop-under-test")
    })
    .await;
    assert!(holds(b"POST /v1/traces"));
    assert!(holds(b"/v1/categories"), "its route");
    let trace: u128 = u128::from_str_radix(TRACE, 16).expect("hex");
    assert!(holds(&trace.to_be_bytes()), "its trace is the caller's");
    let parent = u64::from_str_radix(PARENT, 16).expect("hex");
    assert!(
        holds(&parent.to_be_bytes()),
        "its parent is the caller's span"
    );
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nothing_up() {
    let folder = TempDir::new().expect("a folder");
    let program =
        serve(folder.path()).env("STANCHION_TELEMETRY__OTLP_EXPORT", "http://127.0.0.1:1");
    let server = Server::start(program).await;
    traced(&server, "/v1/categories").await;
    server.stop().await;
}
