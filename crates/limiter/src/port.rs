//! Where buckets are kept.

#[cfg(feature = "gossip")]
mod escrow;
mod fallback;
#[cfg(feature = "gossip")]
mod gossip;
mod leased;
mod lender;
mod memory;
mod near_cache;
#[cfg(feature = "redis")]
mod redis;
mod shadow;

use std::fmt;

use async_trait::async_trait;

use crate::{Ask, Decision, LimiterError};

#[cfg(feature = "gossip")]
pub use escrow::{Escrow, EscrowConfig, MAX_NODES};
pub use fallback::WithFallback;
#[cfg(feature = "gossip")]
pub use gossip::{Gossip, GossipConfig, Strictness};
pub use leased::{Leased, LeasedConfig};
pub use lender::{
    DRIFT, Epoch, LeaseId, LeaseRequest, Lender, Lent, MAX_LEASES, MAX_LIFETIME, MAX_SETTLED,
    MIN_LIFETIME, Settled,
};
pub use memory::{Memory, MemoryConfig};
pub use near_cache::{NearCache, NearCacheConfig};
#[cfg(feature = "redis")]
pub use redis::{Place, Promise, Redis, RedisConfig, Standing};
pub use shadow::Shadow;

/// A keeper of buckets.
///
/// For every bucket, and between any two moments of its clock, it takes out no more than the burst and what the rate gave
/// in that time. A bucket of which it knows nothing was empty when the keeper began. When it errs nothing was taken, or,
/// if it cannot know that, what was taken counts as spent.
#[async_trait]
pub trait Backend: Send + Sync + fmt::Debug {
    /// Takes the cost of every question, or of none. Decisions are in the order of the questions.
    ///
    /// # Errors
    /// [`LimiterError::Twice`] when two questions name the same bucket; the backend's own.
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError>;

    /// Puts the cost of a question back into its bucket, which runs over at its burst. A window that holds the moment of
    /// the refund and not that of the question may see the cost admitted besides its own: what has refilled meanwhile is
    /// not taken away for it.
    ///
    /// # Errors
    /// The backend's own.
    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError>;

    /// Answers a single question as [`Backend::check`] does, if that needs neither a network nor a wait; takes nothing
    /// otherwise.
    fn check_now(&self, _ask: &Ask<'_>) -> Option<Result<Decision, LimiterError>> {
        None
    }
}

/// The most questions of one call.
pub const MAX_ASKS: usize = 16;

/// Refuses a call that names a bucket twice: what is there for one question might not be there for both.
fn all_differ(asks: &[Ask<'_>]) -> Result<(), LimiterError> {
    if asks.len() > MAX_ASKS {
        return Err(LimiterError::Many);
    }
    let is_same = |one: &Ask<'_>, other: &Ask<'_>| {
        one.key() == other.key() && one.limit().name() == other.limit().name()
    };
    let mut before = asks.iter().enumerate();
    if before.any(|(n, ask)| asks[..n].iter().any(|other| is_same(ask, other))) {
        return Err(LimiterError::Twice);
    }
    Ok(())
}
