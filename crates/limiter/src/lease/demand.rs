use std::time::Duration;

use super::micros;
use crate::Limit;

/// The fewest tokens of a lease.
pub const LEAST_CHUNK: u64 = 50;
/// The most tokens of a lease.
pub const MAX_CHUNK: u64 = (1 << 48) - 1;
/// So many tokens for each server a burst needs for its limit to be leased: a quarter of a server's part is the most that
/// is lent at once, and less than [`LEAST_CHUNK`] is not worth a call.
const LEAST_BURST: u64 = 4 * LEAST_CHUNK;

/// On which terms a server borrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How many servers share a limit, 1 or more.
    pub servers: u16,
    /// For how long a chunk should last, at the rate at which this server has spent.
    pub horizon: Duration,
    /// How long a lease lives.
    pub lifetime: Duration,
    /// For how long at least a refusal is believed before the keeper is asked again.
    pub pause: Duration,
}

impl Terms {
    /// Whether buckets of this limit are leased; those of others are too small for it.
    #[must_use]
    pub fn lease(&self, limit: &Limit) -> bool {
        limit.burst() >= LEAST_BURST.saturating_mul(self.servers.max(1).into())
    }

    /// The most tokens of one lease, so that all servers together hold no more than half of a burst with two each.
    #[must_use]
    pub fn largest(&self, limit: &Limit) -> u64 {
        let largest = limit.burst() / (4 * u64::from(self.servers.max(1)));
        largest.min(MAX_CHUNK)
    }

    /// The next chunk, by what this server itself spends: when all demand more than there is, together they spend the
    /// rate, and their chunks are the rate's. A rule by what is left in the bucket would lend next to nothing then.
    /// `None` when even the least chunk would not be used up in its life.
    #[must_use]
    pub fn chunk(&self, limit: &Limit, demand: &Demand, now_us: u64) -> Option<u64> {
        let spent = demand.within(self.horizon, now_us);
        let in_a_life = within(spent, self.horizon, self.lifetime);
        let largest = self.largest(limit);
        (in_a_life >= LEAST_CHUNK).then(|| spent.max(LEAST_CHUNK).min(largest))
    }
}

/// What a server spends of a bucket, measured in windows of the horizon.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    since_us: u64,
    tokens: u64,
    /// Tokens of the window before.
    before: u64,
}

impl Demand {
    /// None yet.
    #[must_use]
    pub fn new(now_us: u64) -> Self {
        Self {
            since_us: now_us,
            tokens: 0,
            before: 0,
        }
    }

    /// Counts what was spent.
    pub fn add(&mut self, horizon: Duration, now_us: u64, tokens: u64) {
        let elapsed = now_us.saturating_sub(self.since_us);
        if elapsed >= micros(horizon) {
            self.before = self.within(horizon, now_us);
            self.tokens = 0;
            self.since_us = now_us;
        }
        self.tokens = self.tokens.saturating_add(tokens);
    }

    /// Whether nothing was spent for so long at least.
    #[must_use]
    pub fn is_over(&self, after: Duration, now_us: u64) -> bool {
        // A window ends with the first token after its time, so that an old one has had none since.
        now_us.saturating_sub(self.since_us) >= micros(after)
    }

    /// Tokens that are spent in a horizon: as in the window before or, where it is more, as in this one. A window that
    /// has only begun counts as a quarter, so that a first call is no flood.
    #[must_use]
    pub fn within(&self, horizon: Duration, now_us: u64) -> u64 {
        let elapsed = now_us.saturating_sub(self.since_us);
        let horizon_us = micros(horizon).max(1);
        let age = Duration::from_micros(elapsed.max(horizon_us / 4));
        let now = within(self.tokens, age, horizon);
        if elapsed < horizon_us {
            now.max(self.before)
        } else {
            now
        }
    }
}

/// What `tokens` in `time` are in `other` time.
fn within(tokens: u64, time: Duration, other: Duration) -> u64 {
    let scaled = u128::from(tokens) * u128::from(micros(other));
    u64::try_from(scaled / u128::from(micros(time).max(1))).unwrap_or(u64::MAX)
}
