use std::time::Duration;

use stanchion_testkit::{Envoy, eventually, free_port};

fn configuration(address: &str, port: u16) -> String {
    format!(
        "admin:\n  address:\n    socket_address: {{ address: {address}, port_value: {port} }}\n"
    )
}

#[tokio::test]
async fn an_envoy_serves_and_ends_with_its_value() {
    let port = free_port();
    let envoy = Envoy::start(&configuration("127.0.0.1", port), port).await;
    assert!(envoy.admin("/ready").await.contains("200 OK"));
    drop(envoy);
    eventually("its port is free", Duration::from_secs(5), || async {
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "Envoy has ended")]
async fn a_configuration_that_envoy_refuses_is_shown() {
    let _envoy = Envoy::start("no-such-field: 1\n", free_port()).await;
}

#[tokio::test]
#[should_panic(expected = "loopback interface only")]
async fn an_envoy_that_others_could_reach_is_not_started() {
    let port = free_port();
    let _envoy = Envoy::start(&configuration("0.0.0.0", port), port).await;
}
