//! The bucket against the promise itself, counted in rationals.

use std::time::Duration;

use proptest::prelude::*;
use stanchion_limiter::Rate;
use stanchion_limiter::bucket::{Bucket, Shape};

/// The promise, from which the answer to each call follows: whatever was admitted since any earlier moment, together with
/// the burst that was there at the beginning, leaves room or does not.
struct Model {
    rate: Rate,
    burst: u64,
    /// The moments at which something was admitted, and how much.
    admitted: Vec<(u64, u64)>,
}

impl Model {
    /// Whether `cost` fits into every window that ends now: `sum × period ≤ burst × period + tokens × time`.
    fn fits(&self, now_us: u64, cost: u64) -> bool {
        let period_us = self.rate.period().as_micros();
        let mut sum = u128::from(cost);
        let mut windows = vec![(now_us, sum)];
        for (at, admitted) in self.admitted.iter().rev() {
            sum += u128::from(*admitted);
            windows.push((*at, sum));
        }
        windows.into_iter().all(|(since, sum)| {
            let given = u128::from(self.rate.tokens()) * u128::from(now_us - since);
            sum * period_us <= u128::from(self.burst) * period_us + given
        })
    }
}

fn rates() -> impl Strategy<Value = Rate> {
    let days = (1u64..5, 1u64..3).prop_map(|(n, days)| (n, days * 86_400_000_000));
    let fast = (1u64..=10_000_000).prop_map(|n| (n, 1_000_000));
    let odd = (1u64..1_000, 1u64..10_000_000);
    prop_oneof![days, fast, odd].prop_map(|(n, us)| Rate::new(n, Duration::from_micros(us)))
}

/// Steps of time about as long as a few tokens take, and costs up to the burst.
fn calls(burst: u64) -> impl Strategy<Value = Vec<(f64, u64)>> {
    proptest::collection::vec((0.0..3.0f64, 0..=burst.min(5)), 1..60)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a random length of time"
)]
fn step_us(rate: Rate, share: f64) -> u64 {
    (share * rate.period().as_micros() as f64 / rate.tokens() as f64) as u64
}

proptest! {
    #[test]
    fn a_call_is_allowed_exactly_when_the_promise_leaves_room(
        (rate, burst, calls) in (rates(), 1u64..50).prop_flat_map(|(rate, burst)| (Just(rate), Just(burst), calls(burst)))
    ) {
        let shape = Shape::new(rate, burst).expect("a limit");
        let mut now_us = 1_000_000_000_000_000;
        let mut bucket = Bucket::full(shape, now_us);
        let mut model = Model { rate, burst, admitted: Vec::new() };
        for (share, cost) in calls {
            now_us += step_us(rate, share);
            let fits = model.fits(now_us, cost);
            let asked = bucket.peek(shape, now_us, cost);
            prop_assert_eq!(asked.holds, fits);
            if !fits {
                // The time to wait is the shortest that suffices.
                let wait_us = u64::try_from(asked.until_held.as_micros()).expect("a wait");
                prop_assert!(model.fits(now_us + wait_us, cost) && !model.fits(now_us + wait_us - 1, cost));
            }
            prop_assert_eq!(bucket.take(shape, now_us, cost).holds, fits);
            if fits && cost > 0 {
                model.admitted.push((now_us, cost));
            }
        }
    }

    #[test]
    fn a_clock_that_steps_back_adds_nothing(
        (rate, burst) in (rates(), 1u64..50), back_us in 0u64..1_000_000_000, cost in 0u64..50
    ) {
        let shape = Shape::new(rate, burst).expect("a limit");
        let now_us = 1_000_000_000_000_000;
        let mut bucket = Bucket::full(shape, now_us);
        bucket.take(shape, now_us, cost.min(burst));
        let left = bucket.peek(shape, now_us, 0).tokens;
        prop_assert_eq!(bucket.peek(shape, now_us - back_us, 0).tokens, left);
    }

    #[test]
    fn what_is_put_back_is_what_was_taken(
        (rate, burst) in (rates(), 1u64..50), first in 0u64..50, second in 0u64..50
    ) {
        let shape = Shape::new(rate, burst).expect("a limit");
        let now_us = 5;
        let mut bucket = Bucket::full(shape, now_us);
        bucket.take(shape, now_us, first.min(burst));
        let before = bucket;
        let taken = bucket.take(shape, now_us, second.min(burst));
        if taken.holds {
            bucket.refund(shape, now_us, second.min(burst));
        }
        prop_assert_eq!(bucket.peek(shape, now_us, 0), before.peek(shape, now_us, 0));
        bucket.refund(shape, now_us, u64::MAX);
        prop_assert_eq!(bucket, Bucket::full(shape, now_us));
    }
}
