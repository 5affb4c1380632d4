//! How long to wait before another attempt: exponential backoff with full jitter. Pure.

use std::time::Duration;

/// The bounds of the pauses between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest pause after the first attempt.
    pub first: Duration,
    /// The longest pause after any attempt.
    pub longest: Duration,
}

impl Backoff {
    /// The pause after the attempt with this number, from 0: somewhere between nothing and `first * 2^attempt`, or
    /// `longest` when that is less. `random` decides where; with equal random numbers all callers would meet again.
    #[must_use]
    pub fn pause(&self, attempt: u32, random: u64) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt);
        let most = self.first.saturating_mul(doubled).min(self.longest);
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let share = (u128::from(nanos) * u128::from(random)) >> u64::BITS;
        Duration::from_nanos(u64::try_from(share).unwrap_or(nanos))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(2),
        longest: Duration::from_millis(100),
    };

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        let bounds = [0, 1, 2, 5, 6, 63, u32::MAX].map(|n| BACKOFF.pause(n, u64::MAX));
        let millis = bounds.map(|bound| bound.as_secs_f64() * 1e3);
        let expected = [2.0, 4.0, 8.0, 64.0, 100.0, 100.0, 100.0];
        for (bound, expected) in millis.into_iter().zip(expected) {
            assert!((bound - expected).abs() < 1e-3, "{bound} {expected}");
        }
    }

    proptest! {
        #[test]
        fn a_pause_is_spread_over_all_of_its_bound(attempt in 0..40_u32, random: u64) {
            let bound = BACKOFF.pause(attempt, u64::MAX);
            let pause = BACKOFF.pause(attempt, random);
            prop_assert!(pause <= bound && pause <= BACKOFF.longest);
            let share = random as f64 / u64::MAX as f64;
            let expected = bound.as_secs_f64() * share;
            prop_assert!((pause.as_secs_f64() - expected).abs() < 1e-6);
        }
    }
}
