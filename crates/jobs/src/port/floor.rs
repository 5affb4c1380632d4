//! From where on an index is walked.
//!
//! A claimed row leaves its entry in the index of what is ready until nobody's snapshot can see it, which may be long.
//! Claims begin where the last one ended, and now and then at the beginning: for jobs whose transactions were slow to
//! commit, and those that came back to their place. The longer that takes, the more rarely it is done.

use std::collections::HashMap;
use std::time::Duration;

use stanchion_kernel::{Timestamp, Uuid};

use crate::model::{Priority, Queue};

/// A place in the order of what is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) run_at: Timestamp,
    pub(crate) id: Uuid,
}

/// A queue at a priority.
pub(crate) type Lane = (Queue, Priority);

/// What a claim got from a lane.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) last: Option<Place>,
    /// As much as was asked for: there may be more.
    pub(crate) full: bool,
}

/// Lanes that are remembered; all are forgotten when there are more, and found again from their beginnings.
const LANES: usize = 4096;

/// The places up to which lanes were claimed.
#[derive(Debug, Default)]
pub(crate) struct Floors {
    lanes: HashMap<Lane, Place>,
    pub(crate) sweeps: Sweeps,
}

impl Floors {
    /// Where a claim of a lane begins.
    pub(crate) fn of(&self, lane: &Lane, sweeping: bool) -> Place {
        let known = self.lanes.get(lane).filter(|_| !sweeping);
        known.copied().unwrap_or_default()
    }

    /// Remembers where a claim ended. A sweep that found as much as it was allowed goes on from there.
    pub(crate) fn note(&mut self, lane: Lane, taken: &Taken, sweeping: bool) {
        let Some(last) = taken.last else { return };
        if self.lanes.len() >= LANES && !self.lanes.contains_key(&lane) {
            self.lanes.clear();
        }
        let floor = self.lanes.entry(lane).or_default();
        let goes_back = sweeping && taken.full;
        *floor = if goes_back { last } else { last.max(*floor) };
    }
}

/// When an index is walked from its beginning.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    due: Duration,
}

/// A sweep is not begun sooner after another.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// Nor before this many times what the last one took: sweeps take a twentieth of the time at most.
const PAUSE_PER_COST: u32 = 20;
/// It is begun after this long, whatever the last one took.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Sweeps {
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        now >= self.due
    }

    pub(crate) fn swept(&mut self, began: Duration, ended: Duration) {
        let cost = ended.saturating_sub(began);
        let pause = cost.saturating_mul(PAUSE_PER_COST);
        self.due = ended + pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    }

    /// Something came back to its place: the next walk begins at the beginning.
    pub(crate) fn hasten(&mut self) {
        self.due = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(us: i64) -> Place {
        Place {
            run_at: Timestamp::from_micros(us),
            id: Uuid::from_u128(1),
        }
    }

    fn taken(us: i64, full: bool) -> Taken {
        Taken {
            last: Some(place(us)),
            full,
        }
    }

    fn lane() -> Lane {
        (Queue::new("q").unwrap(), Priority::NORMAL)
    }

    #[test]
    fn a_claim_begins_where_the_last_one_ended_and_a_sweep_at_the_beginning() {
        let mut floors = Floors::default();
        floors.note(lane(), &taken(7, true), true);
        assert_eq!(floors.of(&lane(), false), place(7));
        assert_eq!(floors.of(&lane(), true), Place::default());
    }

    #[test]
    fn what_a_full_sweep_left_is_found_by_the_next_claim() {
        let mut floors = Floors::default();
        floors.note(lane(), &taken(7, true), false);
        floors.note(lane(), &taken(3, true), true);
        assert_eq!(floors.of(&lane(), false), place(3));
    }

    #[test]
    fn a_sweep_that_found_everything_changes_no_floor() {
        let mut floors = Floors::default();
        floors.note(lane(), &taken(7, true), false);
        floors.note(lane(), &taken(3, false), true);
        assert_eq!(floors.of(&lane(), false), place(7));
    }

    #[test]
    fn lanes_are_bounded() {
        let mut floors = Floors::default();
        for n in 0..LANES + 10 {
            let lane = (Queue::new(&format!("q{n}")).unwrap(), Priority::NORMAL);
            floors.note(lane, &taken(1, false), false);
            assert!(floors.lanes.len() <= LANES);
        }
    }

    #[test]
    fn dear_sweeps_are_rare_and_cheap_ones_frequent() {
        let mut sweeps = Sweeps::default();
        let second = Duration::from_secs(1);
        assert!(sweeps.is_due(Duration::ZERO));
        sweeps.swept(second, second);
        assert!(!sweeps.is_due(second + Duration::from_millis(19)));
        assert!(sweeps.is_due(second + Duration::from_millis(20)));
        sweeps.swept(second, 2 * second);
        assert!(!sweeps.is_due(21 * second) && sweeps.is_due(22 * second));
        sweeps.swept(second, 100 * second);
        assert!(sweeps.is_due(130 * second));
        sweeps.swept(second, 2 * second);
        sweeps.hasten();
        assert!(sweeps.is_due(second));
    }
}
