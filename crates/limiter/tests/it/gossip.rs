mod counter;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, Timestamp};
use stanchion_limiter::conformance::{CASES, Sharing, Subject};
use stanchion_limiter::port::{Backend, Gossip, GossipConfig, Strictness};
use stanchion_limiter::{Ask, Decision, Limit, LimiterError, Rate};
use stanchion_testkit::{Network, eventually, free_address, hold};

use crate::history::{self, Admitted};

const PATIENCE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(30);

struct Cluster {
    network: Network,
    listen: Vec<SocketAddr>,
    nodes: Vec<Arc<Gossip>>,
}

fn name(node: usize) -> String {
    format!("node-{node}")
}

impl Cluster {
    async fn start(nodes: usize, clock: &Clock, change: fn(&mut GossipConfig)) -> Self {
        let network = Network::default();
        let listen: Vec<_> = (0..nodes).map(|_| free_address()).collect();
        let mut addresses = Vec::new();
        for node in &listen {
            addresses.push(network.reach(*node).await);
        }
        let mut started = Vec::new();
        for (node, address) in listen.iter().enumerate() {
            let seeds = addresses.iter().map(SocketAddr::to_string).collect();
            let mut config = GossipConfig {
                advertise: addresses[node],
                interval: INTERVAL,
                ..GossipConfig::new(&name(node), *address, seeds)
            };
            change(&mut config);
            let gossip = Gossip::start(config, clock.clone()).await;
            started.push(Arc::new(gossip.expect("a node")));
        }
        Self {
            network,
            listen,
            nodes: started,
        }
    }
}

/// Waits until each node has heard a round of each other that began after this was called.
async fn told(nodes: Vec<Arc<Gossip>>) {
    let due: Vec<u64> = nodes.iter().map(|node| node.rounds() + 1).collect();
    eventually("the nodes hear each other's news", PATIENCE, || async {
        let has_heard = |node: usize, other: usize| {
            let heard = nodes[node].heard().get(&name(other)).copied();
            node == other || heard.is_some_and(|round| round >= due[other])
        };
        (0..nodes.len()).all(|node| (0..nodes.len()).all(|other| has_heard(node, other)))
    })
    .await;
}

/// Two nodes of three that began a day ago, and one that begins.
async fn subject() -> Subject {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let cluster = Cluster::start(3, &clock, |_| {}).await;
    hand.advance(Duration::from_hours(24));
    let nodes = cluster.nodes;
    told(nodes.clone()).await;
    let newborn = Cluster::start(1, &clock, |_| {}).await;
    Subject {
        backend: Arc::clone(&nodes[0]) as Arc<dyn Backend>,
        other: Arc::clone(&nodes[1]) as Arc<dyn Backend>,
        newborn: Arc::clone(&newborn.nodes[0]) as Arc<dyn Backend>,
        pass: Arc::new(move |time| {
            hand.advance(time);
            Box::pin(std::future::ready(()))
        }),
        sharing: Sharing::Late {
            servers: 2,
            told: Arc::new(move || Box::pin(told(nodes.clone()))),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gossip_conforms() {
    for case in CASES {
        eprintln!("{}", case.name);
        (case.examine)(subject().await).await;
    }
}

async fn ask(node: &Gossip, limit: &Limit, cost: u64) -> Decision {
    let ask = Ask::new(limit, "k", cost).expect("a question");
    node.check(&[ask]).await.expect("an answer")[0]
}

/// What nodes admitted, the oldest view with which they did, and the greatest bound that they stated.
#[derive(Default)]
struct Driven {
    admitted: Vec<Admitted>,
    oldest: Duration,
    bound: u64,
}

/// Asks a node for tokens, over and over, until it is told to stop.
async fn drive(
    (number, node): (usize, Arc<Gossip>),
    limit: Limit,
    clock: Clock,
    stop: tokio::sync::watch::Receiver<bool>,
) -> Driven {
    let mut driven = Driven::default();
    let mut pace = tokio::time::interval(Duration::from_millis(4));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !*stop.borrow() {
        pace.tick().await;
        let asked = clock.monotonic();
        let decision = ask(&node, &limit, 1).await;
        let answered = clock.monotonic();
        driven.bound = driven.bound.max(decision.bound);
        if decision.allowed {
            driven.oldest = driven.oldest.max(node.oldest_view());
            driven.admitted.push(Admitted {
                node: number,
                asked,
                answered,
                tokens: 1,
            });
        }
    }
    driven
}

/// Demand on three nodes for as long as something lasts: what was admitted, and the oldest view.
async fn demand(
    cluster: &Cluster,
    limit: &Limit,
    clock: &Clock,
    during: impl Future<Output = ()>,
) -> Driven {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let drivers: Vec<_> = (0..3)
        .map(|n| {
            let node = (n, Arc::clone(&cluster.nodes[n]));
            tokio::spawn(drive(node, limit.clone(), clock.clone(), stopped.clone()))
        })
        .collect();
    during.await;
    stop.send(true).expect("drivers");
    let mut all = Driven::default();
    for driver in drivers {
        let driven = driver.await.expect("a driver");
        all.admitted.extend(driven.admitted);
        all.oldest = all.oldest.max(driven.oldest);
        all.bound = all.bound.max(driven.bound);
    }
    all
}

/// Tokens that a node may admit by itself in so long.
fn alone(limit: &Limit, time: Duration) -> u64 {
    let micros = u64::try_from(time.as_micros()).expect("a time");
    limit.burst() + (limit.rate().tokens() * micros).div_ceil(1_000_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_admitted_beyond_the_limit_is_within_the_stated_bound() {
    let clock = Clock::system();
    let cluster = Cluster::start(3, &clock, |_| {}).await;
    told(cluster.nodes.clone()).await;
    let limit = Limit::new("limit", Rate::per_second(100), 30).unwrap();
    eventually("all buckets are full", PATIENCE, || async {
        ask(&cluster.nodes[2], &limit, 0).await.remaining == 30
    })
    .await;
    let quiet = hold("demand on all nodes", Duration::from_secs(3));
    let driven = demand(&cluster, &limit, &clock, quiet).await;
    let within = |node| history::most_within(&driven.admitted, node, driven.oldest);
    let most = (0..3).map(within).max().unwrap();
    let bound = 2 * most.min(alone(&limit, driven.oldest));
    let extra = history::extra(&limit, &driven.admitted);
    eprintln!(
        "extra {extra} of {bound}, stated {}, views up to {:?} old",
        driven.bound, driven.oldest
    );
    assert!(extra <= bound, "{extra} of {bound}");
    let admitted: u64 = driven.admitted.iter().map(|one| one.tokens).sum();
    assert!(admitted >= limit.burst() && driven.bound > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_side_of_a_divided_network_admits_the_limit_once() {
    let clock = Clock::system();
    let cluster = Cluster::start(3, &clock, |_| {}).await;
    told(cluster.nodes.clone()).await;
    let limit = Limit::new("limit", Rate::per_second(20), 30).unwrap();
    eventually("all buckets are full", PATIENCE, || async {
        ask(&cluster.nodes[2], &limit, 0).await.remaining == 30
    })
    .await;
    let sides: Vec<_> = cluster.listen.chunks(1).collect();
    cluster.network.divide(&sides);
    let mut admitted = Vec::new();
    for (number, node) in cluster.nodes.iter().enumerate() {
        let asked = clock.monotonic();
        assert!(ask(node, &limit, 30).await.allowed, "{number} by itself");
        admitted.push(Admitted {
            node: number,
            asked,
            answered: clock.monotonic(),
            tokens: 30,
        });
    }
    let driven = demand(&cluster, &limit, &clock, async {
        hold("a divided network", Duration::from_millis(1500)).await;
        cluster.network.heal();
        told(cluster.nodes.clone()).await;
        hold("a healed network", Duration::from_millis(500)).await;
    })
    .await;
    admitted.extend(driven.admitted);
    // A view is as old as the network was divided, and a little older.
    let bound = 2 * alone(&limit, driven.oldest);
    let extra = history::extra(&limit, &admitted);
    eprintln!(
        "extra {extra} of {bound}, views up to {:?} old",
        driven.oldest
    );
    assert!(extra <= bound, "{extra} of {bound}");
    assert!(extra > 0, "a network that is not divided");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_sides_admitted_is_counted_by_all_when_they_meet() {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let cluster = Cluster::start(3, &clock, |_| {}).await;
    hand.advance(Duration::from_hours(24));
    told(cluster.nodes.clone()).await;
    let limit = Limit::new("limit", Rate::new(1, Duration::from_mins(1)), 10).unwrap();
    let (one, others) = cluster.listen.split_at(1);
    cluster.network.divide(&[one, others]);
    assert!(ask(&cluster.nodes[0], &limit, 9).await.allowed);
    assert!(ask(&cluster.nodes[1], &limit, 8).await.allowed);
    cluster.network.heal();
    told(cluster.nodes.clone()).await;
    for node in &cluster.nodes {
        assert_eq!(ask(node, &limit, 0).await.remaining, 0);
    }
    // They owe 7: the burst is there again only after 17 were given.
    hand.advance(Duration::from_mins(9));
    for node in &cluster.nodes {
        assert_eq!(ask(node, &limit, 0).await.remaining, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_nodes_deny_while_their_views_are_old() {
    const STRICT: Strictness = Strictness {
        nodes: 3,
        age: Duration::from_millis(300),
    };
    let clock = Clock::system();
    let cluster = Cluster::start(3, &clock, |config| config.strict = Some(STRICT)).await;
    let limit = Limit::new("limit", Rate::per_second(10_000), 10).unwrap();
    let all = |allowed: bool| {
        let (nodes, limit) = (cluster.nodes.clone(), limit.clone());
        move || {
            let (nodes, limit) = (nodes.clone(), limit.clone());
            async move {
                for node in &nodes {
                    let decision = ask(node, &limit, 1).await;
                    assert_eq!(decision.bound, 2 * alone(&limit, STRICT.age));
                    if decision.allowed != allowed {
                        return false;
                    }
                }
                true
            }
        }
    };
    eventually("all views are young", PATIENCE, all(true)).await;
    let (one, others) = cluster.listen.split_at(1);
    cluster.network.divide(&[one, others]);
    eventually("a view of each is old", PATIENCE, all(false)).await;
    cluster.network.heal();
    eventually("all views are young again", PATIENCE, all(true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_buckets_are_forgotten_and_counted_from_zero_again() {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let cluster = Cluster::start(2, &clock, |_| {}).await;
    hand.advance(Duration::from_hours(24));
    told(cluster.nodes.clone()).await;
    let limit = Limit::new("limit", Rate::per_second(1), 10).unwrap();
    for _ in 0..3 {
        assert!(ask(&cluster.nodes[0], &limit, 10).await.allowed);
        told(cluster.nodes.clone()).await;
        assert_eq!(ask(&cluster.nodes[1], &limit, 0).await.remaining, 0);
        hand.advance(Duration::from_secs(11));
        // It is taken back after 10 rounds, and forgotten when both have heard that.
        for _ in 0..13 {
            told(cluster.nodes.clone()).await;
        }
        assert_eq!(ask(&cluster.nodes[1], &limit, 0).await.remaining, 10);
    }
}

#[tokio::test]
async fn a_member_out_of_bounds_is_refused() {
    let sound = GossipConfig::new("node", free_address(), Vec::new());
    let strict = |nodes, age| Some(Strictness { nodes, age });
    let wrong = [
        GossipConfig::new("", free_address(), Vec::new()),
        GossipConfig::new("A node", free_address(), Vec::new()),
        GossipConfig {
            nodes: 0,
            ..sound.clone()
        },
        GossipConfig {
            nodes: 65,
            ..sound.clone()
        },
        GossipConfig {
            buckets: 0,
            ..sound.clone()
        },
        GossipConfig {
            interval: Duration::ZERO,
            ..sound.clone()
        },
        GossipConfig {
            strict: strict(17, INTERVAL),
            ..sound.clone()
        },
        GossipConfig {
            strict: strict(3, PATIENCE),
            ..sound.clone()
        },
    ];
    for config in wrong {
        let refused = Gossip::start(config, Clock::system()).await;
        assert!(matches!(refused, Err(LimiterError::Config(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_that_no_datagram_holds_are_heard_before_the_round_is() {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let cluster = Cluster::start(2, &clock, |config| {
        // Time enough to read what does not fit, also for a machine under load.
        config.interval = Duration::from_millis(200);
    })
    .await;
    hand.advance(Duration::from_hours(24));
    told(cluster.nodes.clone()).await;
    let limit = Limit::new("limit", Rate::new(1, Duration::from_mins(1)), 10).unwrap();
    let keys: Vec<String> = (0..3_000).map(|n| format!("key-{n}")).collect();
    for key in &keys {
        let ask = Ask::new(&limit, key, 4).unwrap();
        assert!(cluster.nodes[0].check(&[ask]).await.unwrap()[0].allowed);
    }
    told(cluster.nodes.clone()).await;
    for key in &keys {
        let ask = Ask::new(&limit, key, 0).unwrap();
        let decision = cluster.nodes[1].check(&[ask]).await.unwrap()[0];
        assert_eq!(decision.remaining, 6, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_for_which_there_was_no_room_is_empty() {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let cluster = Cluster::start(2, &clock, |config| {
        config.buckets = if config.name == name(0) { 2 } else { 1 };
    })
    .await;
    hand.advance(Duration::from_hours(24));
    told(cluster.nodes.clone()).await;
    let limit = Limit::new("limit", Rate::new(1, Duration::from_mins(1)), 10).unwrap();
    for key in ["a", "b"] {
        let ask = Ask::new(&limit, key, 10).unwrap();
        assert!(cluster.nodes[0].check(&[ask]).await.unwrap()[0].allowed);
    }
    told(cluster.nodes.clone()).await;
    for key in ["a", "b"] {
        let ask = Ask::new(&limit, key, 0).unwrap();
        let decision = cluster.nodes[1].check(&[ask]).await.unwrap()[0];
        assert_eq!(decision.remaining, 0, "{key}");
    }
}
