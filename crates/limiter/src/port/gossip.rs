//! Buckets that are gossiped: every node admits against its own view, and tells the others what it admitted.
//! [`crate::gossip`] has the counters, and the bound on what may be admitted beyond a limit.
//!
//! Membership and dissemination are the crate chitchat's: a map of texts for each node, of which the others fetch what
//! they lack, over UDP. It was chosen over foca because it repairs: a node that missed something, was cut off or has just
//! come gets what it lacks from any other, while foca repeats a broadcast a few times and has to be told what to repair.
//! That matters more here than foca's smaller size and its cheaper failure detector.
//!
//! **There is no authentication**: whoever reaches the port can debit every bucket, or say that it lives. The port belongs
//! on a private network. No key can be read from what is told, only guessed.
//!
//! [`Decision::bound`] is (N − 1)·min(B + r·Δ, λ·Δ), where N counts this node and all whose views are kept, those that
//! were not heard of for up to [`GossipConfig::forget`] included, Δ is the age of the oldest view, and λ is the rate at
//! which *this* node admitted in the last two rounds. It is an estimate: a node that was never heard of is not counted,
//! nor one that admits more than this one. With [`GossipConfig::strict`] it is (N − 1)·(B + r·Δ) of that setting, and no
//! estimate, as long as there are no more nodes and none is started again. One that is leaves untold what it admitted
//! last, and its successor admits what the rate gives: up to B + 2·r·Δ for each.

mod news;
mod state;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chitchat::transport::UdpTransport;
use chitchat::{
    ChitchatConfig, ChitchatHandle, ChitchatId, FailureDetectorConfig, KeyChangeEvent,
    ProtocolVersion, spawn_chitchat,
};
use stanchion_kernel::Clock;
use tokio::task::JoinHandle;

use self::news::{BEAT, Beat, BucketId, COUNTERS, MAX_NAME, Member, Told, is_name, place, placed};
use self::state::{LINGER_ROUNDS, Round, State};
use super::{Backend, all_differ};
use crate::{Ask, Decision, LimiterError, observe};

/// The most nodes.
const MAX_MEMBERS: u16 = 64;

/// For how many intervals it is remembered that a counter was taken back.
const TOMBSTONE_ROUNDS: u32 = 100;

/// The members of [`Gossip`], and its bounds.
#[derive(Clone, Debug)]
pub struct GossipConfig {
    /// The name of this node, 1 to 64 lower-case letters, digits, `-`, `_` and `.`; every node has its own.
    pub name: String,
    /// The name of the cluster; nodes of another one are not talked to.
    pub cluster: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where others reach it.
    pub advertise: SocketAddr,
    /// Some other nodes, as `host:port`.
    pub seeds: Vec<String>,
    /// How often it tells its news, and asks up to three others for theirs. Where thousands of buckets change in an
    /// interval that is much shorter than 100 ms, nodes answer questions that are out of date, and fall behind.
    pub interval: Duration,
    /// The most nodes that are believed, itself included, 1 to 64.
    pub nodes: u16,
    /// How much of what was admitted too much is paid back: what the rate gives in this time, and the burst, of each other
    /// node. What a longer partition admitted besides is forgiven.
    pub horizon: Duration,
    /// How many buckets that are not full are remembered, 1 or more; questions about more are refused with
    /// [`LimiterError::Crowded`]. A round tells some thousand of them; more than that take longer, and views age.
    pub buckets: usize,
    /// After how long a node of which nothing is heard is forgotten.
    pub forget: Duration,
    /// Denies while views are too old.
    pub strict: Option<Strictness>,
}

/// When views are too old to admit anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strictness {
    /// How many nodes there are, this one included. When fewer are heard of, nothing is admitted.
    pub nodes: u16,
    /// The age from which on a view is too old, 10 intervals at most. In a quiet network views are up to three old.
    pub age: Duration,
}

impl GossipConfig {
    /// A member with the usual bounds.
    #[must_use]
    pub fn new(name: &str, listen: SocketAddr, seeds: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            cluster: "stanchion-limiter".to_owned(),
            listen,
            advertise: listen,
            seeds,
            interval: Duration::from_millis(100),
            nodes: 16,
            horizon: Duration::from_secs(10),
            buckets: 10_000,
            forget: Duration::from_mins(10),
            strict: None,
        }
    }

    fn validate(&self) -> Result<(), LimiterError> {
        let wrong = if !is_name(&self.name) {
            format!(
                "a node's name has 1 to {MAX_NAME} lower-case letters, digits, `-`, `_` and `.`"
            )
        } else if self.interval.is_zero() || self.forget < self.interval * 10 {
            "a node is forgotten after ten intervals or more, and an interval is longer than nothing".to_owned()
        } else if self.nodes == 0 || self.nodes > MAX_MEMBERS {
            format!("1 to {MAX_MEMBERS} nodes are believed")
        } else if self.buckets == 0 {
            "there is room for one bucket or more".to_owned()
        } else if self.strict.is_some_and(|strict| {
            strict.nodes > self.nodes || strict.age > self.interval * LINGER_ROUNDS
        }) {
            format!(
                "strictness requires no more nodes than are believed, and views of {LINGER_ROUNDS} intervals or less"
            )
        } else {
            return Ok(());
        };
        Err(LimiterError::Config(wrong))
    }

    fn chitchat(&self, generation: u64) -> ChitchatConfig {
        ChitchatConfig {
            chitchat_id: ChitchatId::new(&*self.name, generation, self.advertise),
            cluster_id: self.cluster.clone(),
            gossip_interval: self.interval,
            listen_addr: self.listen,
            seed_nodes: self.seeds.clone(),
            failure_detector_config: FailureDetectorConfig {
                initial_interval: self.interval,
                dead_node_grace_period: self.forget,
                ..FailureDetectorConfig::default()
            },
            // Whoever was cut off for longer fetches everything anew; keeping them all would take much memory.
            marked_for_deletion_grace_period: self.interval * TOMBSTONE_ROUNDS,
            catchup_callback: None,
            extra_liveness_predicate: None,
            protocol_version: ProtocolVersion::V0,
        }
    }
}

/// Buckets that are gossiped. It stops when it is dropped.
#[derive(Debug)]
pub struct Gossip {
    node: Arc<Node>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Node {
    config: GossipConfig,
    /// This incarnation, by the wall clock: greater than all before.
    generation: u64,
    clock: Clock,
    state: Mutex<State>,
}

impl Gossip {
    /// Begins with empty buckets, and tells others of itself.
    ///
    /// # Errors
    /// [`LimiterError::Config`] when the configuration is out of its bounds or the address cannot be bound.
    pub async fn start(config: GossipConfig, clock: Clock) -> Result<Self, LimiterError> {
        config.validate()?;
        let generation = u64::try_from(clock.now().as_micros()).unwrap_or_default();
        let chitchat = config.chitchat(generation);
        let chitchat = spawn_chitchat(chitchat, Vec::new(), &UdpTransport).await;
        let chitchat = chitchat.map_err(|error| LimiterError::Config(error.to_string()))?;
        let node = Arc::new(Node {
            state: Mutex::new(State::new(config.clone(), generation, micros(&clock))),
            config,
            generation,
            clock,
        });
        for (prefix, hear) in [
            (COUNTERS, Node::hear as fn(&Node, KeyChangeEvent<'_>)),
            (BEAT, Node::hear_beat),
        ] {
            let node = Arc::clone(&node);
            let subscribe = chitchat.chitchat();
            let subscribe = subscribe.lock().await;
            subscribe
                .subscribe_event(prefix, move |event| hear(&node, event))
                .forever();
        }
        let task = tokio::spawn(tell(Arc::clone(&node), chitchat));
        Ok(Self { node, task })
    }

    /// How many rounds it has begun to tell.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.node.state().rounds()
    }

    /// The rounds of the other nodes that it has heard in full, by name.
    #[must_use]
    pub fn heard(&self) -> BTreeMap<String, u64> {
        self.node.state().heard()
    }

    /// How old its oldest view of another node may be: everything that was admitted before is known.
    #[must_use]
    pub fn oldest_view(&self) -> Duration {
        self.node.state().oldest(micros(&self.node.clock))
    }
}

impl Drop for Gossip {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tells the news of each round until it is aborted, which also ends the gossip.
async fn tell(node: Arc<Node>, chitchat: ChitchatHandle) {
    let mut rounds = tokio::time::interval(node.config.interval);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut bounds: HashMap<String, u64> = HashMap::new();
    loop {
        rounds.tick().await;
        let mut round = node.state().round(micros(&node.clock));
        for limit in bounds
            .keys()
            .filter(|limit| !round.bounds.contains_key(limit.as_str()))
        {
            observe::bound(limit, 0);
        }
        bounds = std::mem::take(&mut round.bounds);
        for (limit, bound) in &bounds {
            observe::bound(limit, *bound);
        }
        observe::buckets(round.buckets);
        let (gone, known) = chitchat
            .with_chitchat(|chitchat| publish(&round, chitchat))
            .await;
        node.state().forget(&gone, &known, micros(&node.clock));
    }
}

/// Says which of the idle buckets nobody tells of, and which nodes are known.
fn publish(round: &Round, chitchat: &mut chitchat::Chitchat) -> (Vec<BucketId>, HashSet<Member>) {
    let state = chitchat.self_node_state();
    for (place, text) in &round.counters {
        match text {
            Some(text) => state.set(place, text),
            None => state.delete(place),
        }
    }
    state.set(BEAT, &round.beat);
    observe::view(
        chitchat.live_nodes().count().saturating_sub(1),
        round.oldest,
    );
    let is_told = |place: &str| {
        let mut states = chitchat.node_states().values();
        states.any(|state| state.contains_key(place))
    };
    let idle = round.idle.iter().copied();
    let gone = idle.filter(|id| !is_told(&place(id))).collect();
    let known = chitchat.node_states().keys().map(member);
    (gone, known.collect())
}

fn member(id: &ChitchatId) -> Member {
    ((*id.node_id).into(), id.generation_id)
}

impl Node {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_other(&self, id: &ChitchatId) -> bool {
        (&*id.node_id, id.generation_id) != (&*self.config.name, self.generation)
    }

    fn hear(&self, event: KeyChangeEvent<'_>) {
        if !self.is_other(event.node) {
            return;
        }
        let told = placed(event.key).zip(Told::parse(event.value));
        let heard = told.ok_or("garbage").and_then(|told| {
            let now_us = micros(&self.clock);
            self.state().hear(&member(event.node), told, now_us)
        });
        if let Err(reason) = heard {
            observe::gossip_dropped(reason);
        }
    }

    fn hear_beat(&self, event: KeyChangeEvent<'_>) {
        // An earlier incarnation of this node told what it had taken, but lives no more.
        if *event.node.node_id == *self.config.name {
            return;
        }
        let nodes = usize::from(self.config.nodes);
        let beat = Beat::parse(event.value, nodes)
            .filter(|_| event.key.is_empty() && is_name(&event.node.node_id));
        let heard = beat
            .ok_or("garbage")
            .and_then(|beat| self.state().hear_beat(&member(event.node), &beat));
        if let Err(reason) = heard {
            observe::gossip_dropped(reason);
        }
    }

    fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        let name = |ask: &Ask<'_>| news::bucket(ask.limit().name().as_str(), ask.key());
        let asks: Vec<_> = asks.iter().map(|ask| (name(ask), *ask)).collect();
        self.state().check(&asks, micros(&self.clock))
    }
}

#[async_trait]
impl Backend for Gossip {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        all_differ(asks)?;
        self.node.check(asks)
    }

    fn check_now(&self, ask: &Ask<'_>) -> Option<Result<Decision, LimiterError>> {
        let decisions = self.node.check(std::slice::from_ref(ask));
        decisions
            .map(|decisions| decisions.first().copied())
            .transpose()
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        let id = news::bucket(ask.limit().name().as_str(), ask.key());
        let now_us = micros(&self.node.clock);
        self.node.state().refund(&id, &ask, now_us)
    }
}

fn micros(clock: &Clock) -> u64 {
    u64::try_from(clock.monotonic().as_micros()).unwrap_or(u64::MAX)
}
