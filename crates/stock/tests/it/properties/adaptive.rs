use std::time::Duration;

use proptest::prelude::*;
use stanchion_stock::adaptive::{Adaptive, Mode, Sample};

const FLOOR: Duration = Duration::from_micros(800);

fn direct(took: Duration) -> Sample {
    Sample::Direct {
        took,
        conflict: false,
        beside: 0,
    }
}

/// A call and how it goes; answers its mode.
fn call(adaptive: &mut Adaptive, sku: &str, took: Duration, size: usize) -> Mode {
    let visit = adaptive.enter(sku);
    let sample = match visit.mode {
        Mode::Direct => Sample::Direct {
            took,
            conflict: visit.conflict || size > 1,
            beside: visit.beside,
        },
        Mode::Batched => Sample::Batched { size },
    };
    adaptive.leave(sku, Some(sample));
    visit.mode
}

#[test]
fn a_sku_whose_calls_meet_goes_in_batches_and_others_do_not() {
    let mut adaptive = Adaptive::new(100);
    for _ in 0..40 {
        call(&mut adaptive, "hot", FLOOR, 8);
        call(&mut adaptive, "cool", FLOOR, 1);
    }
    assert_eq!(adaptive.mode_of("hot"), Mode::Batched);
    assert_eq!(adaptive.mode_of("cool"), Mode::Direct);
    assert_eq!(adaptive.mode_of("new"), Mode::Direct);
}

/// Calls of many SKUs that all wait, with so many others of the lane under way.
fn waiting(adaptive: &mut Adaptive, beside: usize) {
    call(adaptive, "first", FLOOR, 1);
    for n in 0..beside {
        adaptive.enter(&format!("other {n}"));
    }
    for n in 0..40 {
        call(adaptive, &format!("sku {n}"), FLOOR * 6, 1);
    }
    for n in 0..beside {
        adaptive.leave(&format!("other {n}"), None);
    }
}

#[test]
fn a_lane_whose_calls_wait_but_are_few_stays_direct() {
    let mut adaptive = Adaptive::new(100);
    waiting(&mut adaptive, 3);
    assert_eq!(adaptive.mode_of("new"), Mode::Direct);
}

#[test]
fn a_lane_whose_calls_are_many_and_wait_goes_in_batches_with_every_sku_that_it_has_not_seen() {
    let mut adaptive = Adaptive::new(100);
    waiting(&mut adaptive, 4);
    assert_eq!(adaptive.mode_of("new"), Mode::Batched);
    for n in 0..200 {
        call(&mut adaptive, &format!("later sku {n}"), FLOOR, 1);
    }
    assert_eq!(adaptive.mode_of("new"), Mode::Direct);
}

#[test]
fn two_calls_meet_until_one_of_them_leaves() {
    let mut adaptive = Adaptive::new(100);
    assert!(!adaptive.enter("a").conflict);
    assert!(adaptive.enter("a").conflict);
    adaptive.leave("a", None);
    adaptive.leave("a", None);
    assert!(!adaptive.enter("a").conflict);
}

proptest! {
    #[test]
    fn few_calls_change_nothing(sizes in proptest::collection::vec(1..50_usize, 0..11)) {
        let mut adaptive = Adaptive::new(100);
        for size in sizes {
            prop_assert_eq!(call(&mut adaptive, "a", FLOOR, size), Mode::Direct);
        }
    }

    #[test]
    fn a_mode_lasts_for_some_calls(crowds in proptest::collection::vec(any::<bool>(), 0..2_000)) {
        let mut adaptive = Adaptive::new(100);
        let mut modes = Vec::new();
        for crowded in crowds {
            modes.push(call(&mut adaptive, "a", FLOOR, if crowded { 9 } else { 1 }));
        }
        let mut runs = modes.chunk_by(|a, b| a == b).collect::<Vec<_>>();
        // The last one is cut off by the end.
        runs.pop();
        for run in runs {
            prop_assert!(run.len() >= 12, "{}", run.len());
        }
    }

    #[test]
    fn a_call_now_and_then_that_takes_long_changes_nothing(every in 4..20_usize) {
        let mut adaptive = Adaptive::new(100);
        for n in 1..500 {
            adaptive.enter("a");
            let took = if n % every == 0 { FLOOR * 50 } else { FLOOR };
            adaptive.leave("a", Some(direct(took)));
        }
        prop_assert_eq!(adaptive.mode_of("a"), Mode::Direct);
    }
}
