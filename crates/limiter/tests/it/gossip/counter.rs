//! The counters against the laws that make the order and the number of messages indifferent.

use std::time::Duration;

use proptest::prelude::*;
use stanchion_limiter::Rate;
use stanchion_limiter::bucket::Shape;
use stanchion_limiter::gossip::{Account, Counter, Spent, extra};

type Merge = fn(&Counter<u8>, &Counter<u8>) -> Counter<u8>;

fn merge(one: &Counter<u8>, other: &Counter<u8>) -> Counter<u8> {
    let mut merged = one.clone();
    merged.merge(other);
    merged
}

/// A merge that is wrong: it adds.
fn add(one: &Counter<u8>, other: &Counter<u8>) -> Counter<u8> {
    let mut sum = one.clone();
    for node in 0..3 {
        let (a, b) = (one.of(&node), other.of(&node));
        let taken = a.taken + b.taken;
        let era = a.era.max(b.era);
        let returned = a.returned + b.returned;
        sum.hear(
            node,
            Spent {
                era,
                taken,
                returned,
            },
        );
    }
    sum
}

fn is_commutative(merge: Merge, a: &Counter<u8>, b: &Counter<u8>) -> bool {
    merge(a, b) == merge(b, a)
}

fn is_associative(merge: Merge, a: &Counter<u8>, b: &Counter<u8>, c: &Counter<u8>) -> bool {
    merge(&merge(a, b), c) == merge(a, &merge(b, c))
}

fn is_idempotent(merge: Merge, a: &Counter<u8>, b: &Counter<u8>) -> bool {
    let once = merge(a, b);
    merge(&once, b) == once && merge(a, a) == *a
}

fn told() -> impl Strategy<Value = (u8, Spent)> {
    (0u8..3, 1u64..4, 0u64..9, 0u64..9).prop_map(|(node, era, taken, returned)| {
        let spent = Spent {
            era,
            taken,
            returned,
        };
        (node, spent)
    })
}

fn counters() -> impl Strategy<Value = Counter<u8>> {
    proptest::collection::vec(told(), 0..8).prop_map(|told| {
        let mut counter = Counter::default();
        for (node, spent) in told {
            counter.hear(node, spent);
        }
        counter
    })
}

proptest! {
    #[test]
    fn merging_keeps_the_laws(a in counters(), b in counters(), c in counters()) {
        prop_assert!(is_commutative(merge, &a, &b));
        prop_assert!(is_associative(merge, &a, &b, &c));
        prop_assert!(is_idempotent(merge, &a, &b));
    }

    #[test]
    fn news_are_heard_once_whatever_the_order(
        steps in proptest::collection::vec((0u64..5, 0u64..5), 1..20), order in any::<prop::sample::Index>()
    ) {
        // A node's own count grows; what it tells arrives in any order, and again.
        let mut spent = Spent { era: 1, ..Spent::default() };
        let mut tellings = Vec::new();
        for (taken, returned) in steps {
            spent.taken += taken;
            spent.returned += returned;
            tellings.push(spent);
        }
        let at = order.index(tellings.len());
        tellings.rotate_left(at);
        let mut counter = Counter::default();
        let (mut taken, mut returned) = (0, 0);
        for spent in tellings.iter().chain(&tellings) {
            let news = counter.hear(0u8, *spent);
            taken += news.0;
            returned += news.1;
        }
        prop_assert_eq!((taken, returned), (spent.taken, spent.returned));
    }
}

#[test]
fn a_merge_that_adds_is_rejected() {
    let mut counter = Counter::default();
    counter.hear(
        1,
        Spent {
            era: 1,
            taken: 5,
            returned: 0,
        },
    );
    assert!(is_idempotent(merge, &counter, &counter));
    assert!(!is_idempotent(add, &counter, &counter));
}

#[test]
fn what_others_admitted_too_much_is_paid_back_as_far_as_it_is_remembered() {
    let shape = Shape::new(Rate::per_second(1), 10).unwrap();
    let second_us = 1_000_000;
    let mut account = Account::empty(shape, 15, 0).unwrap();
    let full_us = 10 * second_us;
    assert!(account.is_full(full_us) && account.peek(full_us, 0).tokens == 10);
    account.debit(full_us, 18, true);
    let owes = account.peek(full_us, 1);
    assert!(!owes.holds && owes.tokens == 0);
    assert_eq!(owes.until_held, Duration::from_secs(9));
    assert!(account.peek(full_us, 0).holds);
    account.debit(full_us, 100, true);
    assert_eq!(account.peek(full_us, 1).until_held, Duration::from_secs(16));
    // What is history is no debt.
    let mut joined = Account::empty(shape, 15, 0).unwrap();
    joined.debit(4 * second_us, 100, false);
    assert_eq!(
        joined.peek(4 * second_us, 1).until_held,
        Duration::from_secs(1)
    );
    // A changed limit keeps what is there, or owed.
    let wider = Shape::new(Rate::per_second(1), 20).unwrap();
    let account = account.in_shape(wider, 30, full_us).unwrap();
    assert_eq!(account.peek(full_us, 1).until_held, Duration::from_secs(16));
}

#[test]
fn the_bound_is_the_smaller_of_what_is_allowed_and_what_is_asked() {
    let shape = Shape::new(Rate::per_second(100), 30).unwrap();
    assert_eq!(extra(shape, 2, Duration::from_millis(200), u64::MAX), 100);
    assert_eq!(extra(shape, 2, Duration::from_millis(200), 7), 14);
    assert_eq!(extra(shape, 0, Duration::from_millis(200), 7), 0);
}
