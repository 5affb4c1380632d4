use std::time::Duration;

use stanchion_testkit::{TempDir, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program::DEADLINE;
use crate::server::{Server, product, serve};

/// Sends an import whose body does not end yet.
async fn unfinished_import(server: &Server) -> TcpStream {
    let address = server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head = format!(
        "POST /v1/products/import HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n",
        server.key
    );
    stream.write_all(head.as_bytes()).await.expect("written");
    send_chunk(&mut stream, &product("SLOW-1").to_string()).await;
    eventually("the import has begun", DEADLINE, || async {
        server
            .text("/metrics")
            .await
            .contains("stanchion_http_streams_in_flight 1")
    })
    .await;
    stream
}

async fn send_chunk(stream: &mut TcpStream, line: &str) {
    let chunk = format!("{:x}\r\n{line}\n\r\n", line.len() + 1);
    stream.write_all(chunk.as_bytes()).await.expect("written");
}

#[tokio::test]
async fn ctrl_c_lets_requests_in_flight_finish() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::demo(folder.path()).await;
    let mut import = unfinished_import(&server).await;
    server.running.interrupt();
    server.running.wait_for_line("stopping", DEADLINE).await;
    eventually("nothing new is accepted", DEADLINE, || async {
        server.status("/healthz").await == 0
    })
    .await;

    send_chunk(&mut import, &product("SLOW-2").to_string()).await;
    import.write_all(b"0\r\n\r\n").await.expect("written");
    let mut answer = String::new();
    import.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"created\":2"), "{answer}");
    let status = server.running.wait(DEADLINE).await;
    assert_eq!(status.code(), Some(0));
    assert!(
        server
            .running
            .stderr()
            .contains("every request was answered")
    );
}

#[tokio::test]
async fn requests_that_outlast_the_drain_are_cut_at_the_limit() {
    let folder = TempDir::new().expect("a folder");
    let program = serve(folder.path())
        .arg("--demo")
        .env("STANCHION_SERVER__DRAIN_TIMEOUT_MS", "100");
    let server = Server::start_demo(program).await;
    let _import = unfinished_import(&server).await;
    server.running.terminate();
    let status = server.running.wait(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0), "{}", server.running.stderr());
    assert!(
        server.running.stderr().contains("connections were cut"),
        "{}",
        server.running.stderr()
    );
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::demo(folder.path()).await;
    let _import = unfinished_import(&server).await;
    server.running.interrupt();
    server.running.wait_for_line("stopping", DEADLINE).await;
    server.running.interrupt();
    assert_eq!(server.running.wait(DEADLINE).await.code(), Some(130));
}
