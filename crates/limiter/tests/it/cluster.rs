//! Redis Cluster: the same promise over many nodes, while slots and primaries move.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stanchion_limiter::conformance::{CASES, Sharing, Subject};
use stanchion_limiter::port::{Backend, Place, Promise, Redis, RedisConfig};
use stanchion_limiter::{Ask, Limit, LimiterError, Rate};
use stanchion_testkit::{RedisCluster, eventually};

use crate::failover::fleet::Fleet;
use crate::redis::{AGE, connect, prefix};

const QUARANTINE: Duration = Duration::from_millis(700);
const DEADLINE: Duration = Duration::from_secs(30);

fn config(cluster: &RedisCluster, prefix: &str) -> RedisConfig {
    RedisConfig {
        prefix: prefix.to_owned(),
        quarantine: Some(QUARANTINE),
        tags: 16,
        ..RedisConfig::new(Place::Cluster {
            urls: cluster.urls(),
        })
    }
}

/// Lets time pass on all nodes that hold something of a prefix.
async fn age(cluster: &RedisCluster, prefix: &str, by: Duration) {
    let us = by.as_micros().to_string();
    for tag in 0..16 {
        let pattern = format!("{prefix}:{{{tag}}}:*");
        let slot = cluster.slot_of(&format!("{{{tag}}}")).await;
        let node = cluster.primary_of(slot).await;
        let first = format!("{prefix}:{{{tag}}}:epoch");
        node.command(&["EVAL", AGE, "1", &first, &pattern, &us])
            .await;
    }
}

async fn subject(cluster: &Arc<RedisCluster>) -> Subject {
    let (old, new) = (prefix(), prefix());
    let backend = Arc::new(connect(config(cluster, &old)).await);
    // A first call in each place begins its epoch.
    let limit = Limit::new("first", Rate::per_second(1), 1).expect("a limit");
    for n in 0..200 {
        let key = n.to_string();
        let ask = Ask::new(&limit, &key, 0).expect("a question");
        backend.check(&[ask]).await.expect("an answer");
    }
    age(cluster, &old, Duration::from_hours(24)).await;
    let aged = Arc::clone(cluster);
    Subject {
        backend,
        other: Arc::new(connect(config(cluster, &old)).await),
        newborn: Arc::new(connect(config(cluster, &new)).await),
        pass: Arc::new(move |time| {
            let (cluster, prefix) = (Arc::clone(&aged), old.clone());
            Box::pin(async move { age(&cluster, &prefix, time).await })
        }),
        sharing: Sharing::Exact,
    }
}

/// One cluster for all that does not hurt it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_conforms_and_spreads_a_hot_key() {
    let cluster = Arc::new(RedisCluster::start().await);
    for case in CASES {
        eprintln!("{}", case.name);
        (case.examine)(subject(&cluster).await).await;
    }
    let redis = connect(config(&cluster, "seen")).await;
    let standing = redis.standing().expect("the nodes were seen");
    assert_eq!(
        standing.promise,
        Promise::Twice { overlap: None },
        "{standing:?}"
    );
    parts_are_strict_together(&cluster).await;
    keys_of_two_places_are_all_or_nothing(&cluster).await;
}

async fn parts_are_strict_together(cluster: &Arc<RedisCluster>) {
    let subject = subject(cluster).await;
    let limit = Limit::new("hot", Rate::new(1, Duration::from_mins(10)), 50)
        .and_then(|limit| limit.in_parts(8))
        .expect("a limit");
    let ask = Ask::new(&limit, "hot", 1).expect("a question");
    let mut admitted = 0;
    for _ in 0..200 {
        let decisions = subject.backend.check(&[ask]).await.expect("an answer");
        admitted += u64::from(decisions[0].allowed);
    }
    assert_eq!(admitted, 50);
    let large = Ask::new(&limit, "hot", 20).expect("a question");
    let refused = subject.backend.check(&[large]).await;
    // Parts have six tokens or seven.
    assert!(
        matches!(
            refused,
            Err(LimiterError::Cost {
                cost: 20,
                burst: 6 | 7
            })
        ),
        "{refused:?}"
    );
}

async fn keys_of_two_places_are_all_or_nothing(cluster: &Arc<RedisCluster>) {
    let subject = subject(cluster).await;
    let limit = Limit::new("pairs", Rate::new(1, Duration::from_mins(10)), 5).expect("a limit");
    let keys: Vec<String> = (0..8).map(|n| format!("key-{n}")).collect();
    let ask = |key, cost| Ask::new(&limit, key, cost).expect("a question");
    // One of them is empty, and so none gives anything.
    subject
        .backend
        .check(&[ask(&keys[5], 5)])
        .await
        .expect("an answer");
    let all: Vec<_> = keys.iter().map(|key| ask(key, 1)).collect();
    let decisions = subject.backend.check(&all).await.expect("an answer");
    assert!(
        decisions.iter().all(|decision| !decision.allowed),
        "{decisions:?}"
    );
    for (n, key) in keys.iter().enumerate() {
        let decisions = subject
            .backend
            .check(&[ask(key, 0)])
            .await
            .expect("an answer");
        assert_eq!(decisions[0].remaining, if n == 5 { 0 } else { 5 }, "{key}");
    }
}

/// The slot of the key that the fleet asks about.
async fn slot(cluster: &RedisCluster, prefix: &str) -> u16 {
    let mut slots = BTreeSet::new();
    for node in cluster.nodes() {
        let found = node
            .command(&["KEYS", &format!("{prefix}:*:faulty:key")])
            .await;
        for key in found.lines().filter(|key| !key.is_empty()) {
            slots.insert(cluster.slot_of(key).await);
        }
    }
    assert_eq!(slots.len(), 1, "one bucket: {slots:?}");
    slots.pop_first().expect("a slot")
}

/// The bucket's slot moves to another node, which is killed in the middle of it; then it moves for good, and at last its
/// primary is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moving_slots_and_primaries_grant_nothing_twice() {
    let cluster = RedisCluster::start().await;
    let mut fleet = Fleet::new();
    for _ in 0..2 {
        fleet.join(config(&cluster, "moving")).await;
    }
    fleet.admits(300).await;
    let slot = slot(&cluster, "moving").await;
    let source = cluster.primary_of(slot).await.port();
    let others = cluster.nodes().iter();
    let mut targets = Vec::new();
    for node in others.filter(|node| node.port() != source) {
        if node.command(&["ROLE"]).await.starts_with("master") {
            targets.push(node);
        }
    }
    let (first, second) = (targets[0], targets[1]);
    cluster.begin_migration(slot, first).await;
    fleet.admits(50).await;
    first.kill9();
    first.start_again().await;
    // What it was to have stays where it is; both sides are told, as an operator does.
    let back = ["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"];
    first.command(&back).await;
    cluster.primary_of(slot).await.command(&back).await;
    fleet.admits(100).await;
    cluster.migrate(slot, second).await;
    fleet.admits(300).await;
    second.kill9();
    cluster.primary_after(slot, second).await;
    fleet.admits(300).await;
    assert_eq!(fleet.excess().await, 0);
}

/// The first of `keys` whose bucket a node holds, and those that other nodes hold.
async fn apart(
    node: &stanchion_testkit::Redis,
    prefix: &str,
    keys: &[String],
) -> (String, Vec<String>) {
    let held = node.command(&["KEYS", &format!("{prefix}:*")]).await;
    let is_held = |key: &&String| held.lines().any(|name| name.ends_with(&format!(":{key}")));
    let (there, elsewhere): (Vec<_>, Vec<_>) = keys.iter().partition(is_held);
    let one = there.first().expect("the node holds a bucket");
    let elsewhere = elsewhere.into_iter().cloned().collect();
    ((*one).clone(), elsewhere)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still_holds_up_only_its_own_buckets() {
    let cluster = RedisCluster::start().await;
    let redis = Arc::new(
        connect(RedisConfig {
            reply_within: Duration::from_secs(1),
            ..config(&cluster, "still")
        })
        .await,
    );
    let limit = Limit::new("spread", Rate::per_second(1_000), 1_000).expect("a limit");
    let keys: Vec<String> = (0..40).map(|n| format!("key-{n}")).collect();
    let check = async |key: &str| {
        let ask = Ask::new(&limit, key, 1).expect("a question");
        redis.check(&[ask]).await
    };
    eventually("there are tokens for all", DEADLINE, || async {
        let mut admitted = 0;
        for key in &keys {
            admitted += usize::from(check(key).await.is_ok_and(|said| said[0].allowed));
        }
        admitted == keys.len()
    })
    .await;
    let slot = cluster.slot_of("{0}").await;
    let still = cluster.primary_of(slot).await;
    let (stuck, others) = apart(still, "still", &keys).await;
    assert!(!others.is_empty(), "all buckets are on one node");
    still.pause().await;
    // Nobody takes the node for dead in this second.
    let waiting = check(&stuck);
    let going = async {
        for key in &others {
            let said = check(key).await;
            assert!(said.is_ok_and(|said| said[0].allowed), "{key}");
        }
    };
    let (stuck, ()) = tokio::join!(waiting, going);
    assert!(
        matches!(stuck, Err(LimiterError::Unavailable(_))),
        "{stuck:?}"
    );
    still.resume();
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_unavailable() {
    let port = stanchion_testkit::free_port();
    let nowhere = RedisConfig {
        reply_within: Duration::from_millis(300),
        ..RedisConfig::new(Place::Cluster {
            urls: vec![format!("redis://127.0.0.1:{port}/")],
        })
    };
    let redis: Redis = connect(nowhere).await;
    let limit = Limit::new("none", Rate::per_second(1), 1).expect("a limit");
    let ask = Ask::new(&limit, "none", 1).expect("a question");
    let answer = redis.check(&[ask]).await;
    assert!(
        matches!(answer, Err(LimiterError::Unavailable(_))),
        "{answer:?}"
    );
}
