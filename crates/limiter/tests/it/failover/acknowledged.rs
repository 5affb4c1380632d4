use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_limiter::port::{
    Backend as _, LeaseId, LeaseRequest, Lender as _, Lent, Place, Redis, RedisConfig,
};
use stanchion_limiter::{Ask, LimiterError};
use stanchion_testkit::{Direction, Proxy, Sentinels, SentinelsOptions, eventually, hold};

use super::fleet::{DEADLINE, Fleet, at, fill, limit, of, primary, replica, unfenced};

const LIFETIME: Duration = Duration::from_secs(30);

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

/// A lease that the replica has not heard of is nobody's, also when it is asked for again over another connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_not_acknowledged_is_not_granted_to_whoever_asks_again() {
    let primary = primary(Vec::new()).await;
    let proxy = Proxy::start(("127.0.0.1", primary.port()));
    let _replica = replica(proxy.addr().port(), Vec::new()).await;
    primary.wait_for_replicas(1).await;
    fill(&primary, false).await;
    let connect = async || {
        let config = RedisConfig {
            longest_lease: LIFETIME,
            ..acknowledged(at(&primary))
        };
        Redis::connect(config, Clock::system(), &Entropy::system())
            .await
            .expect("a server that can be used")
    };
    let (first, second) = (connect().await, connect().await);
    let limit = limit();
    let request = LeaseRequest {
        limit: &limit,
        key: "key",
        id: LeaseId(Ids::new(Clock::system(), Entropy::system()).next()),
        tokens: 50,
        lifetime: LIFETIME,
        settled: &[],
    };
    // Both connections are there, and the script is known, before the replica is cut off.
    for redis in [&first, &second] {
        let ask = Ask::new(&limit, "key", 0).expect("a question");
        redis.check(&[ask]).await.expect("an answer");
    }
    proxy.drop_bytes(Direction::Both);
    for redis in [&first, &second] {
        let asked = redis.lend(&request).await;
        assert!(
            matches!(asked, Err(LimiterError::Unavailable(_))),
            "{asked:?}"
        );
    }
    let more = LeaseRequest {
        tokens: 60,
        ..request
    };
    proxy.heal();
    primary.wait_for_replicas(1).await;
    eventually("the replica has heard of it", DEADLINE, || async {
        matches!(second.lend(&request).await, Ok(Lent::Granted { .. }))
    })
    .await;
    let asked = second.lend(&more).await;
    assert!(matches!(asked, Ok(Lent::Refused { .. })), "{asked:?}");
}
