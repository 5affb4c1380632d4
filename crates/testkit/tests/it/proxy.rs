use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use stanchion_testkit::{Clock, Direction, Proxy, eventually, hold};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_millis(150);

/// A server that sends back what it gets, until the client's end.
async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = socket.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.addr())
        .await
        .expect("the proxy listens")
}

async fn echo(socket: &mut TcpStream, word: &[u8]) -> io::Result<Vec<u8>> {
    socket.write_all(word).await?;
    let mut answer = vec![0; word.len()];
    socket.read_exact(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn bytes_pass_both_ways_and_are_counted() {
    let proxy = Proxy::start(echo_server().await);
    let mut socket = connect(&proxy).await;
    let sent: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let (mut read, mut write) = socket.split();
    let mut received = Vec::new();
    let (written, read) = tokio::join!(
        async {
            write.write_all(&sent).await?;
            write.shutdown().await
        },
        read.read_to_end(&mut received),
    );
    written.unwrap();
    assert_eq!(read.unwrap(), 1_000_000);
    assert!(sent == received);
    assert_eq!(proxy.delivered_bytes(Direction::ToServer), 1_000_000);
    assert_eq!(proxy.delivered_bytes(Direction::ToClient), 1_000_000);
    assert_eq!(proxy.dropped_bytes(Direction::Both), 0);
}

#[tokio::test]
async fn a_delay_holds_back_each_direction_and_ends() {
    let clock = Clock::system();
    let proxy = Proxy::start(echo_server().await);
    let mut socket = connect(&proxy).await;
    proxy.delay(Duration::from_millis(60));
    let began = clock.monotonic();
    assert_eq!(echo(&mut socket, b"late").await.unwrap(), b"late");
    assert!(clock.monotonic() - began >= Duration::from_millis(120));

    proxy.delay(Duration::ZERO);
    // A busy machine may be as slow as the delay was, but not for ever.
    loop {
        let start = clock.monotonic();
        assert_eq!(echo(&mut socket, b"soon").await.unwrap(), b"soon");
        if clock.monotonic() - start < Duration::from_millis(120) {
            break;
        }
        assert!(start - began < DEADLINE, "the delay goes on");
    }
}

#[tokio::test]
async fn a_cut_closes_connections_and_refuses_new_ones_until_healed() {
    let proxy = Proxy::start(echo_server().await);
    let mut socket = connect(&proxy).await;
    echo(&mut socket, b"before").await.unwrap();
    proxy.cut();
    assert!(echo(&mut socket, b"after").await.is_err());
    let refused = TcpStream::connect(proxy.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

    proxy.heal();
    let mut again = connect(&proxy).await;
    assert_eq!(echo(&mut again, b"again").await.unwrap(), b"again");
}

#[tokio::test]
async fn lost_requests_leave_the_connection_open_and_never_reach_the_server() {
    let proxy = Proxy::start(echo_server().await);
    let mut socket = connect(&proxy).await;
    echo(&mut socket, b"before").await.unwrap();
    proxy.drop_bytes(Direction::ToServer);
    let silence = timeout(SILENCE, echo(&mut socket, b"lost")).await;
    assert!(
        silence.is_err(),
        "neither an answer nor an end: {silence:?}"
    );
    assert_eq!(proxy.dropped_bytes(Direction::ToServer), 4);
    assert_eq!(proxy.delivered_bytes(Direction::ToServer), 6);

    // New connections are made and are as silent.
    let mut second = connect(&proxy).await;
    assert!(timeout(SILENCE, echo(&mut second, b"lost")).await.is_err());
}

#[tokio::test]
async fn lost_answers_reach_the_server_and_not_the_client() {
    let proxy = Proxy::start(echo_server().await);
    let mut socket = connect(&proxy).await;
    proxy.drop_bytes(Direction::ToClient);
    assert!(timeout(SILENCE, echo(&mut socket, b"half")).await.is_err());
    assert_eq!(proxy.delivered_bytes(Direction::ToServer), 4);
    assert_eq!(proxy.dropped_bytes(Direction::ToClient), 4);
}

#[tokio::test]
async fn the_end_of_a_stream_is_lost_like_its_bytes() {
    let proxy = Proxy::start(echo_server().await);
    let mut socket = connect(&proxy).await;
    echo(&mut socket, b"before").await.unwrap();
    proxy.drop_bytes(Direction::Both);
    socket.shutdown().await.unwrap();
    hold("the server's end could arrive", SILENCE).await;
    assert!(timeout(SILENCE, socket.read_u8()).await.is_err());
}

#[tokio::test]
async fn healing_closes_what_lost_bytes_and_spares_the_rest() {
    let proxy = Proxy::start(echo_server().await);
    let mut torn = connect(&proxy).await;
    let mut whole = connect(&proxy).await;
    echo(&mut torn, b"before").await.unwrap();
    echo(&mut whole, b"before").await.unwrap();
    proxy.drop_bytes(Direction::Both);
    torn.write_all(b"lost").await.unwrap();
    eventually("the bytes are lost", DEADLINE, || async {
        proxy.dropped_bytes(Direction::ToServer) == 4
    })
    .await;
    proxy.heal();
    assert!(timeout(DEADLINE, torn.read_u8()).await.unwrap().is_err());
    assert_eq!(echo(&mut whole, b"after").await.unwrap(), b"after");
}

#[tokio::test]
async fn who_was_connected_to_a_server_that_vanished_hears_nothing_more_and_others_do() {
    let proxy = Proxy::start(echo_server().await);
    let mut before = connect(&proxy).await;
    echo(&mut before, b"before").await.unwrap();
    proxy.vanish();
    let mut after = connect(&proxy).await;
    assert_eq!(echo(&mut after, b"after").await.unwrap(), b"after");
    proxy.heal();
    before.write_all(b"lost").await.unwrap();
    assert!(timeout(SILENCE, before.read_u8()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_proxy_has_a_clock_of_its_own() {
    let clock = Clock::system();
    let proxy = Proxy::start(echo_server().await);
    let mut socket = connect(&proxy).await;
    proxy.delay(Duration::from_millis(50));
    let start = clock.monotonic();
    assert_eq!(echo(&mut socket, b"real").await.unwrap(), b"real");
    assert!(clock.monotonic() - start >= Duration::from_millis(100));
}
