//! The servers that keep the buckets of a way.

use stanchion_testkit::{Redis, RedisCluster, RedisOptions};

use super::plan::Keeper;
use super::ways::Way;

/// Servers of our own.
pub(super) enum Keepers {
    Single(Redis),
    Cluster(RedisCluster),
    Nobody,
}

impl Keepers {
    pub(super) async fn start(way: Way) -> Self {
        match way {
            Way::Central | Way::Leases => Self::Single(Redis::start(RedisOptions::default()).await),
            Way::Gossip | Way::Escrow => Self::Nobody,
            Way::Cluster => Self::Cluster(RedisCluster::start().await),
        }
    }

    pub(super) fn keeper(&self) -> Keeper {
        match self {
            Self::Single(redis) => Keeper::Single(redis.url()),
            Self::Cluster(cluster) => Keeper::Cluster(cluster.urls()),
            Self::Nobody => Keeper::Nobody,
        }
    }

    /// How many commands they were sent so far to decide something or to tell their settings.
    pub(super) async fn commands(&self) -> u64 {
        let nodes = match self {
            Self::Single(redis) => std::slice::from_ref(redis),
            Self::Cluster(cluster) => cluster.nodes(),
            Self::Nobody => &[],
        };
        let mut sum = 0;
        for node in nodes {
            sum += commands(&node.command(&["INFO", "commandstats"]).await);
        }
        sum
    }
}

/// Scripts, waits, and two commands for each look at the settings: that for the configuration, and an INFO, which cannot be
/// told from those inside of the scripts.
fn commands(stats: &str) -> u64 {
    let calls = |command: &str| -> u64 {
        let start = format!("cmdstat_{command}:calls=");
        let line = stats.lines().find_map(|line| line.strip_prefix(&start));
        let number = line.and_then(|rest| rest.split(',').next()?.parse().ok());
        number.unwrap_or_default()
    };
    calls("evalsha") + calls("eval") + calls("wait") + 2 * calls("config|get")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_counted_and_those_inside_of_scripts_are_not() {
        let stats = "# Commandstats\r\ncmdstat_evalsha:calls=10,usec=1\r\ncmdstat_get:calls=20,usec=1\r\n\
                     cmdstat_config|get:calls=3,usec=1\r\ncmdstat_info:calls=13,usec=1\r\n";
        assert_eq!(commands(stats), 16);
    }
}
