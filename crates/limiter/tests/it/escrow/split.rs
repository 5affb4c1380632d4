//! Shares that hand tokens over through a network that loses, delays and repeats, between nodes that are started again,
//! against the promise itself.

mod world;

use proptest::prelude::*;
use stanchion_limiter::Rate;
use stanchion_limiter::bucket::Shape;
use stanchion_limiter::escrow::Split;

use world::{LIFETIME_US, NODES, Step, World, Wrong};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let node = || 0..NODES;
    let step = prop_oneof![
        4 => (0u64..1_500).prop_map(Step::Pass),
        4 => (node(), 1u64..12).prop_map(|(node, tokens)| Step::Take(node, tokens)),
        4 => (node(), node(), 1u64..12).prop_map(|(to, from, tokens)| Step::Ask { to, from, tokens }),
        8 => any::<usize>().prop_map(Step::Deliver),
        3 => any::<usize>().prop_map(Step::Repeat),
        1 => any::<usize>().prop_map(Step::Lose),
        2 => (node(), any::<bool>()).prop_map(|(node, used)| Step::Release { node, used }),
        1 => node().prop_map(Step::Restart),
    ];
    proptest::collection::vec(step, 1..120)
}

/// A limit of a few tokens which come back in about the time that a transfer lives.
fn splits() -> impl Strategy<Value = (Split, u64)> {
    (1u64..20, 1u64..20, 0..NODES).prop_map(|(burst, tokens, first)| {
        let rate = Rate::new(
            tokens,
            std::time::Duration::from_micros(LIFETIME_US * 3 + 1),
        );
        let shape = Shape::new(rate, burst).expect("a limit");
        let split = Split::new(shape, NODES, first);
        let fill = (0..NODES).map(|node| split.fill(node)).sum();
        (split, fill)
    })
}

proptest! {
    #[test]
    fn the_shares_sum_to_the_limit(
        burst in 1u64..1_000, tokens in 1u64..1_000, nodes in 1u16..64, first in 0u16..64
    ) {
        let shape = Shape::new(Rate::per_second(tokens), burst).expect("a limit");
        let split = Split::new(shape, nodes, first);
        let cap: u64 = (0..nodes).map(|node| split.cap(node)).sum();
        prop_assert_eq!(cap, split.units(burst));
        // In a second, all together are filled by as many tokens as the rate gives.
        let fill: u64 = (0..nodes).map(|node| split.fill(node)).sum();
        prop_assert_eq!(fill * 1_000_000, split.units(1) * tokens);
    }

    #[test]
    fn no_window_has_more_than_the_limit((split, fill) in splits(), steps in steps()) {
        let mut world = World::new(split, Wrong::Nothing);
        for step in steps {
            world.step(step);
        }
        prop_assert!(!world.is_broken(fill), "{:?}", world.admitted);
    }

    #[test]
    fn when_nothing_is_lost_nothing_is_lost(
        (split, _) in splits(), asks in proptest::collection::vec((0..NODES, 0..NODES, 1u64..12, any::<bool>()), 1..20)
    ) {
        let mut world = World::new(split, Wrong::Nothing);
        for (to, from, tokens, used) in asks {
            world.step(Step::Ask { to, from, tokens });
            world.step(Step::Deliver(0));
            world.step(Step::Deliver(0));
            world.step(Step::Release { node: to, used });
            world.step(Step::Deliver(0));
        }
        let now_us = world.now_us;
        let levels: u64 = world.shares.iter_mut().map(|share| share.level(now_us)).sum();
        prop_assert_eq!(levels, split.units(u64::MAX));
    }
}

/// Runs the steps with a wrong node, and says whether the promise was broken.
fn breaks(wrong: Wrong, steps: &[Step]) -> bool {
    let rate = Rate::new(1, std::time::Duration::from_micros(LIFETIME_US));
    let shape = Shape::new(rate, 9).expect("a limit");
    let split = Split::new(shape, NODES, 0);
    let mut world = World::new(split, wrong);
    for step in steps {
        world.step(*step);
    }
    let fill = (0..NODES).map(|node| split.fill(node)).sum();
    world.is_broken(fill)
}

#[test]
fn wrong_nodes_are_rejected() {
    let ask = Step::Ask {
        to: 0,
        from: 1,
        tokens: 3,
    };
    let twice = [
        ask,
        Step::Deliver(0),
        Step::Repeat(0),
        Step::Deliver(0),
        Step::Take(0, 9),
        Step::Take(2, 3),
    ];
    assert!(breaks(Wrong::CreditsTwice, &twice) && !breaks(Wrong::Nothing, &twice));
    let fast = restart_with_a_fast_rate();
    assert!(fast(Wrong::FillsAtOnce) && !fast(Wrong::Nothing));
    let late = |take| {
        vec![
            ask,
            Step::Deliver(0),
            Step::Deliver(0),
            Step::Pass(12 * LIFETIME_US),
            Step::Take(0, take),
            Step::Take(1, 3),
            Step::Take(2, 3),
        ]
    };
    assert!(breaks(Wrong::HoldsForEver, &late(6)) && !breaks(Wrong::Nothing, &late(6)));
    assert!(!breaks(Wrong::Nothing, &late(3)));
}

/// A node hands over its share, is started again and is full again before what it handed over has run out.
fn restart_with_a_fast_rate() -> impl Fn(Wrong) -> bool {
    |wrong| {
        let rate = Rate::new(9, std::time::Duration::from_micros(LIFETIME_US / 4));
        let split = Split::new(Shape::new(rate, 9).expect("a limit"), NODES, 0);
        let mut world = World::new(split, wrong);
        let ask = Step::Ask {
            to: 0,
            from: 1,
            tokens: 3,
        };
        let wait = Step::Pass(LIFETIME_US / 2);
        let takes = [Step::Take(0, 6), Step::Take(1, 3), Step::Take(2, 3)];
        let steps = [
            ask,
            Step::Deliver(0),
            Step::Deliver(0),
            Step::Restart(1),
            wait,
        ];
        for step in steps.into_iter().chain(takes) {
            world.step(step);
        }
        let fill = (0..NODES).map(|node| split.fill(node)).sum();
        world.is_broken(fill)
    }
}
