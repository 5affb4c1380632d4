//! From where on an index is walked.
//!
//! A claimed row leaves its entry in the index of what is ready until nobody's snapshot can see it, which may be long.
//! Claims begin where the last one ended, and now and then some seconds before that, for jobs whose transactions were slow to
//! commit. The longer that takes, the more rarely it is done. What comes back to its place is in an index of its own, and so is
//! what was slower still, when a walk of what lies before the floors has found it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use stanchion_kernel::{Timestamp, Uuid};

use super::sweeps::Near;
use super::windows::{Window, Windows};
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
    /// The first place of a moment.
    fn of(run_at: Timestamp) -> Self {
        Self {
            run_at,
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
}

impl Walk {
    /// Where it begins in a lane that was walked up to here.
    fn from(self, floor: Place) -> Place {
        match self {
            Self::On => floor,
            Self::Near => Place::of(self.since(floor.run_at)),
        }
    }

    /// Where it begins in an index by moments that was walked up to this one.
    pub(crate) fn since(self, seen: Timestamp) -> Timestamp {
        match self {
            Self::On => seen,
            Self::Near => seen.saturating_sub(NEAR),
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
    near: Near,
    /// What lies before them.
    windows: Windows,
}

/// A part of what lies before the floors.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    pub(crate) window: Window,
    /// Where it ends in each lane that it is of.
    pub(crate) lanes: Vec<(Lane, Place)>,
    /// The last of the floors.
    end: Timestamp,
}

impl Floors {
    /// How far back a claim begins now.
    pub(crate) fn walk(&self, now: Duration) -> Walk {
        self.near.walk(now)
    }

    pub(crate) fn claimed(&mut self, walk: Walk, began: Duration, ended: Duration) {
        self.near.walked(walk, began, ended);
    }

    /// What claims have passed by, a part of it, when it is time to look at that.
    pub(crate) fn passed(&self, now: Duration) -> Option<Passed> {
        let floors = self.lanes.values();
        let end = floors.map(|floor| floor.run_at).max()?;
        let window = self.windows.due(now)?;
        let lanes = self.lanes.iter();
        let lanes = lanes.filter(|(_, floor)| floor.run_at >= window.from);
        let lanes = lanes.map(|(lane, floor)| {
            let to = window.to.map_or(*floor, Place::of);
            (lane.clone(), to.min(*floor))
        });
        Some(Passed {
            window,
            lanes: lanes.collect(),
            end,
        })
    }

    /// All of a part was looked at.
    pub(crate) fn recalled(&mut self, passed: &Passed, began: Duration, ended: Duration) {
        self.windows.walked(passed.window, began, ended);
    }

    /// A part was too long to be looked at.
    pub(crate) fn not_recalled(&mut self, passed: &Passed, began: Duration, ended: Duration) {
        let Passed { window, end, .. } = passed;
        self.windows.cancelled(*window, *end, began, ended);
    }

    /// The moments up to which lanes were claimed.
    pub(crate) fn moments(&self) -> BTreeMap<Lane, Timestamp> {
        let lanes = self.lanes.iter();
        lanes
            .map(|(lane, floor)| (lane.clone(), floor.run_at))
            .collect()
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
                .max(Place::of(at.saturating_sub(NEAR))),
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
                self.set(lane, Place::of(run_at));
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
        let shortly = now.saturating_sub(SHORTLY);
        let is_unknown = known == Timestamp::default();
        (shortly > known && (is_unknown || self.0 > 1)).then_some(shortly)
    }
}

/// How slow transactions may be to commit without their jobs being passed by for long.
const NEAR: Duration = Duration::from_secs(10);

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
        floors.note(lane(), some(us), Walk::On);
        assert_eq!(floors.of(&lane(), Walk::On), place(us));
        assert_eq!(floors.of(&lane(), Walk::Near).run_at, place(7).run_at);
    }

    #[test]
    fn what_a_full_sweep_left_is_found_by_the_next_claim() {
        let mut floors = Floors::default();
        floors.note(lane(), some(7), Walk::On);
        floors.note(lane(), some(3), Walk::Near);
        assert_eq!(floors.of(&lane(), Walk::On), place(3));
        floors.note(lane(), Taken::Some { last: None }, Walk::Near);
        assert_eq!(floors.of(&lane(), Walk::On), place(3));
    }

    #[test]
    fn a_sweep_that_found_everything_changes_no_floor() {
        let mut floors = Floors::default();
        floors.note(lane(), some(7), Walk::On);
        floors.note(lane(), all(3, 8), Walk::Near);
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
    fn what_lies_before_the_floors_is_looked_at_up_to_them() {
        let mut floors = Floors::default();
        let at = Duration::from_secs;
        let minute = 60_000_000;
        let idle = (Queue::new("idle").unwrap(), Priority::NORMAL);
        assert!(floors.passed(at(0)).is_none());
        floors.note(lane(), some(9 * minute), Walk::On);
        floors.note(idle.clone(), some(minute), Walk::On);
        let mut all = floors.passed(at(0)).unwrap();
        all.lanes.sort();
        let lanes = [(idle, place(minute)), (lane(), place(9 * minute))];
        let mut expected = lanes.clone();
        expected.sort();
        assert_eq!(all.lanes, expected);

        floors.not_recalled(&all, at(0), at(10));
        let early = floors.passed(at(60)).unwrap();
        let cut = Place::of(place(8 * minute).run_at);
        let [(_, of_idle), (_, of_lane)] = [0, 1].map(|n| early.lanes[n].clone());
        assert_eq!(of_idle.min(of_lane), place(minute));
        assert_eq!(of_idle.max(of_lane), cut);

        // What ends before a part has nothing of it.
        floors.recalled(&early, at(60), at(61));
        let late = floors.passed(at(111)).unwrap();
        assert_eq!(late.window.from, cut.run_at);
        assert_eq!(late.lanes, [(lane(), place(9 * minute))]);
    }
}
