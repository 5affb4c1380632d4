//! The token bucket, in integers. Pure: `now` is an argument.
//!
//! A token is divided into so many units that a microsecond adds a whole number of them: with the rate `n` tokens in `p`
//! microseconds, reduced to `a / b`, a token is `b` units and a microsecond adds `a`. Nothing is rounded, so that one
//! token a day and ten million a second are both exact, and so is everything between. A full bucket is less than 2^53
//! units: a script that counts in double precision counts the same.

use std::time::Duration;

use crate::Rate;
use crate::model::InvalidLimit;

/// The longest that an empty bucket may take to fill.
pub const MAX_FILL: Duration = Duration::from_hours(10 * 366 * 24);
/// Units of a full bucket stay below this.
const EXACT: u128 = 1 << 53;

/// The constants of a limit's buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    units_per_token: u64,
    units_per_micro: u64,
    burst: u64,
}

/// What a bucket holds at a moment of its clock.
///
/// A clock that steps back adds nothing and takes nothing; from there on time counts as it passes. One that steps forward
/// by ε adds what accrues in ε.
///
/// Tokens may be lent out of it. As long as they are out it fills up to what is missing to the burst besides: a bucket that
/// filled up beside them would give them twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    units: u64,
    /// Whole tokens; after a change of the limit they may be more than its burst.
    lent: u64,
    at_us: u64,
}

/// What a bucket says to a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Whether it holds the cost.
    pub holds: bool,
    /// Whole tokens in it.
    pub tokens: u64,
    /// Until it holds the cost; zero when it does.
    pub until_held: Duration,
    /// Until it is full.
    pub until_full: Duration,
}

impl Shape {
    /// The constants for a rate and a burst.
    ///
    /// # Errors
    /// [`InvalidLimit`] when one of them is zero, the rate is no whole number of microseconds, or a bucket would take
    /// longer than [`MAX_FILL`] to fill or hold 2^53 units or more.
    pub fn new(rate: Rate, burst: u64) -> Result<Self, InvalidLimit> {
        let period_us = u64::try_from(rate.period().as_micros()).unwrap_or(u64::MAX);
        if rate.tokens() == 0 || burst == 0 || period_us == 0 {
            return Err(InvalidLimit::Zero);
        }
        if rate.period() != Duration::from_micros(period_us) {
            return Err(InvalidLimit::Period);
        }
        let divisor = gcd(rate.tokens(), period_us);
        let shape = Self {
            units_per_token: period_us / divisor,
            units_per_micro: rate.tokens() / divisor,
            burst,
        };
        if u128::from(burst) * u128::from(shape.units_per_token) >= EXACT
            || u128::from(shape.units_per_micro) >= EXACT
        {
            return Err(InvalidLimit::Resolution);
        }
        if shape.micros_for(shape.full()) > MAX_FILL {
            return Err(InvalidLimit::Fill);
        }
        Ok(shape)
    }

    /// Tokens of a full bucket.
    #[must_use]
    pub fn burst(self) -> u64 {
        self.burst
    }

    /// The constants of buckets that hold so many tokens more; `None` when they cannot be counted.
    #[cfg(feature = "gossip")]
    pub(crate) fn deeper(self, tokens: u64) -> Option<Self> {
        let burst = self.burst.checked_add(tokens)?;
        burst.checked_mul(self.units_per_token)?;
        Some(Self { burst, ..self })
    }

    /// Units of a token.
    #[must_use]
    pub fn units_per_token(self) -> u64 {
        self.units_per_token
    }

    /// Units that a microsecond adds.
    #[must_use]
    pub fn units_per_micro(self) -> u64 {
        self.units_per_micro
    }

    /// How long a bucket of `held` tokens takes until it holds `tokens`; zero when it does.
    #[must_use]
    pub fn time_for(self, tokens: u64, held: u64) -> Duration {
        let missing = tokens.min(self.burst).saturating_sub(held);
        self.micros_for(missing * self.units_per_token)
    }

    fn full(self) -> u64 {
        self.burst * self.units_per_token
    }

    /// Units of a cost; `None` when no bucket ever holds it.
    fn units_of(self, cost: u64) -> Option<u64> {
        (cost <= self.burst).then(|| cost * self.units_per_token)
    }

    /// The time in which so many units are added, rounded up to a microsecond.
    fn micros_for(self, units: u64) -> Duration {
        Duration::from_micros(units.div_ceil(self.units_per_micro))
    }
}

impl Bucket {
    /// A bucket that was never used.
    #[must_use]
    pub fn full(shape: Shape, now_us: u64) -> Self {
        Self {
            units: shape.full(),
            lent: 0,
            at_us: now_us,
        }
    }

    /// A bucket of which nothing is known, as after a restart.
    #[must_use]
    pub fn empty(now_us: u64) -> Self {
        Self {
            units: 0,
            lent: 0,
            at_us: now_us,
        }
    }

    /// The same bucket when its limit has changed: its whole tokens, as far as they fit beside those that are lent. What
    /// accrued before the change did so at the rate of before.
    #[must_use]
    pub fn in_shape(mut self, from: Shape, to: Shape, now_us: u64) -> Self {
        if from == to {
            return self;
        }
        self.fill(from, now_us);
        let tokens = self.units / from.units_per_token;
        Self {
            units: tokens.min(to.burst.saturating_sub(self.lent)) * to.units_per_token,
            ..self
        }
    }

    /// Adds what has accrued since it was looked at last.
    fn fill(&mut self, shape: Shape, now_us: u64) {
        let elapsed = now_us.saturating_sub(self.at_us);
        let accrued = u128::from(elapsed) * u128::from(shape.units_per_micro);
        let missing = self.ceiling(shape) - self.units;
        self.units += u64::try_from(accrued).map_or(missing, |accrued| accrued.min(missing));
        // Staying at the later moment of a clock that stepped back would fill nothing until it is reached again.
        self.at_us = now_us;
    }

    /// What it would say to a cost, which stays in it.
    #[must_use]
    pub fn peek(mut self, shape: Shape, now_us: u64, cost: u64) -> Level {
        self.fill(shape, now_us);
        self.level(shape, cost)
    }

    /// Takes a cost out if it is in, and leaves all as it is otherwise.
    pub fn take(&mut self, shape: Shape, now_us: u64, cost: u64) -> Level {
        self.fill(shape, now_us);
        let asked = self.level(shape, cost);
        if !asked.holds {
            return asked;
        }
        self.units -= shape.units_of(cost).unwrap_or_default();
        self.level(shape, 0)
    }

    /// Puts tokens back that were taken and not used; the bucket runs over at its burst, less what is lent.
    pub fn refund(&mut self, shape: Shape, now_us: u64, tokens: u64) {
        self.fill(shape, now_us);
        let units = shape.units_of(tokens).unwrap_or(shape.full());
        self.units = (self.units + units).min(self.ceiling(shape));
    }

    /// Takes tokens out to be spent elsewhere, if they are in.
    pub fn lend(&mut self, shape: Shape, now_us: u64, tokens: u64) -> Level {
        let asked = self.take(shape, now_us, tokens);
        if asked.holds {
            self.lent += tokens;
        }
        asked
    }

    /// Ends what was lent: of `tokens` those `unspent` come back, and the bucket fills up to so much more from now on.
    pub fn end(&mut self, shape: Shape, now_us: u64, tokens: u64, unspent: u64) {
        self.fill(shape, now_us);
        self.lent = self.lent.saturating_sub(tokens);
        self.refund(shape, now_us, unspent.min(tokens));
    }

    /// Whether it may hold a cost beside what is lent, if only it is waited for.
    #[must_use]
    pub fn may_hold(&self, shape: Shape, cost: u64) -> bool {
        let ceiling = self.ceiling(shape);
        shape.units_of(cost).is_some_and(|units| units <= ceiling)
    }

    /// Tokens that are lent.
    #[must_use]
    pub fn lent(&self) -> u64 {
        self.lent
    }

    /// As much as it may hold for now.
    fn ceiling(&self, shape: Shape) -> u64 {
        shape.burst.saturating_sub(self.lent) * shape.units_per_token
    }

    /// Whether it is full, and so need not be remembered.
    #[must_use]
    pub fn is_full(mut self, shape: Shape, now_us: u64) -> bool {
        self.fill(shape, now_us);
        self.units == shape.full()
    }

    fn level(self, shape: Shape, cost: u64) -> Level {
        let short = shape
            .units_of(cost)
            .map(|units| units.saturating_sub(self.units));
        Level {
            holds: short == Some(0),
            tokens: self.units / shape.units_per_token,
            until_held: short.map_or(Duration::MAX, |short| shape.micros_for(short)),
            until_full: shape.micros_for(shape.full() - self.units),
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
