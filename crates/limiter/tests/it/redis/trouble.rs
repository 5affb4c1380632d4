//! A server that is not there, refuses us, says nonsense or is overrun.

use std::time::Duration;

use stanchion_kernel::{Clock, Entropy};
use stanchion_limiter::port::{Backend as _, Place, Redis, RedisConfig};
use stanchion_limiter::{Ask, Limit, LimiterError, Rate};
use stanchion_testkit::{Redis as Server, RedisOptions, eventually, free_port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{config, connect};

const DEADLINE: Duration = Duration::from_secs(10);

fn limit() -> Limit {
    Limit::new("trouble", Rate::per_second(1_000), 1_000).expect("a limit")
}

async fn ask(redis: &Redis) -> Result<bool, LimiterError> {
    let limit = limit();
    let ask = Ask::new(&limit, "key", 1).expect("a question");
    redis
        .check(&[ask])
        .await
        .map(|decisions| decisions[0].allowed)
}

fn elsewhere(url: String) -> RedisConfig {
    RedisConfig {
        reply_within: Duration::from_millis(200),
        ..RedisConfig::new(Place::Single(url))
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_clear_error_at_the_start() {
    let server = Server::start(RedisOptions {
        password: Some("right".to_owned()),
        ..RedisOptions::default()
    })
    .await;
    for url in [
        format!("redis://127.0.0.1:{}/", server.port()),
        format!("redis://:wrong@127.0.0.1:{}/", server.port()),
    ] {
        let refused = Redis::connect(elsewhere(url), Clock::system(), &Entropy::system()).await;
        let error = refused.expect_err("no server for us");
        assert!(matches!(error, LimiterError::Config(_)), "{error}");
        assert!(!error.to_string().contains("wrong@"), "{error}");
    }
    connect(config(&server, "right")).await;
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_being_quoted() {
    let url = "nonsense://:secret@host".to_owned();
    let error = Redis::connect(elsewhere(url), Clock::system(), &Entropy::system())
        .await
        .expect_err("no address");
    assert!(matches!(error, LimiterError::Config(_)), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_server_that_comes_later_is_found() {
    let port = free_port();
    let redis = connect(elsewhere(format!("redis://127.0.0.1:{port}/"))).await;
    assert!(matches!(
        ask(&redis).await,
        Err(LimiterError::Unavailable(_))
    ));
    assert_eq!(redis.standing(), None);
    let options = RedisOptions {
        port: Some(port),
        ..RedisOptions::default()
    };
    let _server = Server::start(options).await;
    eventually("the buckets open", DEADLINE, || async {
        ask(&redis).await == Ok(true)
    })
    .await;
}

#[tokio::test]
async fn a_server_that_says_nonsense_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let talker = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = [0; 4_096];
                while stream.read(&mut asked).await.is_ok_and(|read| read > 0) {
                    if stream
                        .write_all(b"+OK\r\n*1\r\n$3\r\nfoo\r\n\x00garbage")
                        .await
                        .is_err()
                    {
                        break;
                    }
                }
            });
        }
    });
    let redis = connect(elsewhere(format!("redis://127.0.0.1:{port}/"))).await;
    for _ in 0..5 {
        let answer = ask(&redis).await;
        assert!(
            matches!(answer, Err(LimiterError::Unavailable(_))),
            "{answer:?}"
        );
    }
    talker.abort();
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time_and_found_again() {
    let server = Server::start(RedisOptions::default()).await;
    let redis = connect(config(&server, "silent")).await;
    eventually("the buckets open", DEADLINE, || async {
        ask(&redis).await == Ok(true)
    })
    .await;
    server.pause().await;
    let answer = ask(&redis).await;
    assert!(
        matches!(answer, Err(LimiterError::Unavailable(_))),
        "{answer:?}"
    );
    server.resume();
    eventually("it is found again", DEADLINE, || async {
        ask(&redis).await == Ok(true)
    })
    .await;
}

#[tokio::test]
async fn more_questions_than_may_wait_are_refused_at_once() {
    let server = Server::start(RedisOptions::default()).await;
    let redis = connect(RedisConfig {
        queue: 4,
        connections: 1,
        ..config(&server, "crowd")
    })
    .await;
    eventually("the buckets open", DEADLINE, || async {
        ask(&redis).await == Ok(true)
    })
    .await;
    server.pause().await;
    let asked = futures_util::future::join_all((0..20).map(|_| ask(&redis))).await;
    let full = asked.iter().filter(
        |answer| matches!(answer, Err(LimiterError::Unavailable(why)) if why.contains("too many")),
    );
    assert!(full.count() >= 15, "{asked:?}");
    server.resume();
}

#[tokio::test]
async fn a_replica_that_is_open_for_writes_keeps_no_buckets() {
    let primary = Server::start(RedisOptions::default()).await;
    let replica = Server::start(RedisOptions {
        replica_of: Some(primary.port()),
        settings: vec![("replica-read-only".to_owned(), "no".to_owned())],
        ..RedisOptions::default()
    })
    .await;
    primary.wait_for_replicas(1).await;
    let redis = connect(config(&replica, "open")).await;
    let answer = ask(&redis).await;
    assert!(
        matches!(&answer, Err(LimiterError::Unavailable(why)) if why.contains("primary")),
        "{answer:?}"
    );
    assert_eq!(redis.standing(), None);
}
