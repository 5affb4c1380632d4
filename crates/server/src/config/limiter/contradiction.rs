use std::net::SocketAddr;

use super::{BackendWord, LimiterSection};

/// A key that another one contradicts, and how.
type Contradiction = (&'static str, &'static str);

/// The most servers that keep buckets themselves, all together; the limiter refuses more when it starts.
const MOST_PEERS: usize = 64;

/// The first of them, if there is any.
fn first(found: impl IntoIterator<Item = (bool, Contradiction)>) -> Option<Contradiction> {
    let mut found = found.into_iter().filter(|(is_so, _)| *is_so);
    found.next().map(|(_, contradiction)| contradiction)
}

impl LimiterSection {
    /// A key that another one contradicts, and how.
    pub(in crate::config) fn contradiction(&self) -> Option<(&'static str, String)> {
        let envoy = || {
            let orphans = self.envoy_listen.is_none() && !self.envoy_rules.is_empty();
            first([(orphans, ("limiter.envoy_rules", "goes with `envoy_listen`"))])
        };
        let found = self.of_redis().or_else(|| self.of_peers()).or_else(envoy);
        found.map(|(key, why)| (key, why.to_owned()))
    }

    fn of_redis(&self) -> Option<Contradiction> {
        let is_redis = self.backend.is_redis();
        let is_one = self.backend == BackendWord::Redis && self.sentinel.is_none();
        first([
            (
                is_redis && self.urls.is_empty(),
                ("limiter.urls", "is needed with this backend"),
            ),
            (
                !is_redis && !self.urls.is_empty(),
                (
                    "limiter.urls",
                    "goes with `backend = \"redis\"` or `\"redis-cluster\"`",
                ),
            ),
            (
                is_one && self.urls.len() > 1,
                (
                    "limiter.urls",
                    "has one address, unless `sentinel` names a primary",
                ),
            ),
            (
                self.sentinel.is_some() && self.backend != BackendWord::Redis,
                ("limiter.sentinel", "goes with `backend = \"redis\"`"),
            ),
        ])
    }

    fn of_peers(&self) -> Option<Contradiction> {
        if !self.backend.has_peers() {
            let is_told = self.peer_listen.is_some() || !self.peers.is_empty();
            return first([(
                is_told,
                (
                    "limiter.peers",
                    "goes with `backend = \"gossip\"` or `\"escrow\"`",
                ),
            )]);
        }
        let here = self.peer_address.or(self.peer_listen);
        let found = first([
            (
                !cfg!(feature = "gossip"),
                (
                    "limiter.backend",
                    "needs a build with the feature `gossip` (`cargo build --features gossip`)",
                ),
            ),
            (
                self.peer_listen.is_none(),
                ("limiter.peer_listen", "is needed with this backend"),
            ),
            (
                here.is_some_and(|here| here.ip().is_unspecified()),
                (
                    "limiter.peer_address",
                    "is needed when `peer_listen` names no address of this server",
                ),
            ),
            (
                usize::from(self.servers.get()) > MOST_PEERS,
                ("limiter.servers", "is at most 64 with this backend"),
            ),
        ]);
        found.or_else(|| self.of_escrow(here))
    }

    /// Its roster has every server, this one among them.
    fn of_escrow(&self, here: Option<SocketAddr>) -> Option<Contradiction> {
        if self.backend != BackendWord::Escrow {
            return None;
        }
        let roster: Vec<_> = self.peers.iter().map(|peer| peer.parse().ok()).collect();
        first([
            (
                roster.len() > MOST_PEERS,
                ("limiter.peers", "has at most 64 servers with escrow"),
            ),
            (
                roster.contains(&None),
                ("limiter.peers", "has addresses, no names, with escrow"),
            ),
            (
                !roster.contains(&here),
                (
                    "limiter.peers",
                    "has the addresses of all servers with escrow, this one's among them",
                ),
            ),
            (
                self.peer_secret.is_none(),
                ("limiter.peer_secret", "is needed with escrow"),
            ),
        ])
    }
}

impl BackendWord {
    /// Whether buckets are in a Redis.
    pub(crate) fn is_redis(self) -> bool {
        matches!(self, Self::Redis | Self::RedisCluster)
    }

    /// Whether the servers keep the buckets themselves, all together.
    pub(crate) fn has_peers(self) -> bool {
        matches!(self, Self::Gossip | Self::Escrow)
    }
}
