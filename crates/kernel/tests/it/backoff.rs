use std::time::Duration;

use proptest::prelude::*;
use stanchion_kernel::{Backoff, Jitter};

fn backoff(jitter: Jitter) -> Backoff {
    Backoff {
        base: Duration::from_millis(2),
        cap: Duration::from_millis(100),
        jitter,
    }
}

#[test]
fn the_bound_doubles_up_to_the_longest() {
    let attempts = [0, 1, 2, 5, 6, 63, 127, 128, u32::MAX];
    let bounds = attempts.map(|n| backoff(Jitter::None).pause(n, 0).as_millis());
    assert_eq!(bounds, [2, 4, 8, 64, 100, 100, 100, 100, 100]);
}

#[test]
fn a_tiny_first_pause_reaches_the_longest_too() {
    let backoff = Backoff {
        base: Duration::from_nanos(1),
        cap: Duration::from_hours(1),
        jitter: Jitter::None,
    };
    assert_eq!(backoff.pause(41, 0), Duration::from_nanos(1 << 41));
    assert_eq!(backoff.pause(42, 0), Duration::from_hours(1));
}

#[test]
fn no_first_pause_is_no_pause_ever() {
    let backoff = Backoff {
        base: Duration::ZERO,
        cap: Duration::MAX,
        jitter: Jitter::Equal,
    };
    assert_eq!(backoff.pause(u32::MAX, u64::MAX), Duration::ZERO);
}

#[test]
fn a_jitter_is_known_by_its_name() {
    for jitter in [Jitter::Full, Jitter::Equal, Jitter::None] {
        assert_eq!(Jitter::parse(jitter.as_str()), Some(jitter));
    }
    assert_eq!(Jitter::parse("some"), None);
}

proptest! {
    #[test]
    fn a_pause_is_spread_over_what_its_jitter_leaves(attempt in 0..40_u32, random: u64) {
        let bound = backoff(Jitter::None).pause(attempt, random).as_secs_f64();
        let chance = random as f64 / u64::MAX as f64;
        let full = backoff(Jitter::Full).pause(attempt, random).as_secs_f64();
        let equal = backoff(Jitter::Equal).pause(attempt, random).as_secs_f64();
        prop_assert!((full - bound * chance).abs() < 1e-6);
        prop_assert!((equal - bound * (1.0 + chance) / 2.0).abs() < 1e-6);
        prop_assert!(full <= bound && equal <= bound);
    }

    #[test]
    fn nothing_overflows(first: u64, more: u64, longest: u64, attempt: u32, random: u64) {
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::None] {
            let base = Duration::new(first, 0).saturating_add(Duration::from_nanos(more));
            let cap = Duration::new(longest, 999_999_999);
            let pause = Backoff { base, cap, jitter }.pause(attempt, random);
            prop_assert!(pause <= cap);
        }
    }
}
