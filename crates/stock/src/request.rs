//! What a caller asks for, before it is checked.

use std::time::Duration;

use stanchion_store::idempotency::IdempotencyKey;

use crate::config::StockConfig;
use crate::error::Invalid;
use crate::model::{Lines, MAX_ON_HAND, is_sku};

/// The longest reason of an adjustment, in characters.
pub const MAX_REASON: usize = 200;
const MAX_KEY: usize = 255;

/// Pieces to be held.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// What; all of it or nothing.
    pub lines: Lines,
    /// For how long; [`StockConfig::default_ttl`] when that is not said.
    pub ttl: Option<Duration>,
    /// The caller's idempotency key.
    pub key: Option<IdempotencyKey>,
}

/// A change of what is on hand.
#[derive(Clone, Debug, Default)]
pub struct Adjust {
    /// The SKU. It gets a row when its first pieces come in.
    pub sku: String,
    /// By how many pieces, up or down; not 0.
    pub delta: i64,
    /// Why, in 1 to [`MAX_REASON`] characters.
    pub reason: Option<String>,
    /// The version that the row must have; 0 when there must be none.
    pub if_version: Option<i64>,
    /// The caller's idempotency key.
    pub key: Option<IdempotencyKey>,
}

/// A threshold of low stock.
#[derive(Clone, Debug, Default)]
pub struct SetLowStock {
    /// The SKU.
    pub sku: String,
    /// At or below which number of available pieces it is announced as low; 0 announces only that nothing is left.
    pub threshold: i64,
    /// The caller's idempotency key.
    pub key: Option<IdempotencyKey>,
}

impl Reserve {
    /// The time of the hold.
    pub(crate) fn checked_ttl(&self, config: &StockConfig) -> Result<Duration, Invalid> {
        let ttl = self.ttl.unwrap_or(config.default_ttl);
        let (shortest, longest) = (config.shortest_ttl, config.longest_ttl);
        if (shortest..=longest).contains(&ttl) {
            Ok(ttl)
        } else {
            Err(Invalid::Ttl { shortest, longest })
        }
    }
}

impl Adjust {
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        check_sku(&self.sku)?;
        if self.delta == 0 || self.delta.unsigned_abs() > MAX_ON_HAND.unsigned_abs() {
            return Err(Invalid::Delta);
        }
        let is_wrong = |reason: &str| !is_text(reason, MAX_REASON);
        if self.reason.as_deref().is_some_and(is_wrong) {
            return Err(Invalid::Reason);
        }
        Ok(())
    }
}

impl SetLowStock {
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        check_sku(&self.sku)?;
        if (0..=MAX_ON_HAND).contains(&self.threshold) {
            Ok(())
        } else {
            Err(Invalid::Threshold)
        }
    }
}

/// A key that the database would refuse must not get as far as a batch of others.
pub(crate) fn check_key(key: Option<&IdempotencyKey>) -> Result<(), Invalid> {
    let is_right = |key: &IdempotencyKey| {
        is_text(&key.key, MAX_KEY) && !key.caller.contains('\0') && !key.route.contains('\0')
    };
    if key.is_none_or(is_right) {
        Ok(())
    } else {
        Err(Invalid::Key)
    }
}

fn check_sku(sku: &str) -> Result<(), Invalid> {
    if is_sku(sku) {
        Ok(())
    } else {
        Err(Invalid::Sku)
    }
}

fn is_text(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count()) && !text.contains('\0')
}
