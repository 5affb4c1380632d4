use std::time::Duration;

use stanchion_limiter::port::RedisConfig;
use stanchion_testkit::{Direction, Proxy, Sentinels, SentinelsOptions, hold};

use super::fleet::{Fleet, at, fenced, fencing, limit, of, primary, replica, unfenced};
use stanchion_limiter::port::Place;

const PARTITION: Duration = Duration::from_secs(5);

/// Cuts a primary off from its replica and the Sentinels, with clients on its side, for five seconds.
async fn split(
    settings: Vec<(String, String)>,
    config: fn(Place) -> RedisConfig,
    exact: bool,
) -> u64 {
    let old = primary(settings.clone()).await;
    let proxy = Proxy::start(("127.0.0.1", old.port()));
    let seen_port = proxy.addr().port();
    let _replica = replica(seen_port, settings).await;
    old.wait_for_replicas(1).await;
    let options = SentinelsOptions {
        primary_port: Some(seen_port),
        ..SentinelsOptions::default()
    };
    let sentinels = Sentinels::start(&old, options).await;
    let mut fleet = Fleet::new();
    fleet.join(config(at(&old))).await;
    fleet.join(config(of(&sentinels))).await;
    fleet.is_exact(exact).await;
    fleet.admits(2 * limit().burst()).await;

    proxy.drop_bytes(Direction::Both);
    hold("the partition", PARTITION).await;
    sentinels.primary_after(seen_port).await;
    proxy.heal();
    // A fenced primary serves again once the old one follows it.
    fleet.admits(2 * limit().burst()).await;
    fleet.excess().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_of_the_primary_admits_nothing_more_behind_the_fence() {
    assert_eq!(split(fencing(1), fenced, true).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_of_the_primary_breaks_the_promise_without_the_fence() {
    let excess = split(Vec::new(), unfenced, false).await;
    assert!(excess > limit().burst() / 2, "{excess}");
}
