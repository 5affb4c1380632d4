//! From where on an index is walked.
//!
//! A claimed row leaves its entry in the index of what is ready until nobody's snapshot can see it, which may be long.
//! Claims begin where the last one ended, and now and then some seconds before that, for jobs whose transactions were slow to
//! commit, and more rarely at the beginning, for those that came back to their place. The longer it takes, the more rarely it
//! is done.

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

impl Place {
    /// The first place of so much earlier.
    fn before(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self {
            run_at: Timestamp::from_micros(self.run_at.as_micros().saturating_sub(by)),
            id: Uuid::nil(),
        }
    }
}

/// How far back a walk begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// Where the last one ended.
    On,
    /// Ten seconds before that.
    Near,
    /// At the beginning.
    Far,
}

impl Walk {
    /// Where it begins in a lane that was walked up to here.
    pub(crate) fn from(self, floor: Option<Place>) -> Place {
        match (self, floor) {
            (Self::On, Some(floor)) => floor,
            (Self::Near, Some(floor)) => floor.before(NEAR),
            (Self::Far, _) | (_, None) => Place::default(),
        }
    }
}

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
    pub(crate) fn of(&self, lane: &Lane, walk: Walk) -> Place {
        walk.from(self.lanes.get(lane).copied())
    }

    /// Remembers where a claim ended. One that began before its floor and found as much as it was allowed goes on from there.
    pub(crate) fn note(&mut self, lane: Lane, taken: &Taken, walk: Walk) {
        let Some(last) = taken.last else { return };
        if self.lanes.len() >= LANES && !self.lanes.contains_key(&lane) {
            self.lanes.clear();
        }
        let floor = self.lanes.entry(lane).or_default();
        let goes_back = walk != Walk::On && taken.full;
        *floor = if goes_back { last } else { last.max(*floor) };
    }
}

/// When an index is walked from further back.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    near_due: Duration,
    far_due: Duration,
}

/// How slow transactions may be to commit without their jobs being passed by for long.
const NEAR: Duration = Duration::from_secs(10);
/// A sweep is not begun sooner after another.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// Nor before this many times what the last one took: near sweeps take a twentieth of the time at most.
const PAUSE_PER_NEAR: u32 = 20;
/// Far ones a fiftieth.
const PAUSE_PER_FAR: u32 = 50;
/// They are begun after this long, whatever the last one took.
const LONGEST_NEAR_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_FAR_PAUSE: Duration = Duration::from_mins(5);

impl Sweeps {
    /// How far back the walk begins that is made now.
    pub(crate) fn walk(&self, now: Duration) -> Walk {
        if now >= self.far_due {
            Walk::Far
        } else if now >= self.near_due {
            Walk::Near
        } else {
            Walk::On
        }
    }

    pub(crate) fn walked(&mut self, walk: Walk, began: Duration, ended: Duration) {
        let cost = ended.saturating_sub(began);
        let pause = |factor, longest| cost.saturating_mul(factor).clamp(SHORTEST_PAUSE, longest);
        if walk == Walk::Far {
            self.far_due = ended + pause(PAUSE_PER_FAR, LONGEST_FAR_PAUSE);
        }
        // A far one says nothing of what a near one takes, and is one.
        let factor = if walk == Walk::Near {
            PAUSE_PER_NEAR
        } else {
            0
        };
        if walk != Walk::On {
            self.near_due = ended + pause(factor, LONGEST_NEAR_PAUSE);
        }
    }

    /// Something came back to its place: the next walk begins at the beginning.
    pub(crate) fn hasten(&mut self) {
        self.far_due = Duration::ZERO;
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
    fn a_claim_begins_where_the_last_one_ended_and_a_sweep_before_that() {
        let mut floors = Floors::default();
        let us = i64::try_from(NEAR.as_micros()).unwrap() + 7;
        floors.note(lane(), &taken(us, true), Walk::Far);
        assert_eq!(floors.of(&lane(), Walk::On), place(us));
        assert_eq!(floors.of(&lane(), Walk::Near).run_at, place(7).run_at);
        assert_eq!(floors.of(&lane(), Walk::Far), Place::default());
    }

    #[test]
    fn what_a_full_sweep_left_is_found_by_the_next_claim() {
        let mut floors = Floors::default();
        for walk in [Walk::Near, Walk::Far] {
            floors.note(lane(), &taken(7, true), Walk::On);
            floors.note(lane(), &taken(3, true), walk);
            assert_eq!(floors.of(&lane(), Walk::On), place(3));
        }
    }

    #[test]
    fn a_sweep_that_found_everything_changes_no_floor() {
        let mut floors = Floors::default();
        floors.note(lane(), &taken(7, true), Walk::On);
        floors.note(lane(), &taken(3, false), Walk::Far);
        assert_eq!(floors.of(&lane(), Walk::On), place(7));
    }

    #[test]
    fn lanes_are_bounded() {
        let mut floors = Floors::default();
        for n in 0..LANES + 10 {
            let lane = (Queue::new(&format!("q{n}")).unwrap(), Priority::NORMAL);
            floors.note(lane, &taken(1, false), Walk::On);
            assert!(floors.lanes.len() <= LANES);
        }
    }

    #[test]
    fn dear_sweeps_are_rare_and_cheap_ones_frequent() {
        let mut sweeps = Sweeps::default();
        let second = Duration::from_secs(1);
        assert_eq!(sweeps.walk(Duration::ZERO), Walk::Far);
        sweeps.walked(Walk::Far, second, second);
        assert_eq!(sweeps.walk(second + Duration::from_millis(19)), Walk::On);
        assert_eq!(sweeps.walk(second + Duration::from_millis(20)), Walk::Far);
        sweeps.walked(Walk::Far, second, 2 * second);
        assert_eq!(sweeps.walk(3 * second), Walk::Near);
        sweeps.walked(Walk::Near, 3 * second, 4 * second);
        assert_eq!(sweeps.walk(23 * second), Walk::On);
        assert_eq!(sweeps.walk(24 * second), Walk::Near);
        assert_eq!(sweeps.walk(52 * second), Walk::Far);
        sweeps.walked(Walk::Far, second, 100 * second);
        assert_eq!(sweeps.walk(399 * second), Walk::Near);
        assert_eq!(sweeps.walk(400 * second), Walk::Far);
        sweeps.walked(Walk::Far, second, 2 * second);
        sweeps.hasten();
        assert_eq!(sweeps.walk(second), Walk::Far);
    }
}
