//! From where on an index is walked.
//!
//! A claimed row leaves its entry in the index of what is ready until nobody's snapshot can see it, which may be long.
//! Claims begin where the last one ended, and now and then some seconds before that, for jobs whose transactions were slow to
//! commit. The longer that takes, the more rarely it is done. What comes back to its place is in an index of its own, and so is
//! what was slower still, when a walk from the beginning has found it.

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
    /// The first place of so much before a moment.
    fn before(at: Timestamp, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self {
            run_at: Timestamp::from_micros(at.as_micros().saturating_sub(by)),
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
    fn from(self, floor: Place) -> Place {
        match self {
            Self::On => floor,
            Self::Near => Place::before(floor.run_at, NEAR),
            Self::Far => Place::default(),
        }
    }

    /// Where it begins in an index by moments that was walked up to this one.
    pub(crate) fn since(self, seen: Timestamp) -> Timestamp {
        match self {
            Self::On => seen,
            Self::Near => Place::before(seen, NEAR).run_at,
            Self::Far => Timestamp::default(),
        }
    }
}

/// What a claim got from a lane; `last` is the last place that it walked to, if it took something there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Taken {
    /// As much as was asked for: there may be more.
    Some { last: Option<Place> },
    /// Everything that was ready at a moment.
    All { last: Option<Place>, at: Timestamp },
}

/// Lanes that are remembered; all are forgotten when there are more, and found again from their beginnings.
const LANES: usize = 4096;

/// The places up to which lanes were claimed.
#[derive(Debug, Default)]
pub(crate) struct Floors {
    lanes: HashMap<Lane, Place>,
    cancelled: Cancelled,
    /// Claims from before the floors.
    near: Pace,
    /// Walks from the beginning to the floors.
    far: Pace,
}

impl Floors {
    /// How far back a claim begins now.
    pub(crate) fn walk(&self, now: Duration) -> Walk {
        if self.near.is_due(now) {
            Walk::Near
        } else {
            Walk::On
        }
    }

    pub(crate) fn claimed(&mut self, walk: Walk, began: Duration, ended: Duration) {
        if walk != Walk::On {
            self.near.ran(&NEAR_PACE, began, ended);
        }
    }

    /// The floors, when it is time to look at what lies before them.
    pub(crate) fn due(&self, now: Duration) -> Option<Vec<(Lane, Place)>> {
        let lanes = self.lanes.iter();
        let places = || lanes.map(|(lane, place)| (lane.clone(), *place)).collect();
        self.far.is_due(now).then(places)
    }

    pub(crate) fn recalled(&mut self, began: Duration, ended: Duration) {
        self.far.ran(&FAR_PACE, began, ended);
    }

    /// Where a claim of a lane begins.
    pub(crate) fn of(&self, lane: &Lane, walk: Walk) -> Place {
        let floor = self.lanes.get(lane).copied();
        floor.map_or_else(Place::default, |floor| walk.from(floor))
    }

    /// Remembers where a claim ended. One that began before its floor and found as much as it was allowed goes on from there.
    pub(crate) fn note(&mut self, lane: Lane, taken: Taken, walk: Walk) {
        self.cancelled = Cancelled::default();
        let floor = self.lanes.get(&lane).copied().unwrap_or_default();
        let floor = match taken {
            Taken::Some { last: None } => return,
            Taken::Some { last: Some(last) } if walk == Walk::On => floor.max(last),
            Taken::Some { last: Some(last) } => last,
            // What others took of it need not be walked over again.
            Taken::All { last, at } => floor
                .max(last.unwrap_or_default())
                .max(Place::before(at, NEAR)),
        };
        self.set(lane, floor);
    }

    /// The database cancelled a claim of these lanes, whose walk took too long.
    pub(crate) fn cancelled(&mut self, lanes: impl Iterator<Item = Lane>, now: Timestamp) {
        let again = self.cancelled.again();
        for lane in lanes {
            let floor = self.lanes.get(&lane).copied();
            let run_at = floor.map(|floor| floor.run_at).unwrap_or_default();
            if let Some(run_at) = again.floor(run_at, now) {
                let id = Uuid::nil();
                self.set(lane, Place { run_at, id });
            }
        }
    }

    fn set(&mut self, lane: Lane, floor: Place) {
        if self.lanes.len() >= LANES && !self.lanes.contains_key(&lane) {
            self.lanes.clear();
        }
        self.lanes.insert(lane, floor);
    }
}

/// By this much clocks do not differ.
const SHORTLY: Duration = Duration::from_mins(1);

/// How often in a row the database cancelled a walk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cancelled(u32);

impl Cancelled {
    /// It did it once more.
    pub(crate) fn again(&mut self) -> Self {
        self.0 = self.0.saturating_add(1);
        *self
    }

    /// A new floor, lest every walk is cancelled until the snapshot ends: shortly before `now`, where none was known or it is
    /// no better for the second time. The first time the database may only have had much to do.
    pub(crate) fn floor(self, known: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let shortly = Place::before(now, SHORTLY).run_at;
        let is_unknown = known == Timestamp::default();
        (shortly > known && (is_unknown || self.0 > 1)).then_some(shortly)
    }
}

/// When an index is walked from further back.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    near: Pace,
    far: Pace,
}

/// When something that may take long is done again.
#[derive(Debug, Default)]
struct Pace {
    due: Duration,
}

/// How often something may be done.
struct Share {
    /// Not before this many times what it took the last time.
    pause: u32,
    /// But after this long, whatever it took.
    longest: Duration,
}

impl Pace {
    fn is_due(&self, now: Duration) -> bool {
        now >= self.due
    }

    fn ran(&mut self, share: &Share, began: Duration, ended: Duration) {
        let pause = ended.saturating_sub(began).saturating_mul(share.pause);
        self.due = ended + pause.clamp(SHORTEST_PAUSE, share.longest);
    }
}

/// How slow transactions may be to commit without their jobs being passed by for long.
const NEAR: Duration = Duration::from_secs(10);
/// A sweep is not begun sooner after another.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// Near sweeps take a twentieth of the time at most.
const NEAR_PACE: Share = Share {
    pause: 20,
    longest: Duration::from_secs(30),
};
/// Far ones a fiftieth.
const FAR_PACE: Share = Share {
    pause: 50,
    longest: Duration::from_mins(5),
};

impl Sweeps {
    /// How far back the walk begins that is made now.
    pub(crate) fn walk(&self, now: Duration) -> Walk {
        if self.far.is_due(now) {
            Walk::Far
        } else if self.near.is_due(now) {
            Walk::Near
        } else {
            Walk::On
        }
    }

    pub(crate) fn walked(&mut self, walk: Walk, began: Duration, ended: Duration) {
        match walk {
            Walk::On => {}
            Walk::Near => self.near.ran(&NEAR_PACE, began, ended),
            Walk::Far => {
                self.far.ran(&FAR_PACE, began, ended);
                // It says nothing of what a near one takes, and is one.
                self.near.ran(&NEAR_PACE, ended, ended);
            }
        }
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

    fn some(us: i64) -> Taken {
        Taken::Some {
            last: Some(place(us)),
        }
    }

    fn all(us: i64, at_us: i64) -> Taken {
        Taken::All {
            last: Some(place(us)),
            at: place(at_us).run_at,
        }
    }

    fn lane() -> Lane {
        (Queue::new("q").unwrap(), Priority::NORMAL)
    }

    #[test]
    fn a_claim_begins_where_the_last_one_ended_and_a_sweep_before_that() {
        let mut floors = Floors::default();
        let us = i64::try_from(NEAR.as_micros()).unwrap() + 7;
        floors.note(lane(), some(us), Walk::Far);
        assert_eq!(floors.of(&lane(), Walk::On), place(us));
        assert_eq!(floors.of(&lane(), Walk::Near).run_at, place(7).run_at);
        assert_eq!(floors.of(&lane(), Walk::Far), Place::default());
    }

    #[test]
    fn what_a_full_sweep_left_is_found_by_the_next_claim() {
        let mut floors = Floors::default();
        for walk in [Walk::Near, Walk::Far] {
            floors.note(lane(), some(7), Walk::On);
            floors.note(lane(), some(3), walk);
            assert_eq!(floors.of(&lane(), Walk::On), place(3));
            floors.note(lane(), Taken::Some { last: None }, walk);
            assert_eq!(floors.of(&lane(), Walk::On), place(3));
        }
    }

    #[test]
    fn a_sweep_that_found_everything_changes_no_floor() {
        let mut floors = Floors::default();
        floors.note(lane(), some(7), Walk::On);
        floors.note(lane(), all(3, 8), Walk::Far);
        assert_eq!(floors.of(&lane(), Walk::On), place(7));
    }

    #[test]
    fn a_lane_of_which_everything_is_claimed_is_walked_from_shortly_before_then() {
        let mut floors = Floors::default();
        let near = i64::try_from(NEAR.as_micros()).unwrap();
        floors.note(lane(), all(7, near + 100), Walk::On);
        assert_eq!(floors.of(&lane(), Walk::On).run_at, place(100).run_at);
        floors.note(lane(), all(200, near + 150), Walk::On);
        assert_eq!(floors.of(&lane(), Walk::On), place(200));
    }

    #[test]
    fn a_lane_that_is_too_long_to_be_walked_is_begun_shortly_before_now() {
        let mut floors = Floors::default();
        let other = (Queue::new("other").unwrap(), Priority::NORMAL);
        floors.note(lane(), some(7), Walk::On);
        let now = i64::try_from(SHORTLY.as_micros()).unwrap();
        let lanes = || [lane(), other.clone()].into_iter();
        floors.cancelled(lanes(), place(now + 9).run_at);
        assert_eq!(floors.of(&lane(), Walk::On), place(7));
        assert_eq!(floors.of(&other, Walk::On).run_at, place(9).run_at);
        floors.note(lane(), some(8), Walk::On);
        floors.cancelled(lanes(), place(now + 10).run_at);
        assert_eq!(floors.of(&lane(), Walk::On), place(8));
        assert_eq!(floors.of(&other, Walk::On).run_at, place(9).run_at);
        // It is no better for the second time.
        floors.cancelled(lanes(), place(now + 11).run_at);
        assert_eq!(floors.of(&lane(), Walk::On).run_at, place(11).run_at);
        assert_eq!(floors.of(&other, Walk::On).run_at, place(11).run_at);
        floors.cancelled(lanes(), place(now + 1).run_at);
        assert_eq!(floors.of(&lane(), Walk::On).run_at, place(11).run_at);
    }

    #[test]
    fn lanes_are_bounded() {
        let mut floors = Floors::default();
        for n in 0..LANES + 10 {
            let lane = (Queue::new(&format!("q{n}")).unwrap(), Priority::NORMAL);
            floors.note(lane, some(1), Walk::On);
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
    }
}
