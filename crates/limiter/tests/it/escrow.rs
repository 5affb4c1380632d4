mod split;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, ManualClock, Timestamp};
use stanchion_limiter::conformance::{CASES, Sharing, Subject};
use stanchion_limiter::port::{Backend, Escrow, EscrowConfig};
use stanchion_limiter::{Ask, Limit, LimiterError, Rate};
use stanchion_testkit::{Network, eventually, free_address, hold};
use tokio::net::UdpSocket;

use crate::history::{self, Admitted};

const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: &[u8] = b"the secret of this test's roster";

struct Cluster {
    network: Network,
    listen: Vec<SocketAddr>,
    roster: Vec<SocketAddr>,
    nodes: Vec<Arc<Escrow>>,
    clock: Clock,
}

impl Cluster {
    async fn start(nodes: usize, clock: Clock) -> Self {
        let network = Network::default();
        let listen: Vec<_> = (0..nodes).map(|_| free_address()).collect();
        let mut roster = Vec::new();
        for node in &listen {
            roster.push(network.reach(*node).await);
        }
        let mut cluster = Self {
            network,
            listen,
            roster,
            nodes: Vec::new(),
            clock,
        };
        for node in 0..nodes {
            let escrow = Escrow::start(cluster.config(node), cluster.clock.clone(), entropy());
            cluster.nodes.push(Arc::new(escrow.await.expect("a node")));
        }
        cluster
    }

    fn config(&self, node: usize) -> EscrowConfig {
        let number = u16::try_from(node).expect("a number");
        let roster = self.roster.clone();
        EscrowConfig {
            beat: Duration::from_millis(20),
            lifetime: Duration::from_millis(500),
            // A machine under load must not make a case fail whose time stands still.
            patience: Duration::from_millis(400),
            ..EscrowConfig::new(number, self.listen[node], roster, SECRET.to_vec())
        }
    }

    async fn meet(nodes: &[Arc<Escrow>]) {
        let all = nodes.len() - 1;
        eventually("the nodes hear of each other", PATIENCE, || async {
            nodes.iter().all(|node| node.reachable() == all)
        })
        .await;
    }
}

fn entropy() -> Entropy {
    Entropy::system()
}

/// Two nodes of three that began a day ago, and one that begins.
async fn subject() -> Subject {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let cluster = Cluster::start(3, clock).await;
    hand.advance(Duration::from_hours(24));
    Cluster::meet(&cluster.nodes).await;
    let newborn = Cluster::start(3, cluster.clock.clone()).await;
    let nodes = cluster.nodes;
    Subject {
        backend: Arc::clone(&nodes[0]) as Arc<dyn Backend>,
        other: Arc::clone(&nodes[1]) as Arc<dyn Backend>,
        newborn: Arc::clone(&newborn.nodes[0]) as Arc<dyn Backend>,
        sharing: Sharing::Split {
            settled: Arc::new({
                let nodes = nodes.clone();
                move || Box::pin(settled(nodes.clone()))
            }),
        },
        pass: Arc::new(move |time| Box::pin(pass(hand.clone(), nodes.clone(), time))),
    }
}

async fn settled(nodes: Vec<Arc<Escrow>>) {
    eventually("all is released", PATIENCE, || async {
        nodes.iter().all(|node| node.on_loan() == 0)
    })
    .await;
}

async fn pass(hand: ManualClock, nodes: Vec<Arc<Escrow>>, time: Duration) {
    // What is on its way would be for all of that time.
    settled(nodes.clone()).await;
    hand.advance(time);
    Cluster::meet(&nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn escrow_conforms() {
    for case in CASES {
        eprintln!("{}", case.name);
        (case.examine)(subject().await).await;
    }
}

/// Asks a node for tokens, over and over, until it is told to stop.
async fn drive(
    (number, node): (usize, Arc<Escrow>),
    limit: Limit,
    clock: Clock,
    stop: tokio::sync::watch::Receiver<bool>,
) -> Vec<Admitted> {
    let mut admitted = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(2));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for tokens in (1..=3).cycle() {
        if *stop.borrow() {
            break;
        }
        pace.tick().await;
        let asked = clock.monotonic();
        let ask = Ask::new(&limit, "k", tokens).expect("a question");
        let decision = node.check(&[ask]).await.expect("an answer")[0];
        assert_eq!(decision.bound, 0);
        if decision.allowed {
            admitted.push(Admitted {
                node: number,
                asked,
                answered: clock.monotonic(),
                tokens,
            });
        }
    }
    admitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_admitted_beyond_the_limit_while_the_network_is_divided() {
    let clock = Clock::system();
    let cluster = Cluster::start(3, clock.clone()).await;
    Cluster::meet(&cluster.nodes).await;
    let limit = Limit::new("limit", Rate::per_second(200), 60).unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let drivers: Vec<_> = (0..3)
        .map(|n| {
            let node = (n, Arc::clone(&cluster.nodes[n]));
            tokio::spawn(drive(node, limit.clone(), clock.clone(), stopped.clone()))
        })
        .collect();
    hold("demand on all nodes", Duration::from_millis(1500)).await;
    cluster
        .network
        .divide(&[&cluster.listen[..1], &cluster.listen[1..]]);
    let divided = clock.monotonic();
    hold("a divided network", Duration::from_millis(1500)).await;
    let healed = clock.monotonic();
    cluster.network.heal();
    hold("a healed network", Duration::from_millis(1000)).await;
    stop.send(true).expect("drivers");
    let mut admitted = Vec::new();
    for driver in drivers {
        admitted.extend(driver.await.expect("a driver"));
    }
    assert_eq!(history::extra(&limit, &admitted), 0, "beyond the limit");
    for node in 0..3 {
        let meanwhile = admitted.iter().filter(|one| one.node == node);
        let mut meanwhile = meanwhile.filter(|one| one.asked > divided && one.answered < healed);
        assert!(meanwhile.next().is_some(), "node {node} has its share");
    }
    // The whole burst can be had at one node again.
    eventually("the nodes are one again", PATIENCE, || async {
        let ask = Ask::new(&limit, "k", 60).expect("a question");
        cluster.nodes[0].check(&[ask]).await.expect("an answer")[0].allowed
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_has_its_share_and_no_more() {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let cluster = Cluster::start(3, clock).await;
    hand.advance(Duration::from_hours(24));
    Cluster::meet(&cluster.nodes).await;
    let limit = Limit::new("limit", Rate::new(1, Duration::from_mins(1)), 9).unwrap();
    let sides: Vec<_> = cluster.listen.chunks(1).collect();
    cluster.network.divide(&sides);
    for node in &cluster.nodes {
        let ask = |cost| [Ask::new(&limit, "k", cost).expect("a question")];
        assert!(!node.check(&ask(4)).await.unwrap()[0].allowed);
        assert!(node.check(&ask(3)).await.unwrap()[0].allowed);
        assert!(!node.check(&ask(1)).await.unwrap()[0].allowed);
    }
}

/// Single tokens that a node gives, until it refuses one.
async fn drain(node: &Escrow, limit: &Limit) -> u64 {
    let mut given = 0;
    loop {
        let ask = Ask::new(limit, "k", 1).expect("a question");
        if !node.check(&[ask]).await.expect("an answer")[0].allowed {
            return given;
        }
        given += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forged_or_sent_again_changes_nothing() {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let cluster = Cluster::start(3, clock).await;
    hand.advance(Duration::from_hours(24));
    Cluster::meet(&cluster.nodes).await;
    let limit = Limit::new("limit", Rate::new(1, Duration::from_mins(1)), 90).unwrap();
    let fifty = Ask::new(&limit, "k", 50).unwrap();
    let asked = cluster.nodes[0].check(&[fifty]).await.unwrap()[0];
    assert!(asked.allowed && asked.remaining == 40, "{asked:?}");
    let carried = cluster.network.carried();
    let attacker = UdpSocket::bind(free_address()).await.unwrap();
    for (node, datagram) in &carried {
        let mut forged = datagram.clone();
        let last = forged.len() - 1;
        forged[last / 2] ^= 1;
        for datagram in [datagram, datagram, &forged, &vec![7; 2000]] {
            attacker.send_to(datagram, node).await.unwrap();
        }
    }
    // Each node has read everything when it hears what was sent after it.
    hand.advance(Duration::from_secs(1));
    Cluster::meet(&cluster.nodes).await;
    let mut given = 0;
    for node in [1, 2, 0] {
        given += drain(&cluster.nodes[node], &limit).await;
    }
    assert_eq!(given, 40);
    // So is what was sent to an earlier incarnation, or too long ago.
    hand.advance(Duration::from_mins(30));
    Cluster::meet(&cluster.nodes).await;
    for (node, datagram) in &carried {
        attacker.send_to(datagram, node).await.unwrap();
    }
    hand.advance(Duration::from_secs(1));
    Cluster::meet(&cluster.nodes).await;
    let given = drain(&cluster.nodes[0], &limit).await;
    assert_eq!(given, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_started_again_fills_only_when_what_it_handed_over_is_forgotten() {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let mut cluster = Cluster::start(2, clock).await;
    hand.advance(Duration::from_hours(24));
    Cluster::meet(&cluster.nodes).await;
    let limit = Limit::new("limit", Rate::per_second(1000), 100).unwrap();
    drop(cluster.nodes.pop());
    let again = || Escrow::start(cluster.config(1), cluster.clock.clone(), entropy());
    let started = tokio::sync::Mutex::new(None);
    eventually("its port is free", PATIENCE, || async {
        let escrow = again().await;
        let is_started = escrow.is_ok();
        *started.lock().await = escrow.ok();
        is_started
    })
    .await;
    let node = started.into_inner().expect("a node");
    cluster
        .network
        .divide(&[&cluster.listen[..1], &cluster.listen[1..]]);
    hand.advance(Duration::from_millis(504));
    let one = [Ask::new(&limit, "k", 1).unwrap()];
    assert!(!node.check(&one).await.unwrap()[0].allowed);
    hand.advance(Duration::from_millis(3));
    assert!(node.check(&one).await.unwrap()[0].allowed);
}

#[tokio::test]
async fn a_roster_out_of_bounds_is_refused() {
    let address = free_address();
    let sound = EscrowConfig::new(0, address, vec![address], SECRET.to_vec());
    let wrong = [
        EscrowConfig {
            roster: Vec::new(),
            ..sound.clone()
        },
        EscrowConfig {
            roster: vec![address; 65],
            ..sound.clone()
        },
        EscrowConfig {
            node: 1,
            ..sound.clone()
        },
        EscrowConfig {
            secret: b"short".to_vec(),
            ..sound.clone()
        },
        EscrowConfig {
            beat: Duration::ZERO,
            ..sound.clone()
        },
        EscrowConfig {
            patience: sound.lifetime,
            ..sound.clone()
        },
        EscrowConfig {
            buckets: 0,
            ..sound.clone()
        },
    ];
    for config in wrong {
        let refused = Escrow::start(config, Clock::system(), entropy()).await;
        assert!(matches!(refused, Err(LimiterError::Config(_))));
    }
    assert!(!format!("{sound:?}").contains("secret"));
    let first = Escrow::start(sound.clone(), Clock::system(), entropy()).await;
    let second = Escrow::start(sound, Clock::system(), entropy()).await;
    assert!(first.is_ok() && matches!(second, Err(LimiterError::Config(_))));
}
