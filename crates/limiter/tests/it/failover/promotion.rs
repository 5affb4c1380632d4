//! A replica is made the primary by command, while the one before lives on and connections to both stay open.

use std::time::Duration;

use stanchion_limiter::port::{Place, RedisConfig};
use stanchion_limiter::{Limit, Rate};
use stanchion_testkit::{Direction, Proxy, Redis as Server, eventually, hold};

use crate::redis::age;

use super::fleet::{DEADLINE, Fleet, at, fenced, fencing, fill, limit, primary, replica, unfenced};

async fn promote(server: &Server) {
    server.command(&["REPLICAOF", "NO", "ONE"]).await;
}

async fn follow(server: &Server, primary: &Server) {
    let port = primary.port().to_string();
    server.command(&["REPLICAOF", "127.0.0.1", &port]).await;
}

/// A pair with clients at both ends: those of the replica are refused until it is promoted.
async fn pair(
    settings: Vec<(String, String)>,
    config: fn(Place) -> RedisConfig,
) -> (Server, Server, Fleet) {
    let a = primary(settings.clone()).await;
    let b = replica(a.port(), settings).await;
    a.wait_for_replicas(1).await;
    let mut fleet = Fleet::new();
    fleet.join(config(at(&a))).await;
    fleet.join(config(at(&b))).await;
    fleet.admits(2 * limit().burst()).await;
    (a, b, fleet)
}

/// From A to B and back to A, by command, with no Sentinel to close connections.
async fn there_and_back(settings: Vec<(String, String)>, config: fn(Place) -> RedisConfig) -> u64 {
    let (a, b, fleet) = pair(settings, config).await;
    promote(&b).await;
    hold("two primaries", Duration::from_secs(4)).await;
    follow(&a, &b).await;
    b.wait_for_replicas(1).await;
    fleet.admits(2 * limit().burst()).await;
    promote(&a).await;
    hold("two primaries", Duration::from_secs(4)).await;
    follow(&b, &a).await;
    a.wait_for_replicas(1).await;
    fleet.admits(2 * limit().burst()).await;
    fleet.excess().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_and_back_admits_nothing_more_behind_the_fence() {
    assert_eq!(there_and_back(fencing(1), fenced).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_and_back_breaks_the_promise_without_the_fence() {
    let excess = there_and_back(Vec::new(), unfenced).await;
    assert!(excess > limit().burst() / 2, "{excess}");
}

/// A replica may be a while behind when it has just come.
async fn knows_the_epoch(replica: &Server) {
    eventually("the replica knows the epoch", DEADLINE, || async {
        let epoch = ["GET", "stanchion:limiter:{0}:epoch"];
        !replica.command(&epoch).await.is_empty()
    })
    .await;
}

/// The new primary's clock is an hour ahead: what is stored is an hour older for it, and every bucket would be full.
async fn ahead(mut settings: Vec<(String, String)>, config: fn(Place) -> RedisConfig) -> u64 {
    settings.push(("replica-read-only".to_owned(), "no".to_owned()));
    let a = primary(settings.clone()).await;
    let b = replica(a.port(), settings).await;
    a.wait_for_replicas(1).await;
    let limit = Limit::new("slow", Rate::per_second(20), 200).expect("a limit");
    let mut fleet = Fleet::asking(limit);
    fill(&a, config(at(&a)).quarantine.is_some()).await;
    knows_the_epoch(&b).await;
    fleet.join(config(at(&a))).await;
    fleet.admits(200).await;
    a.kill9();
    age(&b, "stanchion:limiter", Duration::from_hours(1)).await;
    promote(&b).await;
    fleet.join(config(at(&b))).await;
    let c = replica(b.port(), fencing(1)).await;
    fleet.admits(150).await;
    let excess = fleet.excess().await;
    drop(c);
    excess
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_primary_whose_clock_is_ahead_admits_nothing_more_behind_the_fence() {
    assert_eq!(ahead(fencing(1), fenced).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_primary_whose_clock_is_ahead_breaks_the_promise_without_the_fence() {
    let excess = ahead(Vec::new(), unfenced).await;
    assert!(excess > 20, "{excess}");
}

/// With two replicas attached, one of them is promoted and the other goes on following the old primary.
async fn beside_another_replica(min_replicas: u32, exact: bool) -> u64 {
    let settings = fencing(min_replicas);
    let a = primary(settings.clone()).await;
    let b = replica(a.port(), settings.clone()).await;
    let c = replica(a.port(), settings).await;
    a.wait_for_replicas(2).await;
    let mut fleet = Fleet::new();
    fleet.join(fenced(at(&a))).await;
    fleet.is_exact(exact).await;
    fleet.join(fenced(at(&b))).await;
    fleet.admits(2 * limit().burst()).await;
    promote(&b).await;
    // So that the new primary has as many replicas as it asks for, as soon as it can.
    let d = replica(b.port(), fencing(min_replicas)).await;
    if min_replicas == 2 {
        follow(&c, &b).await;
    }
    hold("two primaries", Duration::from_secs(8)).await;
    fleet.admits(limit().burst()).await;
    let excess = fleet.excess().await;
    drop((c, d));
    excess
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_beside_another_replica_admits_nothing_more_when_all_must_follow() {
    assert_eq!(beside_another_replica(2, true).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_beside_another_replica_breaks_the_promise_when_one_suffices() {
    let excess = beside_another_replica(1, false).await;
    assert!(excess > limit().burst() / 2, "{excess}");
}

/// The replica knows nothing of the burst that was granted when the primary dies.
async fn lag(settings: Vec<(String, String)>, is_fenced: bool) -> u64 {
    let config = if is_fenced { fenced } else { unfenced };
    let a = primary(settings.clone()).await;
    let proxy = Proxy::start(("127.0.0.1", a.port()));
    let b = replica(proxy.addr().port(), settings).await;
    a.wait_for_replicas(1).await;
    fill(&a, is_fenced).await;
    knows_the_epoch(&b).await;
    proxy.drop_bytes(Direction::ToClient);
    let mut fleet = Fleet::new();
    fleet.join(config(at(&a))).await;
    fleet.join(config(at(&b))).await;
    fleet.admits(limit().burst()).await;
    a.kill9();
    promote(&b).await;
    let c = replica(b.port(), fencing(1)).await;
    fleet.admits(limit().burst()).await;
    let excess = fleet.excess().await;
    drop((c, proxy));
    excess
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_lags_admits_nothing_more_behind_the_fence() {
    assert_eq!(lag(fencing(1), true).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_lags_breaks_the_promise_without_the_fence() {
    let excess = lag(Vec::new(), false).await;
    assert!(excess > limit().burst() / 4, "{excess}");
}
