use super::Limit;
use crate::LimiterError;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 256;

/// A question to one bucket of a limit.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    limit: &'a Limit,
    key: &'a str,
    cost: u64,
}

impl<'a> Ask<'a> {
    /// Asks for `cost` tokens of the bucket of `key`; 0 asks without taking.
    ///
    /// # Errors
    /// [`LimiterError::Key`] when the key is empty or too long, [`LimiterError::Cost`] when no bucket of the limit ever
    /// holds so many tokens.
    pub fn new(limit: &'a Limit, key: &'a str, cost: u64) -> Result<Self, LimiterError> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(LimiterError::Key);
        }
        if cost > limit.burst() {
            let burst = limit.burst();
            return Err(LimiterError::Cost { cost, burst });
        }
        Ok(Self { limit, key, cost })
    }

    /// The limit.
    #[must_use]
    pub fn limit(&self) -> &'a Limit {
        self.limit
    }

    /// Whose bucket.
    #[must_use]
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// How many tokens.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost
    }
}
