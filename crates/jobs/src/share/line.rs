use std::cmp::Reverse;
use std::time::Duration;

use super::lane::{Known, Lane};
use super::{FREE_PERMILLE, SHARES_PERMILLE, Wish};
use crate::model::Priority;

/// What a job adds to the pass of a lane whose weight is one; so large that rounding does not matter.
const WHOLE: u64 = 1 << 40;

/// The lanes of a queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// How many jobs it gave, beyond the queue that has given least.
    pass: u64,
    lanes: [Known; 10],
}

fn place(lane: Lane) -> usize {
    usize::from(lane.priority.level())
}

fn weight(place: usize, favoured: Option<usize>) -> u64 {
    let free = if favoured == Some(place) {
        FREE_PERMILLE
    } else {
        0
    };
    SHARES_PERMILLE[place] + free
}

impl Line {
    pub(super) fn pass(&self) -> u64 {
        self.pass
    }

    pub(super) fn waits(&self) -> bool {
        self.lanes.iter().any(|lane| lane.waiting)
    }

    pub(super) fn lane_waits(&self, lane: Lane) -> bool {
        self.lanes[place(lane)].waiting
    }

    /// Whether a lane has had no more than those that have something waiting.
    pub(super) fn is_owed(&self, lane: Lane) -> bool {
        self.lanes[place(lane)].pass == 0
    }

    /// The lane that gets what is free: the most urgent of those that wait, ageing included; of equals the older one.
    pub(super) fn favoured(&self, now: Duration, ageing: Duration) -> Option<usize> {
        let waiting = self.lanes.iter().enumerate();
        let waiting = waiting.filter(|(_, lane)| lane.waiting);
        let urgency = |(place, lane): &(usize, &Known)| {
            let age = lane.age(now);
            let steps = usize::try_from(age.as_nanos() / ageing.as_nanos()).unwrap_or(usize::MAX);
            (place.saturating_sub(steps), Reverse(age))
        };
        waiting.min_by_key(urgency).map(|(place, _)| place)
    }

    /// Gives the turn to the lane that has had least.
    pub(super) fn next(&mut self, queue: usize, favoured: Option<usize>) -> Option<Lane> {
        let waiting = Priority::all().zip(&self.lanes);
        let waiting = waiting.filter(|(_, lane)| lane.waiting);
        let (priority, _) = waiting.min_by_key(|(_, lane)| lane.pass)?;
        let lane = Lane { queue, priority };
        self.charge(lane, 1, favoured);
        Some(lane)
    }

    /// Counts jobs that a lane gave.
    pub(super) fn charge(&mut self, lane: Lane, jobs: usize, favoured: Option<usize>) {
        let jobs = u64::try_from(jobs).unwrap_or(u64::MAX);
        let stride = WHOLE / weight(place(lane), favoured);
        let known = &mut self.lanes[place(lane)];
        known.pass = known.pass.saturating_add(stride.saturating_mul(jobs));
        self.pass = self.pass.saturating_add(jobs);
    }

    /// Asks the lanes of which nothing is known, or all of `whole` from each of them.
    pub(super) fn probes(&self, queue: usize, whole: u32, all: bool) -> Vec<Wish> {
        let empty = Priority::all().zip(&self.lanes);
        let empty = empty.filter(|(_, lane)| !lane.waiting);
        let wish = |(priority, _): (Priority, &Known)| {
            let share = SHARES_PERMILLE[usize::from(priority.level())] * u64::from(whole) / 1000;
            let share = u32::try_from(share).unwrap_or(whole).max(1);
            Wish {
                lane: Lane { queue, priority },
                jobs: if all { whole } else { share },
            }
        };
        empty.map(wish).collect()
    }

    /// By how many jobs a lane is ahead of what its share gives it, this queue's own lead included.
    #[cfg(test)]
    pub(super) fn ahead(&self, lane: Lane) -> u64 {
        let share = SHARES_PERMILLE[place(lane)];
        (self.lanes[place(lane)].pass * share).div_ceil(WHOLE) + (self.pass * share).div_ceil(1000)
    }

    pub(super) fn heard(&mut self, lane: Lane, wait: Duration, now: Duration) {
        self.lanes[place(lane)].heard(wait, now);
    }

    pub(super) fn is_empty(&mut self, lane: Lane) {
        self.lanes[place(lane)].is_empty();
    }

    /// Counts the passes of its lanes from the lowest again.
    pub(super) fn settle(&mut self) {
        let waiting = self.lanes.iter().filter(|lane| lane.waiting);
        let lowest = waiting.map(|lane| lane.pass).min().unwrap_or(u64::MAX);
        for lane in &mut self.lanes {
            lane.pass = lane.pass.saturating_sub(lowest);
        }
    }

    pub(super) fn lower(&mut self, by: u64) {
        self.pass = self.pass.saturating_sub(by);
    }
}
