use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::Duration;

use super::server::Server;
use super::{Redis, following};
use crate::eventually;

const COUNT: usize = 3;
const QUORUM: usize = 2;
const DEADLINE: Duration = Duration::from_secs(60);

/// How three Sentinels watch a primary.
#[derive(Clone, Debug)]
pub struct SentinelsOptions {
    /// The name that clients ask for: letters, digits and `.-_`.
    pub name: String,
    /// The primary's loopback port as all are told, when a proxy stands in front of it.
    pub primary_port: Option<u16>,
    /// How long a server may be silent before a Sentinel takes it for dead.
    pub down_after_ms: u32,
    /// How long one attempt of a failover may take; the next waits for twice as long.
    pub failover_timeout_ms: u32,
}

impl Default for SentinelsOptions {
    fn default() -> Self {
        Self {
            name: "stanchion".to_owned(),
            primary_port: None,
            down_after_ms: 1_000,
            failover_timeout_ms: 3_000,
        }
    }
}

impl SentinelsOptions {
    fn lines(&self, primary: &Redis) -> String {
        let name = &self.name;
        let port = self.primary_port.unwrap_or_else(|| primary.port());
        let mut lines = format!(
            "sentinel monitor {name} 127.0.0.1 {port} {QUORUM}\n\
             sentinel down-after-milliseconds {name} {}\n\
             sentinel failover-timeout {name} {}\n",
            self.down_after_ms, self.failover_timeout_ms,
        );
        if let Some(password) = primary.server.password() {
            lines.push_str(&format!("sentinel auth-pass {name} {password}\n"));
        }
        lines
    }
}

/// Three private Sentinels that watch one primary and its replicas; two of them agree on its death.
///
/// They end as [`Redis`] does. The servers that they watch are the caller's.
#[derive(Debug)]
pub struct Sentinels {
    name: String,
    sentinels: Vec<Server>,
}

impl Sentinels {
    /// Starts them and waits until each knows the others and every replica that `primary` has by then:
    /// some 5 s.
    ///
    /// # Panics
    /// When Redis is not installed (with the line that installs it), `primary` does not answer, or they do
    /// not find each other.
    pub async fn start(primary: &Redis, options: SentinelsOptions) -> Self {
        let replicas = following(&primary.command(&["INFO", "replication"]).await);
        let lines = options.lines(primary);
        let mut sentinels = Vec::with_capacity(COUNT);
        for _ in 0..COUNT {
            let lines = || lines.clone();
            sentinels.push(Server::start("redis-sentinel", None, None, lines).await);
        }
        let name = options.name;
        let started = Self { name, sentinels };
        eventually("the Sentinels know all", DEADLINE, || async {
            let mut known = true;
            for sentinel in &started.sentinels {
                known &= started.knows(sentinel, replicas).await;
            }
            known
        })
        .await;
        started
    }

    /// The name that clients ask for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URLs of the Sentinels themselves.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(Server::url).collect()
    }

    /// The port of the primary, once all three name the same.
    ///
    /// # Panics
    /// When they do not within 60 s.
    pub async fn primary(&self) -> u16 {
        self.agreed(None).await
    }

    /// Waits until all three name another primary than the one on the port `old`, and returns its port.
    ///
    /// # Panics
    /// When they do not within 60 s.
    pub async fn primary_after(&self, old: u16) -> u16 {
        self.agreed(Some(old)).await
    }

    /// Has a replica promoted although the primary lives, and returns the new primary's port.
    ///
    /// # Panics
    /// When no replica is fit for it within 60 s.
    pub async fn failover(&self) -> u16 {
        let old = self.primary().await;
        eventually("a Sentinel begins the failover", DEADLINE, || async {
            let order = ["SENTINEL", "FAILOVER", &self.name];
            self.sentinels[0].ask(&order).await.is_ok()
        })
        .await;
        self.primary_after(old).await
    }

    async fn agreed(&self, old: Option<u16>) -> u16 {
        let agreed = OnceLock::new();
        eventually("the Sentinels agree on a primary", DEADLINE, || async {
            let mut named = HashSet::new();
            for sentinel in &self.sentinels {
                named.insert(self.named_by(sentinel).await);
            }
            let mut named = named.into_iter();
            match (named.next().flatten(), named.next()) {
                (Some(port), None) if Some(port) != old => agreed.set(port).is_ok(),
                _ => false,
            }
        })
        .await;
        agreed.into_inner().expect("set before the wait ended")
    }

    async fn named_by(&self, sentinel: &Server) -> Option<u16> {
        let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", &self.name];
        let address = sentinel.ask(&question).await.ok()?;
        address.lines().nth(1)?.parse().ok()
    }

    /// Whether `sentinel` has heard of the others, and has asked this many replicas how they are: it promotes no other.
    async fn knows(&self, sentinel: &Server, replicas: usize) -> bool {
        let primary = sentinel.ask(&["SENTINEL", "MASTER", &self.name]).await;
        let others = (COUNT - 1).to_string();
        let follow = sentinel.ask(&["SENTINEL", "REPLICAS", &self.name]).await;
        primary.is_ok_and(|fields| {
            values(&fields, "num-other-sentinels").any(|value| value == others)
                && values(&fields, "flags").any(|value| value == "master")
        }) && follow.is_ok_and(|fields| {
            let linked = values(&fields, "master-link-status").filter(|value| *value == "ok");
            linked.count() >= replicas
        })
    }
}

/// The values of the field `name` in lists of names and values.
fn values<'a>(fields: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lines: Vec<&str> = fields.lines().collect();
    let pairs: Vec<(&str, &str)> = lines.chunks(2).filter_map(pair).collect();
    pairs
        .into_iter()
        .filter(move |(field, _)| *field == name)
        .map(|(_, value)| value)
}

fn pair<'a>(lines: &[&'a str]) -> Option<(&'a str, &'a str)> {
    let [name, value] = lines else { return None };
    Some((name, value))
}
