use crate::MAX_KEY;
use crate::port::{MAX_ASKS, MAX_LIFETIME, MAX_SETTLED, MIN_LIFETIME};

/// Why a limit was not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimiterError {
    /// The key is none.
    #[error("a key has 1 to {MAX_KEY} bytes")]
    Key,
    /// No bucket ever holds so many tokens.
    #[error("{cost} tokens are more than the burst of {burst}: such a call is never allowed")]
    Cost {
        /// What was asked for.
        cost: u64,
        /// What a full bucket holds.
        burst: u64,
    },
    /// Two questions of one call name the same bucket.
    #[error("two questions of one call name the same bucket")]
    Twice,
    /// A call asks more than it may.
    #[error("a call asks {MAX_ASKS} limits at most")]
    Many,
    /// A request for a lease that no keeper grants.
    #[error(
        "a lease has 1 token or more, lives {MIN_LIFETIME:?} to {MAX_LIFETIME:?} and settles {MAX_SETTLED} others at most"
    )]
    Lease,
    /// The buckets cannot be reached. Nothing was taken, or what was taken counts as spent.
    #[error("the buckets cannot be reached: {0}")]
    Unavailable(String),
    /// The backend is not set up for what is asked of it.
    #[error("the backend of the limits is not set up: {0}")]
    Config(String),
    /// As many buckets are in use as the backend may remember.
    #[error("as many buckets are in use as may be remembered")]
    Crowded,
}

impl LimiterError {
    /// Whether the limits could not be asked for no fault of the question. A server that refuses us is as good as none.
    #[must_use]
    pub fn is_out_of_reach(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Config(_) | Self::Crowded)
    }
}
