mod contradiction;
mod entry;
mod judge;

use std::net::SocketAddr;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};
use stanchion_http::grpc::Rule;

use super::key::{Key, Kind};
use super::{Secret, ServerUrl};

pub use entry::{Callers, FallbackWord, LimitEntry, Per, RateText};
pub(super) use judge::{objections, wrong_rules};

/// `[limiter]`: limits, and those in front of the routes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimiterSection {
    /// Whether limits stand in front of the routes.
    pub enabled: bool,
    /// Where buckets are kept.
    pub backend: BackendWord,
    /// How many buckets that are not full are remembered.
    pub buckets: usize,
    /// Redis: its address, or those of Sentinels or of nodes of a cluster.
    pub urls: Vec<ServerUrl>,
    /// Redis: the name of the primary that the Sentinels watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentinel: Option<String>,
    /// Redis: with what all keys begin.
    pub prefix: String,
    /// Redis: for how long buckets stay empty after a promotion or a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine_ms: Option<u64>,
    /// Redis: how many replicas must have what was taken before it is answered.
    pub acknowledged_by: u32,
    /// Redis: the latest answer that is honoured.
    pub reply_ms: u64,
    /// Redis: whether tokens are borrowed and spent with no network.
    pub leases: bool,
    /// How many servers share the limits.
    pub servers: NonZeroU16,
    /// Gossip and escrow: where this server listens to the others, UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_listen: Option<SocketAddr>,
    /// Gossip and escrow: where the others reach it, if that is another address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_address: Option<SocketAddr>,
    /// Gossip: some other servers. Escrow: all servers, in the same order on each.
    pub peers: Vec<String>,
    /// Escrow: what the servers know each other by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_secret: Option<Secret>,
    /// Gossip: what is known of another server must be as young as this, or nothing is admitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_silence_ms: Option<u64>,
    /// Where Envoy's rate limit service listens; nowhere when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envoy_listen: Option<SocketAddr>,
    /// Which of Envoy's descriptors are under which limits.
    pub envoy_rules: Vec<Rule>,
    /// The limits.
    pub limits: Vec<LimitEntry>,
}

/// Where buckets are kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendWord {
    /// In the memory of each server.
    #[default]
    Memory,
    /// In a Redis server, alone or with replicas.
    Redis,
    /// In a Redis Cluster.
    RedisCluster,
    /// In the memory of each server, which tells the others what it admitted.
    Gossip,
    /// In the memory of each server, which has a share and hands tokens to others.
    Escrow,
}

impl Default for LimiterSection {
    fn default() -> Self {
        Self {
            enabled: true,
            backend: BackendWord::Memory,
            buckets: 1_000_000,
            urls: Vec::new(),
            sentinel: None,
            prefix: "stanchion:limiter".to_owned(),
            quarantine_ms: None,
            acknowledged_by: 0,
            reply_ms: 500,
            leases: true,
            servers: NonZeroU16::MIN,
            peer_listen: None,
            peer_address: None,
            peers: Vec::new(),
            peer_secret: None,
            peer_silence_ms: None,
            envoy_listen: None,
            envoy_rules: Vec::new(),
            limits: vec![LimitEntry::anonymous()],
        }
    }
}

const fn between(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "limiter.enabled",
        kind: Kind::Boolean,
        about: "Whether limits stand in front of the routes; without them they can still be asked.",
    },
    Key {
        name: "limiter.backend",
        kind: Kind::Choice(&["memory", "redis", "redis-cluster", "gossip", "escrow"]),
        about: "Where buckets are kept: in the memory of each server, which limits each by itself; or for all together, in Redis or by the servers themselves, which needs a build with the feature `gossip`. `docs/distributed-limits.md` compares them.",
    },
    Key {
        name: "limiter.buckets",
        kind: Kind::Integer {
            min: 1,
            max: 100_000_000,
        },
        about: "Buckets that are not full and are remembered; more get 503, unless their limits fall back to `allow`.",
    },
    Key {
        name: "limiter.urls",
        kind: Kind::Urls(&["redis://", "rediss://"]),
        about: "Redis: its address; with `sentinel` those of the Sentinels, with `redis-cluster` those of some nodes. User and password are those of the first.",
    },
    Key {
        name: "limiter.sentinel",
        kind: Kind::Text,
        about: "Redis: the name under which Sentinels watch the primary.",
    },
    Key {
        name: "limiter.prefix",
        kind: Kind::Text,
        about: "Redis: with what all keys begin; servers that share limits have the same.",
    },
    Key {
        name: "limiter.quarantine_ms",
        kind: between(0, 600_000),
        about: "Redis: for how long buckets stay empty after a promotion or a restart; absent, as long as the settings that are asked of Redis need. 0 with `acknowledged_by`: a promotion begins nothing anew.",
    },
    Key {
        name: "limiter.acknowledged_by",
        kind: between(0, 16),
        about: "Redis: how many replicas must have what was taken before it is answered.",
    },
    Key {
        name: "limiter.reply_ms",
        kind: between(10, 10_000),
        about: "Redis: the latest answer that is honoured.",
    },
    Key {
        name: "limiter.leases",
        kind: Kind::Boolean,
        about: "Redis: whether tokens of large limits are borrowed, and spent with no network.",
    },
    Key {
        name: "limiter.servers",
        kind: between(1, 1_000),
        about: "How many servers share the limits: what each borrows, and its share when Redis cannot be reached.",
    },
    Key {
        name: "limiter.peer_listen",
        kind: Kind::Address,
        about: "Gossip and escrow: where this server listens to the others, UDP. Gossip knows no credential: an address on a private network.",
    },
    Key {
        name: "limiter.peer_address",
        kind: Kind::Address,
        about: "Gossip and escrow: where the others reach this server, if not at `peer_listen`.",
    },
    Key {
        name: "limiter.peers",
        kind: Kind::Hosts,
        about: "Gossip: some other servers. Escrow: the addresses of all servers, this one's among them, in the same order on each.",
    },
    Key {
        name: "limiter.peer_secret",
        kind: Kind::Secret,
        about: "Escrow: what the servers know each other by, the same on all of them.",
    },
    Key {
        name: "limiter.peer_silence_ms",
        kind: between(100, 1_000),
        about: "Gossip: nothing is admitted while fewer than `servers` are heard of, or what is known of one is older than this; absent, servers admit by what they know.",
    },
    Key {
        name: "limiter.envoy_listen",
        kind: Kind::Address,
        about: "Where Envoy's rate limit service listens, gRPC without a credential: an address that only proxies reach. Nowhere when absent.",
    },
    Key {
        name: "limiter.envoy_rules",
        kind: Kind::Rules,
        about: "Which of Envoy's descriptors are under which limits. `docs/envoy.md` has their keys.",
    },
    Key {
        name: "limiter.limits",
        kind: Kind::Limits,
        about: "The limits; what is set replaces the default. `docs/limits.md` has their keys.",
    },
];
