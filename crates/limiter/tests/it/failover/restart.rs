use stanchion_limiter::{Limit, Rate};
use stanchion_testkit::{Redis as Server, RedisOptions, Sentinels, SentinelsOptions, hold};

use super::fleet::{Fleet, QUARANTINE, at, fenced, fencing, fill, limit, of, primary, replica};

/// Kills a server whose bucket was drained, and starts it again: empty, or with full buckets as a backend would that does
/// not know better.
async fn restart(is_full: bool) -> u64 {
    let server = Server::start(RedisOptions::default()).await;
    fill(&server, true).await;
    // A burst that takes much longer to come back than a restart takes.
    let limit = Limit::new("slow", Rate::per_second(20), 200).expect("a limit");
    let mut fleet = Fleet::asking(limit);
    fleet.join(fenced(at(&server))).await;
    fleet.admits(200).await;
    server.kill9();
    server.start_again().await;
    if is_full {
        fill(&server, true).await;
    }
    fleet.admits(150).await;
    fleet.excess().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_again_empty_grants_no_burst_again() {
    assert_eq!(restart(false).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_started_again_with_full_buckets_would_break_the_promise() {
    let excess = restart(true).await;
    assert!(excess > 20, "{excess}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_a_replica_takes_over_and_nothing_is_granted_twice() {
    let old = primary(fencing(1)).await;
    let _replica = replica(old.port(), fencing(1)).await;
    old.wait_for_replicas(1).await;
    let sentinels = Sentinels::start(&old, SentinelsOptions::default()).await;
    let mut fleet = Fleet::new();
    for _ in 0..2 {
        fleet.join(fenced(of(&sentinels))).await;
    }
    fleet.is_exact(true).await;
    fleet.admits(2 * limit().burst()).await;
    old.kill9();
    sentinels.primary_after(old.port()).await;
    // It follows the new primary when it is back, which serves from then on.
    old.start_again().await;
    fleet.admits(2 * limit().burst()).await;
    assert_eq!(fleet.excess().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_admitted_before_the_quarantine_is_over() {
    let server = Server::start(RedisOptions::default()).await;
    let mut fleet = Fleet::new();
    fleet.join(fenced(at(&server))).await;
    hold("the quarantine", QUARANTINE.mul_f64(0.8)).await;
    assert_eq!(fleet.admitted(), 0);
    fleet.admits(1).await;
}
