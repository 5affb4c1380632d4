use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use stanchion_testkit::{
    Program, Proxy, Redis, RedisCluster, RedisOptions, Sentinels, SentinelsOptions, TempDir,
    eventually, free_port,
};

use crate::is_alive;

const DEADLINE: Duration = Duration::from_secs(20);

async fn primary() -> Redis {
    Redis::start(RedisOptions::default()).await
}

async fn replica_of(primary: &Redis) -> Redis {
    let options = RedisOptions {
        replica_of: Some(primary.port()),
        ..RedisOptions::default()
    };
    Redis::start(options).await
}

async fn expect_value(redis: &Redis, key: &str, value: &str) {
    eventually("the replica has the value", DEADLINE, || async {
        redis.try_command(&["GET", key]).await.as_deref() == Ok(value)
    })
    .await;
}

fn refuses(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

#[tokio::test]
async fn a_server_is_empty_after_a_kill_on_the_same_port() {
    let redis = primary().await;
    let (port, pid) = (redis.port(), redis.pid().unwrap());
    assert_eq!(redis.url(), format!("redis://127.0.0.1:{port}/"));
    assert_eq!(redis.command(&["SET", "k", "a b\r\nc"]).await, "OK");
    assert_eq!(redis.command(&["GET", "k"]).await, "a b\r\nc");

    redis.kill9();
    assert!(!is_alive(pid) && refuses(port));
    assert_eq!(redis.pid(), None);
    assert!(redis.try_command(&["PING"]).await.is_err());

    redis.start_again().await;
    assert_eq!(redis.port(), port);
    assert_ne!(redis.pid().unwrap(), pid);
    assert_eq!(redis.command(&["EXISTS", "k"]).await, "0");

    redis.command(&["SET", "k", "v"]).await;
    redis.stop().await;
    assert!(refuses(port));
    redis.start_again().await;
    assert_eq!(redis.command(&["EXISTS", "k"]).await, "0");
}

#[tokio::test]
async fn answers_are_told_from_errors_and_settings_are_in_force() {
    let options = RedisOptions {
        settings: vec![("maxmemory".into(), "3mb".into())],
        ..RedisOptions::default()
    };
    let redis = Redis::start(options).await;
    let setting = async |name| redis.command(&["CONFIG", "GET", name]).await;
    assert_eq!(setting("maxmemory").await, "maxmemory\n3145728");
    assert_eq!(
        setting("maxmemory-policy").await,
        "maxmemory-policy\nnoeviction"
    );
    assert_eq!(setting("save").await, "save\n");

    redis.command(&["RPUSH", "list", "one", "two"]).await;
    let list = ["LRANGE", "list", "0", "-1"];
    assert_eq!(redis.command(&list).await, "one\ntwo");
    assert_eq!(redis.command(&["GET", "nothing"]).await, "");
    let error = redis.try_command(&["GET", "list"]).await.unwrap_err();
    assert!(error.starts_with("WRONGTYPE"), "{error}");
}

#[tokio::test]
async fn a_paused_server_keeps_connections_and_says_nothing_until_resumed() {
    let redis = primary().await;
    let mut socket = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    let silence = Some(Duration::from_millis(200));
    socket.set_read_timeout(silence).unwrap();
    let mut answers = BufReader::new(socket.try_clone().unwrap());
    let mut answer = String::new();

    redis.pause().await;
    socket.write_all(b"PING\r\n").unwrap();
    assert!(answers.read_line(&mut answer).is_err());

    redis.resume();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    answers.read_line(&mut answer).unwrap();
    assert_eq!(answer, "+PONG\r\n");
}

#[tokio::test]
async fn a_password_is_asked_for_and_known_to_replicas() {
    let options = RedisOptions {
        password: Some("secret7".into()),
        ..RedisOptions::default()
    };
    let primary = Redis::start(options.clone()).await;
    let replica = RedisOptions {
        replica_of: Some(primary.port()),
        ..options
    };
    let replica = Redis::start(replica).await;
    let port = primary.port();
    assert_eq!(primary.url(), format!("redis://:secret7@127.0.0.1:{port}/"));
    primary.command(&["SET", "k", "v"]).await;
    expect_value(&replica, "k", "v").await;

    let mut stranger = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stranger.write_all(b"GET k\r\n").unwrap();
    let mut answer = String::new();
    BufReader::new(stranger).read_line(&mut answer).unwrap();
    assert!(answer.starts_with("-NOAUTH"), "{answer}");
}

#[tokio::test]
async fn a_replica_behind_a_proxy_follows_and_is_known_by_the_proxys_port() {
    let primary = primary().await;
    let port = free_port();
    let proxy = Proxy::start(("127.0.0.1", port));
    let options = RedisOptions {
        port: Some(port),
        replica_of: Some(primary.port()),
        announced_port: Some(proxy.addr().port()),
        ..RedisOptions::default()
    };
    let replica = Redis::start(options).await;
    assert_eq!(replica.port(), port);
    primary.wait_for_replicas(1).await;

    let announced = format!("ip=127.0.0.1,port={},", proxy.addr().port());
    let replication = primary.command(&["INFO", "replication"]).await;
    assert!(replication.contains(&announced), "{replication}");
    primary.command(&["SET", "k", "v"]).await;
    expect_value(&replica, "k", "v").await;
}

#[tokio::test]
async fn a_replica_alone_starts_again_without_its_copy() {
    let primary = primary().await;
    primary.command(&["SET", "k", "v"]).await;
    let replica = replica_of(&primary).await;
    expect_value(&replica, "k", "v").await;
    primary.kill9();
    replica.kill9();
    replica.start_again().await;
    assert_eq!(replica.command(&["EXISTS", "k"]).await, "0");
}

#[tokio::test]
#[should_panic(expected = "Address already in use")]
async fn a_port_that_is_taken_fails_the_start_with_the_servers_log() {
    let first = primary().await;
    let options = RedisOptions {
        port: Some(first.port()),
        ..RedisOptions::default()
    };
    let _second = Redis::start(options).await;
}

#[tokio::test]
async fn sentinels_replace_a_dead_primary_and_a_living_one_by_command() {
    let with_password = RedisOptions {
        password: Some("secret7".into()),
        ..RedisOptions::default()
    };
    let first = Redis::start(with_password.clone()).await;
    let proxy = Proxy::start(("127.0.0.1", first.port()));
    let told = proxy.addr().port();
    let replica = RedisOptions {
        replica_of: Some(told),
        ..with_password
    };
    let replicas = [
        Redis::start(replica.clone()).await,
        Redis::start(replica).await,
    ];
    first.wait_for_replicas(2).await;
    first.command(&["SET", "k", "v"]).await;
    for replica in &replicas {
        expect_value(replica, "k", "v").await;
    }

    let options = SentinelsOptions {
        primary_port: Some(told),
        ..SentinelsOptions::default()
    };
    let sentinels = Sentinels::start(&first, options).await;
    assert_eq!(sentinels.urls().len(), 3);
    assert_eq!(sentinels.primary().await, told);

    first.kill9();
    let second = sentinels.primary_after(told).await;
    let [promoted, other] = match replicas[0].port() == second {
        true => [&replicas[0], &replicas[1]],
        false => [&replicas[1], &replicas[0]],
    };
    assert_eq!(promoted.port(), second);
    assert_eq!(promoted.command(&["SET", "k2", "v2"]).await, "OK");
    assert_eq!(promoted.command(&["GET", "k"]).await, "v");
    expect_value(other, "k2", "v2").await;

    let third = sentinels.failover().await;
    assert_eq!(third, other.port());
    assert_eq!(other.command(&["SET", "k3", "v3"]).await, "OK");

    let urls = sentinels.urls();
    drop(sentinels);
    for url in urls {
        let port = url.rsplit(':').next().unwrap().trim_end_matches('/');
        assert!(refuses(port.parse().unwrap()));
    }
}

#[tokio::test]
async fn a_cluster_serves_fails_over_and_moves_slots() {
    let cluster = RedisCluster::start().await;
    assert_eq!(cluster.urls().len(), 6);
    let slot = cluster.slot_of("{k}1").await;
    assert_eq!(slot, cluster.slot_of("{k}2").await);
    let first = cluster.primary_of(slot).await;
    first.command(&["SET", "{k}1", "v1"]).await;
    first.command(&["SET", "{k}2", "v2"]).await;

    let second = cluster.failover(slot).await;
    assert_eq!(second.command(&["GET", "{k}1"]).await, "v1");

    let elsewhere = cluster.slot_of("a").await;
    let third = cluster.primary_of(elsewhere).await;
    assert_ne!(third.port(), second.port());
    cluster.begin_migration(slot, third).await;
    let asked = second.try_command(&["GET", "{k}3"]).await.unwrap_err();
    assert!(asked.starts_with("ASK "), "{asked}");
    cluster.end_migration(slot, third).await;
    assert_eq!(third.command(&["GET", "{k}2"]).await, "v2");
    let gone = second.try_command(&["GET", "{k}2"]).await.unwrap_err();
    let direction = format!("MOVED {slot} 127.0.0.1:{}", third.port());
    assert_eq!(gone, direction);

    let replicas = cluster.replicas_of(third).await;
    assert_eq!(replicas.len(), 1);
    expect_replicated(third, replicas[0]).await;
    third.kill9();
    let fourth = cluster.primary_after(slot, third).await;
    assert_eq!(fourth.port(), replicas[0].port());
    eventually("the cluster serves again", DEADLINE, || async {
        fourth.try_command(&["SET", "{k}1", "v4"]).await.is_ok()
    })
    .await;
    assert_eq!(fourth.command(&["GET", "{k}2"]).await, "v2");

    third.start_again().await;
    eventually("the dead node follows its successor", DEADLINE, || async {
        cluster.replicas_of(fourth).await.len() == 1
    })
    .await;

    let pids: Vec<u32> = cluster.nodes().iter().filter_map(Redis::pid).collect();
    assert_eq!(pids.len(), 6);
    drop(cluster);
    assert!(!pids.into_iter().any(is_alive));
}

/// Waits until `replica` has every byte that `primary` has written.
async fn expect_replicated(primary: &Redis, replica: &Redis) {
    let offset = async |redis: &Redis, field: &str| {
        let replication = redis.command(&["INFO", "replication"]).await;
        let value = replication
            .lines()
            .find_map(|line| line.strip_prefix(field));
        value.and_then(|value| value.parse::<u64>().ok())
    };
    let written = offset(primary, "master_repl_offset:").await;
    assert!(written.is_some());
    eventually("the replica has all", DEADLINE, || async {
        offset(replica, "slave_repl_offset:").await >= written
    })
    .await;
}

#[tokio::test]
async fn a_server_ends_with_a_test_that_panics() {
    let (send, receive) = tokio::sync::oneshot::channel();
    let test = tokio::spawn(async move {
        let redis = primary().await;
        send.send(redis.pid().unwrap()).unwrap();
        panic!("on purpose, with {redis:?} alive");
    });
    assert!(test.await.unwrap_err().is_panic());
    assert!(!is_alive(receive.await.unwrap()));
}

#[tokio::test]
async fn a_server_ends_when_the_test_process_is_killed() {
    let holder = Program::new(env!("CARGO_BIN_EXE_private-redis")).start();
    let line = holder.wait_for_line("holding ", DEADLINE).await;
    let pid = line.trim_start_matches("holding ").parse().unwrap();
    assert!(is_alive(pid));
    holder.kill9();
    eventually("the server is gone", DEADLINE, || async { !is_alive(pid) }).await;
}

#[tokio::test]
async fn a_server_that_is_not_installed_fails_the_test_with_the_line_that_installs_it() {
    let empty = TempDir::new().unwrap();
    let holder = Program::new(env!("CARGO_BIN_EXE_private-redis"))
        .env("PATH", empty.path())
        .start();
    assert!(!holder.wait(DEADLINE).await.success());
    let errors = holder.stderr();
    assert!(errors.contains("redis-server is not in PATH"), "{errors}");
    assert!(errors.contains("apt-get install -y"), "{errors}");
}
