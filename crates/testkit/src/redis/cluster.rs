mod view;

use std::sync::OnceLock;
use std::time::Duration;

use super::{Redis, RedisOptions, installation};
use crate::{Program, eventually};

const NODES: usize = 6;
const PRIMARIES: usize = 3;
const DEADLINE: Duration = Duration::from_secs(60);

/// A private Redis Cluster: three primaries with a replica each, taken for dead after 2 s of silence.
///
/// Its nodes end as [`Redis`] does.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts six nodes, joins them and waits until all serve every slot and all replicas follow: some 3 s.
    ///
    /// # Panics
    /// When Redis is not installed (with the line that installs it) or the cluster is not whole within 60 s.
    pub async fn start() -> Self {
        let mut nodes = Vec::with_capacity(NODES);
        for _ in 0..NODES {
            let options = RedisOptions {
                cluster: true,
                ..RedisOptions::default()
            };
            nodes.push(Redis::start(options).await);
        }
        let cluster = Self { nodes };
        cluster.join().await;
        eventually("the cluster is whole", DEADLINE, || cluster.is_whole()).await;
        cluster
    }

    /// The nodes, to be killed, paused, started again and asked one by one.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The URLs of all nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The slot of `key`, below 16,384.
    ///
    /// # Panics
    /// When no node answers.
    pub async fn slot_of(&self, key: &str) -> u16 {
        let node = self.awake().next().expect("a node is awake");
        let slot = node.command(&["CLUSTER", "KEYSLOT", key]).await;
        slot.parse().expect("a slot is a number")
    }

    /// The node that serves `slot`, once all nodes that are awake name the same. It may be dead itself:
    /// nobody knows yet.
    ///
    /// # Panics
    /// When they do not agree within 60 s.
    pub async fn primary_of(&self, slot: u16) -> &Redis {
        self.agreed(slot, None).await
    }

    /// Waits until all nodes that are awake name another primary for `slot` than `old`, and returns it.
    ///
    /// # Panics
    /// When they do not within 60 s.
    pub async fn primary_after(&self, slot: u16, old: &Redis) -> &Redis {
        self.agreed(slot, Some(old.port())).await
    }

    /// The nodes that follow `primary` in the eyes of the first node that is awake.
    ///
    /// # Panics
    /// When no node answers.
    pub async fn replicas_of(&self, primary: &Redis) -> Vec<&Redis> {
        let view = self.view().await;
        let mut entries = view::entries(&view);
        let id = entries.find(|entry| entry.port == primary.port());
        let id = id.expect("a node knows all others").id;
        let follows = |port| {
            let mut entries = view::entries(&view);
            entries.any(|entry| entry.port == port && entry.primary == id && !entry.is("fail"))
        };
        let nodes = self.nodes.iter();
        nodes.filter(|node| follows(node.port())).collect()
    }

    /// Has a replica take over from the living primary of `slot`, without loss, and returns it.
    ///
    /// # Panics
    /// When no replica can within 60 s.
    pub async fn failover(&self, slot: u16) -> &Redis {
        let old = self.primary_of(slot).await;
        eventually("a replica begins the failover", DEADLINE, || async {
            match self.replicas_of(old).await.first() {
                Some(replica) => replica.try_command(&["CLUSTER", "FAILOVER"]).await.is_ok(),
                None => false,
            }
        })
        .await;
        self.primary_after(slot, old).await
    }

    /// Moves `slot` with its keys, none of which holds a line break, to the primary `target`, and waits
    /// until all nodes that are awake know.
    ///
    /// # Panics
    /// When `target` serves it already, is no primary, or does not answer.
    pub async fn migrate(&self, slot: u16, target: &Redis) {
        self.begin_migration(slot, target).await;
        self.end_migration(slot, target).await;
    }

    /// Begins to move `slot`: its primary sends clients to `target` for keys that it no longer has.
    ///
    /// # Panics
    /// As [`RedisCluster::migrate`].
    pub async fn begin_migration(&self, slot: u16, target: &Redis) {
        let source = self.primary_of(slot).await;
        set_slot(target, slot, "IMPORTING", &id_of(source).await).await;
        set_slot(source, slot, "MIGRATING", &id_of(target).await).await;
    }

    /// Moves the keys of a slot after [`RedisCluster::begin_migration`], and then the slot.
    ///
    /// # Panics
    /// As [`RedisCluster::migrate`].
    pub async fn end_migration(&self, slot: u16, target: &Redis) {
        let source = self.primary_of(slot).await;
        let (number, port) = (slot.to_string(), target.port().to_string());
        loop {
            let batch = ["CLUSTER", "GETKEYSINSLOT", &number, "100"];
            let keys = source.command(&batch).await;
            if keys.is_empty() {
                break;
            }
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            migrate.extend(keys.lines());
            source.command(&migrate).await;
        }
        // The target first: a slot that its source gives up has an owner at every moment.
        let id = id_of(target).await;
        set_slot(target, slot, "NODE", &id).await;
        set_slot(source, slot, "NODE", &id).await;
        self.primary_after(slot, source).await;
    }

    async fn join(&self) {
        let addresses = self.nodes.iter();
        let addresses = addresses.map(|node| format!("127.0.0.1:{}", node.port()));
        let create = Program::new(installation::find("redis-cli"))
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .start();
        let status = create.wait(DEADLINE).await;
        let (stdout, stderr) = (create.stdout(), create.stderr());
        assert!(status.success(), "no cluster: {stdout}{stderr}");
    }

    async fn is_whole(&self) -> bool {
        for node in &self.nodes {
            let state = node.command(&["CLUSTER", "INFO"]).await;
            let view = node.command(&["CLUSTER", "NODES"]).await;
            let replication = node.command(&["INFO", "replication"]).await;
            let replicas = view::entries(&view).filter(|entry| entry.is("slave"));
            let whole = state.contains("cluster_state:ok")
                && replicas.count() == NODES - PRIMARIES
                && !replication.contains("master_link_status:down");
            if !whole {
                return false;
            }
        }
        true
    }

    async fn agreed(&self, slot: u16, old: Option<u16>) -> &Redis {
        let agreed = OnceLock::new();
        eventually("the nodes agree on a primary", DEADLINE, || async {
            match self.owner(slot).await {
                Some(node) if Some(node.port()) != old => agreed.set(node).is_ok(),
                _ => false,
            }
        })
        .await;
        agreed.into_inner().expect("set before the wait ended")
    }

    /// The node that everyone awake takes for the primary of `slot`.
    async fn owner(&self, slot: u16) -> Option<&Redis> {
        let mut agreed = None;
        for node in self.awake() {
            let view = node.try_command(&["CLUSTER", "NODES"]).await.ok()?;
            let owner = view::owner(&view, slot)?;
            if *agreed.get_or_insert(owner) != owner {
                return None;
            }
        }
        self.nodes.iter().find(|node| Some(node.port()) == agreed)
    }

    async fn view(&self) -> String {
        let node = self.awake().next().expect("a node is awake");
        node.command(&["CLUSTER", "NODES"]).await
    }

    fn awake(&self) -> impl Iterator<Item = &Redis> {
        self.nodes.iter().filter(|node| node.server.is_awake())
    }
}

async fn id_of(node: &Redis) -> String {
    node.command(&["CLUSTER", "MYID"]).await
}

async fn set_slot(node: &Redis, slot: u16, state: &str, id: &str) {
    let slot = slot.to_string();
    node.command(&["CLUSTER", "SETSLOT", &slot, state, id])
        .await;
}
