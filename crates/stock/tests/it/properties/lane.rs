use std::time::Duration;

use proptest::prelude::*;
use stanchion_stock::lane::{Bounds, Lane, Next, Offer};

#[derive(Clone, Debug)]
enum Step {
    Offer { lines: usize, patience: u64 },
    Next,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..9_usize, 0..20_u64).prop_map(|(lines, patience)| Step::Offer { lines, patience }),
        2 => Just(Step::Next),
        1 => (0..10_u64).prop_map(Step::Pass),
    ]
}

const BOUNDS: Bounds = Bounds {
    queue: 12,
    batch_lines: 10,
};

/// The lane and what is true of it, told apart.
struct Watched {
    lane: Lane<(u64, usize, Duration)>,
    now: Duration,
    is_busy: bool,
    offered: u64,
    turned_away: usize,
    seen: Vec<u64>,
}

impl Watched {
    fn offer(&mut self, lines: usize, patience: u64) {
        let until = self.now + Duration::from_millis(patience);
        let was_full = self.lane.depth() >= BOUNDS.queue;
        let answer = self.lane.offer((self.offered, lines, until), lines, until);
        self.offered += 1;
        match answer {
            Offer::Full(_) => {
                assert!(was_full);
                self.turned_away += 1;
            }
            Offer::Start => assert!(!std::mem::replace(&mut self.is_busy, true) && !was_full),
            Offer::Wait => assert!(self.is_busy && !was_full),
        }
        assert!(self.lane.depth() <= BOUNDS.queue);
    }

    fn next(&mut self) {
        let depth = self.lane.depth();
        let Some(Next { batch, late }) = self.lane.next(self.now) else {
            assert_eq!(depth, 0);
            self.is_busy = false;
            return;
        };
        let lines: usize = batch.iter().map(|(_, lines, _)| lines).sum();
        assert!(lines <= BOUNDS.batch_lines || batch.len() == 1);
        assert!(batch.iter().all(|(_, _, until)| *until > self.now));
        assert!(late.iter().all(|(_, _, until)| *until <= self.now));
        assert!(batch.is_sorted() && late.is_sorted());
        assert!(!(batch.is_empty() && late.is_empty()));
        // Nothing overtakes: what is left waited for less long than what went.
        let mut went: Vec<u64> = batch
            .iter()
            .chain(&late)
            .map(|(number, ..)| *number)
            .collect();
        went.sort_unstable();
        assert!(self.seen.last() < went.first() || self.seen.is_empty());
        self.seen.extend(went);
    }
}

proptest! {
    #[test]
    fn everything_offered_goes_once_in_its_order_or_is_turned_away(steps in proptest::collection::vec(step(), 1..200)) {
        let mut watched = Watched {
            lane: Lane::new(BOUNDS),
            now: Duration::ZERO,
            is_busy: false,
            offered: 0,
            turned_away: 0,
            seen: Vec::new(),
        };
        for step in steps {
            match step {
                Step::Offer { lines, patience } => watched.offer(lines, patience),
                Step::Next if watched.is_busy => watched.next(),
                Step::Next => {}
                Step::Pass(ms) => watched.now += Duration::from_millis(ms),
            }
        }
        while watched.is_busy {
            watched.next();
        }
        let went = watched.seen.len() + watched.turned_away;
        prop_assert_eq!(u64::try_from(went).unwrap(), watched.offered);
    }
}

#[test]
fn an_idle_lane_starts_at_once_and_alone() {
    let mut lane = Lane::new(BOUNDS);
    assert_eq!(lane.offer('a', 1, Duration::MAX), Offer::Start);
    assert_eq!(lane.next(Duration::ZERO).unwrap().batch, ['a']);
    assert_eq!(lane.offer('b', 1, Duration::MAX), Offer::Wait);
    assert_eq!(lane.offer('c', 1, Duration::MAX), Offer::Wait);
    assert_eq!(lane.next(Duration::ZERO).unwrap().batch, ['b', 'c']);
    assert_eq!(lane.next(Duration::ZERO), None);
    assert_eq!(lane.offer('d', 1, Duration::MAX), Offer::Start);
    assert_eq!(lane.abandon(), ['d']);
    assert_eq!(lane.offer('e', 1, Duration::MAX), Offer::Start);
}
