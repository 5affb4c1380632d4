use std::time::Duration;

use stanchion_limiter::port::{Place, RedisConfig};
use stanchion_testkit::{Direction, Proxy, Sentinels, SentinelsOptions, hold};

use super::fleet::{Fleet, at, limit, of, primary, replica, unfenced};

/// What is answered is known to the replica, and no promotion begins an epoch.
fn acknowledged(place: Place) -> RedisConfig {
    RedisConfig {
        acknowledged_by: 1,
        ..unfenced(place)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_admits_nothing_more_when_the_replica_acknowledges_everything() {
    let old = primary(Vec::new()).await;
    let proxy = Proxy::start(("127.0.0.1", old.port()));
    let seen_port = proxy.addr().port();
    let _replica = replica(seen_port, Vec::new()).await;
    old.wait_for_replicas(1).await;
    let options = SentinelsOptions {
        primary_port: Some(seen_port),
        ..SentinelsOptions::default()
    };
    let sentinels = Sentinels::start(&old, options).await;
    let mut fleet = Fleet::new();
    fleet.join(acknowledged(at(&old))).await;
    fleet.join(acknowledged(of(&sentinels))).await;
    fleet.is_exact(true).await;
    fleet.admits(2 * limit().burst()).await;

    proxy.drop_bytes(Direction::Both);
    hold("the partition", Duration::from_secs(5)).await;
    sentinels.primary_after(seen_port).await;
    proxy.heal();
    // The old primary follows, and acknowledges again.
    fleet.admits(2 * limit().burst()).await;
    assert_eq!(fleet.excess().await, 0);
}
