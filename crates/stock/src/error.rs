use std::time::Duration;

use stanchion_store::StoreError;

use crate::model::{LinesError, Refusal, StockRow};

/// What can go wrong with a call of the ledger. Nothing has changed then, except with an unknown commit
/// ([`StoreError::CommitUnknown`]), which may have happened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StockError {
    /// It was decided that nothing changes. The same call with the same key is refused in the same way.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Others were faster at every attempt. Nothing was done for this call, nor for an earlier one with the same key.
    #[error("others were faster at every attempt")]
    Contended {
        /// What the rows are now, read under their locks.
        rows: Vec<StockRow>,
    },
    /// More calls wait than can be served in time. Nothing was decided.
    #[error("more calls wait than can be served in time")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// What was asked for means nothing.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was asked for means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// The lines do not go together.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// The time of a hold is out of bounds.
    #[error("pieces are held for {shortest:?} to {longest:?}")]
    Ttl {
        /// The shortest.
        shortest: Duration,
        /// The longest.
        longest: Duration,
    },
    /// No SKU looks like this.
    #[error("a SKU has 1 to 64 characters")]
    Sku,
    /// An adjustment by nothing, or by more pieces than there can be.
    #[error("an adjustment is by 1 to 1000000000000 pieces, more or less")]
    Delta,
    /// A reason is empty or too long.
    #[error("a reason has 1 to 200 characters")]
    Reason,
    /// A threshold is negative, or above what there can be.
    #[error("a threshold is 0 to 1000000000000 pieces")]
    Threshold,
    /// An idempotency key is empty or too long, or holds a NUL.
    #[error("an idempotency key has 1 to 255 characters")]
    Key,
}
