//! The ways to share a limit. Another one is added here, as a value with its title and how a server of it is opened; in
//! `keepers.rs`, where whoever keeps its buckets is started.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_limiter::lease::Terms;
use stanchion_limiter::port::{
    Backend, Escrow, EscrowConfig, Gossip, GossipConfig, Leased, LeasedConfig, Place, Redis,
    RedisConfig,
};

use super::plan::{Keeper, Plan, Treatment};

/// A way to share a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    Central,
    Cluster,
    Leases,
    Gossip,
    Escrow,
}

/// In how many parts the hot bucket of a cluster is.
pub(super) const PARTS: u16 = 8;
/// Over how many hash tags the buckets of a cluster are spread.
const TAGS: u16 = 16;
/// For how long a chunk should last; a lease lives twice as long at least.
const HORIZON: Duration = Duration::from_secs(1);
/// How long tokens of escrow are on their way at most. A server admits nothing for as long after its start.
const TRANSFER: Duration = Duration::from_millis(300);
/// What the servers of a roster know each other by.
const SECRET: &[u8] = b"known to all servers of the study";
/// How often in a lease's life what will end soon is given back.
const GIVE_BACK_PART: u32 = 4;

impl Way {
    pub(super) const ALL: [Self; 5] = [
        Self::Central,
        Self::Cluster,
        Self::Leases,
        Self::Gossip,
        Self::Escrow,
    ];
    /// Those that stand on a replicated server.
    pub(super) const REPLICATED: [Self; 2] = [Self::Central, Self::Leases];
    /// Those whose servers need no other.
    pub(super) const AMONG_SERVERS: [Self; 2] = [Self::Gossip, Self::Escrow];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Central => "central",
            Self::Cluster => "cluster",
            Self::Leases => "leases",
            Self::Gossip => "gossip",
            Self::Escrow => "escrow",
        }
    }

    /// In how many parts the hot bucket is.
    pub(super) fn parts(self) -> u16 {
        match self {
            Self::Cluster => PARTS,
            Self::Central | Self::Leases | Self::Gossip | Self::Escrow => 1,
        }
    }

    /// Whether it promises that nothing is admitted beyond the limit.
    pub(super) fn is_exact(self) -> bool {
        self != Self::Gossip
    }

    /// The way in which its buckets themselves are asked, if others than its servers keep them.
    pub(super) fn beneath(self) -> Option<Self> {
        match self {
            Self::Central | Self::Leases => Some(Self::Central),
            Self::Cluster => Some(Self::Cluster),
            Self::Gossip | Self::Escrow => None,
        }
    }

    /// One server of it, as the plan says.
    pub(super) async fn open(self, plan: &Plan, clock: &Clock) -> anyhow::Result<Arc<dyn Backend>> {
        let clock = clock.clone();
        Ok(match self {
            Self::Central | Self::Cluster => Arc::new(redis(self, plan, clock).await?),
            Self::Leases => leases(redis(self, plan, clock.clone()).await?, plan, clock)?,
            Self::Gossip => Arc::new(Gossip::start(gossip(plan)?, clock).await?),
            Self::Escrow => Arc::new(Escrow::start(escrow(plan)?, clock, Entropy::system()).await?),
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

async fn redis(way: Way, plan: &Plan, clock: Clock) -> anyhow::Result<Redis> {
    let place = match &plan.keeper {
        Keeper::Single(url) => Place::Single(url.clone()),
        Keeper::Sentinel { urls, name } => Place::Sentinel {
            urls: urls.clone(),
            name: name.clone(),
            username: None,
            password: None,
        },
        Keeper::Cluster(urls) => Place::Cluster { urls: urls.clone() },
        Keeper::Nobody => bail!("nobody keeps the buckets"),
    };
    let config = RedisConfig {
        prefix: plan.prefix.clone(),
        tags: TAGS,
        quarantine: (plan.treatment == Treatment::Fenced).then_some(plan.quarantine),
        acknowledged_by: u32::from(plan.treatment == Treatment::Acknowledged),
        longest_lease: if way == Way::Leases {
            plan.lease
        } else {
            Duration::ZERO
        },
        ..RedisConfig::new(place)
    };
    Ok(Redis::connect(config, clock, &Entropy::system()).await?)
}

/// Where a server of a fleet listens, and where the others reach it.
fn seat(plan: &Plan) -> anyhow::Result<(SocketAddr, SocketAddr)> {
    let seat = usize::from(plan.seat);
    let reached = plan.peers.get(seat).copied();
    let reached = reached.context("a server has a place among its peers")?;
    Ok((plan.listen.get(seat).copied().unwrap_or(reached), reached))
}

fn gossip(plan: &Plan) -> anyhow::Result<GossipConfig> {
    let (listen, advertise) = seat(plan)?;
    let others = plan.peers.iter().filter(|peer| **peer != advertise);
    let seeds = others.map(ToString::to_string).collect();
    Ok(GossipConfig {
        advertise,
        ..GossipConfig::new(&format!("server-{}", plan.seat), listen, seeds)
    })
}

fn escrow(plan: &Plan) -> anyhow::Result<EscrowConfig> {
    let (listen, _) = seat(plan)?;
    let roster = plan.peers.clone();
    Ok(EscrowConfig {
        lifetime: TRANSFER,
        ..EscrowConfig::new(plan.seat, listen, roster, SECRET.to_vec())
    })
}

fn leases(redis: Redis, plan: &Plan, clock: Clock) -> anyhow::Result<Arc<dyn Backend>> {
    let config = LeasedConfig {
        terms: Terms {
            servers: plan.servers,
            horizon: HORIZON,
            lifetime: plan.lease,
            ..LeasedConfig::default().terms
        },
        ..LeasedConfig::default()
    };
    let ids = Ids::new(clock.clone(), Entropy::system());
    let leased = Leased::new(Arc::new(redis), config, clock, ids)?;
    let (holder, every) = (leased.clone(), plan.lease / GIVE_BACK_PART);
    // Ends with the process, as that of a server does.
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = holder.give_back_ending().await {
                eprintln!("nothing was given back: {error}");
            }
        }
    });
    Ok(Arc::new(leased))
}
