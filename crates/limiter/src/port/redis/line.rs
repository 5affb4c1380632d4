//! The way to the servers: one primary, or the nodes of a cluster.

mod cluster;
mod primary;

use redis::{Pipeline, Value};
use stanchion_kernel::Clock;

use super::config::{Place, RedisConfig};
use super::standing::Settings;
use crate::LimiterError;
use cluster::Cluster;
use primary::Primary;

/// A script with what belongs to it, for the servers of one place.
pub(super) struct Parcel {
    /// The script by its hash, which a server may not know yet, and `WAIT`.
    pub(super) commands: Pipeline,
    /// The key of the place's epoch, which tells its slot.
    pub(super) epoch_key: String,
    /// Whether it may be sent again when nobody knows whether it was heard.
    pub(super) is_repeatable: bool,
}

/// What came back: an answer for each command.
pub(super) type Answers = Result<Vec<Value>, LimiterError>;

pub(super) enum Line {
    Primary(Box<Primary>),
    Cluster(Box<Cluster>),
}

impl Line {
    /// # Errors
    /// [`LimiterError::Config`] when an address is none.
    pub(super) fn new(config: &RedisConfig, clock: &Clock) -> Result<Self, LimiterError> {
        Ok(match &config.place {
            Place::Single(_) | Place::Sentinel { .. } => {
                Self::Primary(Box::new(Primary::new(config, clock.clone())?))
            }
            Place::Cluster { urls } => Self::Cluster(Box::new(Cluster::new(urls, config)?)),
        })
    }

    /// Another one to the same servers. The nodes of a cluster are reached over shared connections.
    pub(super) fn another(
        &self,
        config: &RedisConfig,
        clock: &Clock,
    ) -> Result<Self, LimiterError> {
        match self {
            Self::Primary(_) => Self::new(config, clock),
            Self::Cluster(cluster) => Ok(Self::Cluster(cluster.clone())),
        }
    }

    /// Carries a parcel and brings back what is answered.
    pub(super) async fn carry(&mut self, parcel: &Parcel) -> Answers {
        match self {
            Self::Primary(primary) => primary.carry(parcel).await,
            Self::Cluster(cluster) => cluster.carry(parcel).await,
        }
    }

    /// What the primaries say of themselves.
    ///
    /// # Errors
    /// [`LimiterError::Config`] when they refuse us, [`LimiterError::Unavailable`] when they are not there.
    pub(super) async fn settings(&mut self) -> Result<Vec<Settings>, LimiterError> {
        match self {
            Self::Primary(primary) => primary.settings().await,
            Self::Cluster(cluster) => cluster.settings().await,
        }
    }
}
