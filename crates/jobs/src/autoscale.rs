//! How many workers there should be. Pure: it hears what was seen of the queues, and answers a number.
//!
//! The need in jobs that run at once is λ·S + Q·S/T: what comes in (λ, jobs a second), times what each takes (S), and what is
//! needed besides to work a backlog (Q) off within the time to drain (T). λ and S are smoothed, and what comes in at once is
//! backlog only: counted as a rate too, it would be served twice. The number of workers follows a higher need at once. It follows a lower one only to what the need with some spare was at most for a
//! while: workers that were just started are not stopped for a lull, and a need that wavers about a whole number does not
//! start and stop one again and again. Nor does it go lower than what runs has use for: jobs that take long are no need any
//! more by the time they all run, and a worker that is stopped with one gives it back.

use std::collections::VecDeque;
use std::time::Duration;

/// How the number follows the need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The fewest workers.
    pub min: u32,
    /// The most workers; no fewer than `min` nor than 1.
    pub max: u32,
    /// How many jobs a worker runs at once; no fewer than 1.
    pub slots: u32,
    /// Within what time a backlog is to be worked off.
    pub drain: Duration,
    /// Over what time arrivals and service times are averaged; what is older counts less and less.
    pub smoothing: Duration,
    /// For how long the need must have been lower before workers are stopped.
    pub calm: Duration,
    /// How much of the need must fit in besides after workers were stopped: 0.1 is a tenth.
    pub spare: f64,
    /// What a job is taken to need until one was served.
    pub assumed_service: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            min: 1,
            max: 8,
            slots: 1,
            drain: Duration::from_mins(1),
            smoothing: Duration::from_secs(30),
            calm: Duration::from_mins(1),
            spare: 0.15,
            assumed_service: Duration::from_secs(1),
        }
    }
}

/// What was seen of the queues since the last time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// When, monotonic.
    pub at: Duration,
    /// How many jobs came in.
    pub arrived: u64,
    /// How many were served.
    pub served: u64,
    /// How long those that were served ran, together.
    pub service: Duration,
    /// How many wait and could run.
    pub backlog: u64,
    /// How many are held by workers.
    pub in_flight: u64,
}

/// Decides how many workers there should be.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    rules: Rules,
    last: Option<Duration>,
    arrivals: Arrivals,
    service: Service,
    /// The number that each moment would stop at, and when that was; only those that no later one exceeds.
    floors: VecDeque<(Duration, u32)>,
    need: f64,
    workers: u32,
}

/// An average over time, in which what is older counts less and less.
#[derive(Clone, Copy, Debug, Default)]
struct Average(f64);

impl Average {
    /// Takes in a value that held for `over`.
    fn take(&mut self, value: f64, over: Duration, smoothing: Duration) {
        self.0 += (value - self.0) * (1.0 - Self::weight(over, smoothing));
    }

    /// What is left of the weight of something after `over`.
    fn weight(over: Duration, smoothing: Duration) -> f64 {
        let age = over.as_secs_f64() / smoothing.as_secs_f64().max(1e-9);
        (-age).exp()
    }
}

/// How many jobs come in a second.
#[derive(Clone, Debug, Default)]
struct Arrivals {
    average: Average,
    /// What came in over the last few sights.
    recent: VecDeque<(u64, Duration)>,
}

/// A rate is believed when it was seen about so often in a row.
const RECENT: usize = 5;
/// So many jobs in one sight are chance, and not a burst.
const BY_CHANCE: f64 = 3.0;

impl Arrivals {
    fn take(&mut self, arrived: u64, over: Duration, smoothing: Duration) {
        let over_s = over.as_secs_f64();
        let jobs = self
            .recent
            .iter()
            .map(|(jobs, _)| *jobs as f64)
            .sum::<f64>();
        let time: Duration = self.recent.iter().map(|(_, over)| *over).sum();
        let recent_per_s = jobs / time.as_secs_f64().max(over_s);
        let believed = 2.0 * recent_per_s + BY_CHANCE / over_s;
        let rate = arrived as f64 / over_s;
        self.average.take(rate.min(believed), over, smoothing);
        self.recent.push_back((arrived, over));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }
}

/// How long jobs take: each job counts the same, and less with its age.
#[derive(Clone, Copy, Debug)]
struct Service {
    total_s: f64,
    jobs: f64,
}

/// What jobs take changes more slowly than how many there are, and is more a matter of chance.
const SERVICE_SMOOTHING: u32 = 4;
/// What is assumed counts as much as so many jobs.
const ASSUMED_JOBS: f64 = 2.0;
/// The mean of nothing is what it was before.
const LEAST_JOBS: f64 = 1e-3;

impl Service {
    fn assumed(each: Duration) -> Self {
        Self {
            total_s: each.as_secs_f64() * ASSUMED_JOBS,
            jobs: ASSUMED_JOBS,
        }
    }

    fn take(&mut self, sight: &Sight, over: Duration, smoothing: Duration) {
        let fade = Average::weight(over, smoothing);
        if self.jobs * fade > LEAST_JOBS {
            self.total_s *= fade;
            self.jobs *= fade;
        }
        self.total_s += sight.service.as_secs_f64();
        self.jobs += sight.served as f64;
    }

    fn mean_s(self) -> f64 {
        self.total_s / self.jobs
    }
}

/// How many jobs have to run at once: λ·S + Q·S/T.
#[must_use]
pub fn need(arrivals_per_s: f64, service_s: f64, backlog: u64, drain: Duration) -> f64 {
    let drain_s = drain.as_secs_f64().max(1e-3);
    arrivals_per_s * service_s + backlog as f64 * service_s / drain_s
}

impl Autoscaler {
    /// Begins with the fewest workers.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let max = rules.max.max(rules.min).max(1);
        let slots = rules.slots.max(1);
        Self {
            rules: Rules {
                max,
                slots,
                ..rules
            },
            last: None,
            arrivals: Arrivals::default(),
            service: Service::assumed(rules.assumed_service),
            floors: VecDeque::new(),
            need: 0.0,
            workers: rules.min,
        }
    }

    /// How many workers there should be now.
    #[must_use]
    pub fn workers(&self) -> u32 {
        self.workers
    }

    /// How many jobs have to run at once, as of the last sight: for who decides about workers himself.
    #[must_use]
    pub fn need(&self) -> f64 {
        self.need
    }

    /// Takes in what was seen, and answers how many workers there should be. What is older than what was seen before is left
    /// out. The first sight begins the count.
    pub fn observe(&mut self, sight: &Sight) -> u32 {
        let last = *self.last.get_or_insert(sight.at);
        let Some(over) = sight.at.checked_sub(last) else {
            return self.workers;
        };
        self.last = Some(sight.at);
        self.average(sight, over);
        let (per_s, service_s) = (self.arrivals.average.0, self.service.mean_s());
        let need = need(per_s, service_s, sight.backlog, self.rules.drain);
        self.need = need;
        let floor = self.workers_for(need * (1.0 + self.rules.spare));
        let floor = self.highest_floor(sight.at, floor);
        // What runs keeps workers and starts none: it has those that it runs on.
        let busy = self.workers_for(sight.in_flight as f64);
        let kept = self.workers.min(floor.max(busy));
        self.workers = self.workers_for(need).max(kept);
        self.workers
    }

    fn average(&mut self, sight: &Sight, over: Duration) {
        if !over.is_zero() {
            self.arrivals
                .take(sight.arrived, over, self.rules.smoothing);
        }
        self.service
            .take(sight, over, self.rules.smoothing * SERVICE_SMOOTHING);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float stops at the ends of its numbers"
    )]
    fn workers_for(&self, jobs_at_once: f64) -> u32 {
        let workers = (jobs_at_once / f64::from(self.rules.slots)).ceil() as u32;
        workers.clamp(self.rules.min, self.rules.max)
    }

    /// The highest number of the last while that a moment would have stopped at. Before a while has passed nothing is stopped.
    fn highest_floor(&mut self, now: Duration, floor: u32) -> u32 {
        if self.floors.is_empty() {
            self.floors.push_back((now, self.rules.max));
        }
        while self.floors.back().is_some_and(|(_, seen)| *seen <= floor) {
            self.floors.pop_back();
        }
        self.floors.push_back((now, floor));
        let over = |at: &Duration| now.saturating_sub(*at) > self.rules.calm;
        while self.floors.len() > 1 && self.floors.front().is_some_and(|(at, _)| over(at)) {
            self.floors.pop_front();
        }
        self.floors.front().map_or(floor, |(_, floor)| *floor)
    }
}

#[cfg(test)]
mod tests;
