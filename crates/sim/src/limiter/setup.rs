use std::time::Duration;

use stanchion_limiter::lease::Terms;
use stanchion_limiter::port::DRIFT;
use stanchion_limiter::{Ask, Limit, LimiterError, Rate};

use super::history::{Part, Rule};
use super::node::Place;
use super::wrong::Wrong;
use crate::dice::Dice;

/// Ticks in which an old primary certainly finds that nobody follows it: a greatest lag of one, and two until it looks.
const FOUND_MISSING: u32 = 3;

/// What is set up under a seed.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) servers: usize,
    pub(super) terms: Terms,
    pub(super) reply_within: Duration,
    /// How far the wall clocks of both nodes are stepped, together.
    pub(super) clock_error: Duration,
    /// In what a node counts its replica's silence. A Redis counts in seconds.
    pub(super) tick: Duration,
    /// How late the replica may be.
    pub(super) longest_lag: Duration,
    /// How often each client asks, about.
    pub(super) pace: Duration,
    limits: [Limit; 2],
    pub(super) wrong: Option<Wrong>,
}

/// Buckets by number: of which limit, and whose. The first limit is leased, and the other one is too small for it.
const BUCKETS: [(usize, &str); 3] = [(0, "a"), (0, "b"), (1, "a")];

impl Setup {
    pub(super) fn of(dice: &Dice, wrong: Option<Wrong>) -> Self {
        let count = *dice.pick(&[1, 2, 2, 3, 3, 4, 5, 8]);
        let servers = u16::try_from(count).unwrap_or(1);
        let lifetime = Duration::from_millis(*dice.pick(&[200, 500, 1000]));
        let terms = Terms {
            servers,
            horizon: lifetime / *dice.pick(&[2, 4]),
            lifetime,
            pause: dice.millis(5, 50),
        };
        let burst = 200 * count + dice.between(0, 200 * count);
        let in_a_life = burst * *dice.pick(&[1, 2, 4, 8, 16]) / 4;
        let rate = in_a_life * 1000 / u64::try_from(lifetime.as_millis()).unwrap_or(1);
        let small = dice.between(10, 40);
        let limit = |name, rate, burst| {
            Limit::new(name, Rate::per_second(rate), burst).expect("a limit within its bounds")
        };
        Self {
            servers: usize::from(servers),
            terms,
            reply_within: dice.millis(50, 200),
            clock_error: Duration::from_millis(*dice.pick(&[0, 20, 100])),
            tick: Duration::from_millis(100),
            longest_lag: dice.millis(1, 200),
            pace: dice.millis(25, 50),
            limits: [
                limit("leased", rate, burst),
                limit("central", small.div_ceil(4), small),
            ],
            wrong,
        }
    }

    /// For how long buckets stay empty after a promotion, by the rule that the limiter gives.
    pub(super) fn quarantine(&self) -> Duration {
        let leases = self.terms.lifetime.mul_f64(1.0 + DRIFT);
        match self.wrong {
            Some(Wrong::KnowsNoEpoch) => Duration::ZERO,
            _ => FOUND_MISSING * self.tick + self.reply_within + self.clock_error + leases,
        }
    }

    /// After so long every lease is over and every bucket full, on any clock.
    pub(super) fn recovery(&self) -> Duration {
        let fill = self.limits.iter().map(|limit| {
            let shape = limit.shape();
            shape.time_for(limit.burst(), 0)
        });
        let fill = fill.max().unwrap_or_default();
        (self.terms.lifetime + fill).mul_f64(1.05) + self.reply_within
    }

    pub(super) fn buckets() -> usize {
        BUCKETS.len()
    }

    pub(super) fn limit(&self, bucket: usize) -> &Limit {
        &self.limits[BUCKETS[bucket].0]
    }

    pub(super) fn rules(&self) -> Vec<Rule> {
        let rule = |bucket| {
            let limit = self.limit(bucket);
            Rule {
                burst: limit.burst(),
                rate: limit.rate().tokens(),
            }
        };
        (0..BUCKETS.len()).map(rule).collect()
    }

    pub(super) fn ask(&self, part: &Part) -> Result<Ask<'_>, LimiterError> {
        Ask::new(self.limit(part.bucket), BUCKETS[part.bucket].1, part.cost)
    }

    /// Where a bucket is that somebody asks for.
    pub(super) fn place(limit: &Limit, key: &str) -> Result<Place, LimiterError> {
        let is_it = |(of, whose): &(usize, &str)| {
            *whose == key && (*of == 0) == (limit.name().as_str() == "leased")
        };
        let bucket = BUCKETS.iter().position(is_it).ok_or(LimiterError::Key)?;
        let shape = limit.shape();
        Ok(Place { bucket, shape })
    }
}
