//! How many jobs of which queue and priority the next claim asks for. Pure.
//!
//! A lane is a queue's jobs of one priority. Queues take turns evenly; within a queue every lane that has something waiting
//! gets at least its share ([`SHARES_PERMILLE`]) of what is claimed from the queue. The shares leave [`FREE_PERMILLE`] over,
//! and that goes to the most urgent lane, where a lane counts as one more urgent for each step of ageing that its oldest
//! job has waited. So ageing never takes from a share, and the most urgent priority keeps its own however old the rest is.
//!
//! It is stride scheduling: a lane's `pass` grows by the inverse of its weight with each job, and the lane with the
//! lowest pass is next. Which lanes have something waiting is known from what they gave: a lane that gave less than it was
//! asked for is empty, and is only probed until it gives something.

mod lane;
mod line;

use std::time::Duration;

pub use lane::Lane;
use line::Line;

/// What each priority gets at least of the jobs claimed from its queue while it has something waiting, the most urgent
/// first, in thousandths.
pub const SHARES_PERMILLE: [u64; 10] = [240, 160, 120, 80, 60, 40, 30, 30, 20, 20];
/// What goes to whichever priority is the most urgent, ageing included, in thousandths.
pub const FREE_PERMILLE: u64 = 200;

/// The shares of the queues that one worker claims from.
#[derive(Clone, Debug)]
pub struct Shares {
    lines: Vec<Line>,
    ageing: Duration,
}

/// How many jobs of a lane are wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The lane.
    pub lane: Lane,
    /// The most jobs.
    pub jobs: u32,
}

/// What a claim asks for: the wishes in their order, each up to its number, until it has [`Asked::most`] jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is wished for. Together it may be more than the most.
    pub wishes: Vec<Wish>,
    /// The most jobs in all.
    pub most: u32,
    /// Which lane of each queue gets what is free.
    favoured: Vec<Option<usize>>,
}

/// A job that was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// From which lane.
    pub lane: Lane,
    /// How long it could have been claimed before it was.
    pub wait: Duration,
}

impl Shares {
    /// The shares of so many queues. What has waited for `ageing` counts as one priority more urgent, and so on for each
    /// further such step; [`Duration::MAX`] is no ageing, and less than a millisecond is one.
    #[must_use]
    pub fn new(queues: usize, ageing: Duration) -> Self {
        Self {
            lines: vec![Line::default(); queues],
            ageing: ageing.max(Duration::from_millis(1)),
        }
    }

    /// What a claim of at most so many jobs asks for. `now` is monotonic.
    #[must_use]
    pub fn ask(&self, most: u32, now: Duration) -> Asked {
        let favoured: Vec<_> = self
            .lines
            .iter()
            .map(|line| line.favoured(now, self.ageing))
            .collect();
        let mut wishes = self.picks(most, &favoured);
        let waiting = !wishes.is_empty();
        let queues = u32::try_from(self.lines.len()).unwrap_or(u32::MAX).max(1);
        for (queue, line) in self.turns() {
            // Nothing is known to wait: any lane may have it all.
            let whole = if waiting { most.div_ceil(queues) } else { most };
            for probe in line.probes(queue, whole, !waiting) {
                if line.is_owed(probe.lane) {
                    let owed = wishes.iter().take_while(|wish| !self.waits(wish.lane));
                    let place = owed.count();
                    wishes.insert(place, probe);
                } else {
                    wishes.push(probe);
                }
            }
        }
        Asked {
            wishes,
            most,
            favoured,
        }
    }

    /// Learns what a claim gave, and answers how many jobs it is worth asking for at once: what lanes left over that
    /// turned out to be empty.
    pub fn took(&mut self, asked: &Asked, taken: &[Taken], now: Duration) -> u32 {
        let got = |lane: Lane| taken.iter().filter(|job| job.lane == lane).count();
        let total = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        let last = asked.wishes.iter().rposition(|wish| got(wish.lane) > 0);
        for (place, wish) in asked.wishes.iter().enumerate() {
            let of_lane: Vec<_> = taken.iter().filter(|job| job.lane == wish.lane).collect();
            let youngest = of_lane.iter().map(|job| job.wait).min();
            let gave_all = of_lane.len() >= wish.jobs as usize;
            // When there were jobs enough, those that stand behind the last that gave some were not looked at.
            let looked_at = total < asked.most || last.is_some_and(|last| place < last);
            let line = &mut self.lines[wish.lane.queue];
            let favoured = asked.favoured[wish.lane.queue];
            line.charge(wish.lane, of_lane.len(), favoured);
            if let Some(wait) = youngest {
                line.heard(wish.lane, wait, now);
            }
            if !gave_all && looked_at {
                line.is_empty(wish.lane);
            }
        }
        self.settle();
        let more = self.lines.iter().any(Line::waits);
        if more {
            asked.most.saturating_sub(total)
        } else {
            0
        }
    }

    /// The wishes for lanes that have something waiting, in the order of their turns.
    fn picks(&self, most: u32, favoured: &[Option<usize>]) -> Vec<Wish> {
        let mut lines = self.lines.clone();
        let mut wishes: Vec<Wish> = Vec::new();
        for _ in 0..most {
            let waiting = lines
                .iter_mut()
                .enumerate()
                .filter(|(_, line)| line.waits());
            let Some((queue, line)) = waiting.min_by_key(|(_, line)| line.pass()) else {
                break;
            };
            let Some(lane) = line.next(queue, favoured[queue]) else {
                break;
            };
            match wishes.iter_mut().find(|wish| wish.lane == lane) {
                Some(wish) => wish.jobs += 1,
                None => wishes.push(Wish { lane, jobs: 1 }),
            }
        }
        wishes
    }

    /// The queues, beginning with the one whose turn it is.
    fn turns(&self) -> impl Iterator<Item = (usize, &Line)> {
        let mut turns: Vec<_> = self.lines.iter().enumerate().collect();
        turns.sort_by_key(|(_, line)| line.pass());
        turns.into_iter()
    }

    #[cfg(test)]
    fn ahead(&self, lane: Lane) -> u64 {
        self.lines[lane.queue].ahead(lane)
    }

    fn waits(&self, lane: Lane) -> bool {
        self.lines[lane.queue].lane_waits(lane)
    }

    /// Counts passes from the lowest again, so that who had nothing waiting saves nothing up.
    fn settle(&mut self) {
        self.lines.iter_mut().for_each(Line::settle);
        let waiting = self.lines.iter().filter(|line| line.waits());
        let lowest = waiting.map(Line::pass).min().unwrap_or(u64::MAX);
        self.lines.iter_mut().for_each(|line| line.lower(lowest));
    }
}

#[cfg(test)]
mod tests;
