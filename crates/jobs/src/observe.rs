//! What is measured.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::fleet::Workers;
use crate::model::{Claimed, Outcome, Priority, Queue, Reason};
use crate::port::{Figures, Rescued};
use crate::states::State;

/// The most queues that are shown by their names. Whoever may enqueue jobs makes queues, and what is shown once stays in memory.
const NAMES: usize = 100;
/// What all others are shown as, together: no queue has such a name.
const OTHERS: &str = "(other)";

/// What calls of the broker are for.
const CALLS: [&str; 13] = [
    "claim",
    "claim_alone",
    "figures",
    "fire",
    "grace",
    "prune",
    "recall",
    "renew",
    "rescue",
    "settle",
    "start",
    "suspects",
    "unpark",
];

/// Why attempts are made again.
const RETRIED: [Reason; 5] = [
    Reason::Error,
    Reason::Panic,
    Reason::Timeout,
    Reason::OutOfMemory,
    Reason::Crash,
];

/// Counters of what is rare: one that appears with its first event hides that event from `rate()`.
pub(crate) fn worker() {
    for call in CALLS {
        counter!("stanchion_jobs_failures_total", "call" => call).increment(0);
    }
    for reason in RETRIED {
        counter!("stanchion_jobs_retries_total", "reason" => reason.as_str()).increment(0);
    }
}

/// `stanchion_jobs_failures_total`: calls of the broker that failed, by what they were for.
pub(crate) fn failed(what: &'static str) {
    counter!("stanchion_jobs_failures_total", "call" => what).increment(1);
}

/// `stanchion_jobs_claim_seconds`: how long claims take; `stanchion_jobs_claim_jobs`: how many jobs they give;
/// `stanchion_jobs_wait_seconds`: how long jobs could have been claimed before they were.
pub(crate) fn claimed(took: Duration, jobs: &[Claimed]) {
    histogram!("stanchion_jobs_claim_seconds").record(took);
    let count = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
    histogram!("stanchion_jobs_claim_jobs").record(f64::from(count));
    for job in jobs {
        let wait = job.claimed_at.since(job.run_at);
        histogram!(
            "stanchion_jobs_wait_seconds",
            &labels(&job.queue, job.priority)
        )
        .record(wait);
    }
}

/// `stanchion_jobs_ended_total`: attempts by how they ended; `stanchion_jobs_retries_total` and
/// `stanchion_jobs_dead_total`: those that failed, by reason; `stanchion_jobs_run_seconds`: how long handlers took;
/// `stanchion_jobs_end_to_end_seconds`: from the enqueue to the end of completed jobs.
pub(crate) fn settled(
    job: &Claimed,
    outcome: &Outcome,
    ran: Option<Duration>,
    since_claim: Duration,
) {
    let labels = labels(&job.queue, job.priority);
    counter!("stanchion_jobs_ended_total", "event" => outcome.event().as_str()).increment(1);
    if let Some(ran) = ran {
        histogram!("stanchion_jobs_run_seconds", &labels).record(ran);
    }
    match outcome {
        Outcome::Completed => {
            let whole = job.claimed_at.since(job.created_at) + since_claim;
            histogram!("stanchion_jobs_end_to_end_seconds", &labels).record(whole);
        }
        Outcome::Retry { reason, .. } => {
            counter!("stanchion_jobs_retries_total", "reason" => reason.as_str()).increment(1);
        }
        Outcome::Dead { reason, .. } => dead(&job.queue, *reason),
        Outcome::Snooze { .. } | Outcome::GiveBack | Outcome::Park | Outcome::Cancelled => {}
    }
}

fn dead(queue: &Queue, reason: Reason) {
    let queue = SHOWN.name(queue);
    let reason = reason.as_str();
    counter!("stanchion_jobs_dead_total", "queue" => queue, "reason" => reason).increment(1);
}

/// `stanchion_jobs_lease_losses_total`: jobs whose lease was lost, by who saw it: the holder, or who took it from one.
pub(crate) fn lost(job: &Claimed) {
    let queue = SHOWN.name(&job.queue);
    counter!("stanchion_jobs_lease_losses_total", "queue" => queue, "seen_by" => "holder")
        .increment(1);
}

/// As [`lost`], and the dead letters among what was rescued.
pub(crate) fn rescued(jobs: &[Rescued]) {
    for job in jobs {
        let queue = SHOWN.name(&job.queue);
        counter!("stanchion_jobs_lease_losses_total", "queue" => queue, "seen_by" => "rescuer")
            .increment(1);
        if let (State::Dead, Some(reason)) = (job.state, job.reason) {
            dead(&job.queue, reason);
        }
    }
}

/// `stanchion_jobs_forgotten_total`: ended jobs whose history was deleted.
pub(crate) fn forgotten(jobs: u64) {
    counter!("stanchion_jobs_forgotten_total").increment(jobs);
}

/// `stanchion_jobs_ticks_total`: ticks of schedules that were fired here.
pub(crate) fn fired() {
    counter!("stanchion_jobs_ticks_total").increment(1);
}

/// As [`worker`], of a fleet.
pub(crate) fn fleet() {
    for call in ["look", "holders"] {
        counter!("stanchion_jobs_failures_total", "call" => call).increment(0);
    }
    for how in ["died", "killed", "not_started"] {
        counter!("stanchion_jobs_worker_deaths_total", "how" => how).increment(0);
    }
}

/// `stanchion_jobs_worker_deaths_total`: worker processes that did not end as they should, by how: died by themselves, killed
/// after they were told to stop in vain, not started.
pub(crate) fn died(how: &'static str) {
    counter!("stanchion_jobs_worker_deaths_total", "how" => how).increment(1);
}

/// `stanchion_jobs_workers`: the worker processes of this fleet, by state.
pub(crate) fn workers(workers: Workers) {
    let states = [
        ("wanted", workers.wanted),
        ("running", workers.running),
        ("draining", workers.draining),
    ];
    for (state, count) in states {
        gauge!("stanchion_jobs_workers", "state" => state).set(f64::from(count));
    }
}

/// The queues that are shown by their names: the first that there were.
#[derive(Debug, Default)]
struct Names(RwLock<HashSet<Queue>>);

/// Those of this process.
static SHOWN: LazyLock<Arc<Names>> = LazyLock::new(Arc::default);

impl Names {
    fn name(&self, queue: &Queue) -> String {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (is_known, is_full) = (known.contains(queue), known.len() >= NAMES);
        drop(known);
        if is_known {
            return queue.as_str().to_owned();
        }
        if is_full {
            return OTHERS.to_owned();
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < NAMES {
            known.insert(queue.clone());
        }
        let is_known = known.contains(queue);
        if is_known { queue.as_str() } else { OTHERS }.to_owned()
    }
}

/// A queue, as it is shown, at a priority.
type Lane = (String, Priority);

/// The lanes whose gauges were shown last.
#[derive(Debug)]
pub(crate) struct Lanes {
    names: Arc<Names>,
    shown: HashSet<Lane>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self::of(Arc::clone(&SHOWN))
    }
}

impl Lanes {
    fn of(names: Arc<Names>) -> Self {
        Self {
            names,
            shown: HashSet::new(),
        }
    }

    /// `stanchion_jobs_backlog`, `stanchion_jobs_oldest_age_seconds`, `stanchion_jobs_scheduled`, `stanchion_jobs_in_flight`
    /// and `stanchion_jobs_parked`, by queue and priority. What has nothing any more is shown as nothing.
    pub(crate) fn show(&mut self, figures: &[Figures]) {
        let mut lanes: HashMap<Lane, [f64; 5]> = HashMap::new();
        for figures in figures {
            let lane = (self.names.name(&figures.queue), figures.priority);
            let [backlog, oldest_age, scheduled, in_flight, parked] =
                lanes.entry(lane).or_default();
            *backlog += figures.backlog as f64;
            *oldest_age = oldest_age.max(figures.oldest_age.as_secs_f64());
            *scheduled += figures.scheduled as f64;
            *in_flight += figures.in_flight as f64;
            *parked += figures.parked as f64;
        }
        for (queue, priority) in self.shown.iter().filter(|lane| !lanes.contains_key(*lane)) {
            gauges(queue, *priority, [0.0; 5]);
        }
        for ((queue, priority), values) in &lanes {
            gauges(queue, *priority, *values);
        }
        self.shown = lanes.into_keys().collect();
    }
}

const GAUGES: [&str; 5] = [
    "stanchion_jobs_backlog",
    "stanchion_jobs_oldest_age_seconds",
    "stanchion_jobs_scheduled",
    "stanchion_jobs_in_flight",
    "stanchion_jobs_parked",
];

fn gauges(queue: &str, priority: Priority, values: [f64; 5]) {
    let labels = labeled(queue.to_owned(), priority);
    for (name, value) in GAUGES.into_iter().zip(values) {
        gauge!(name, &labels).set(value);
    }
}

fn labels(queue: &Queue, priority: Priority) -> [(&'static str, String); 2] {
    labeled(SHOWN.name(queue), priority)
}

fn labeled(queue: String, priority: Priority) -> [(&'static str, String); 2] {
    [("queue", queue), ("priority", priority.to_string())]
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn figures(name: &str, backlog: u64) -> Figures {
        Figures {
            queue: Queue::new(name).unwrap(),
            priority: Priority::NORMAL,
            backlog,
            oldest_age: Duration::from_secs(7),
            scheduled: 0,
            in_flight: 1,
            parked: 0,
        }
    }

    #[test]
    fn what_has_nothing_any_more_is_shown_as_nothing() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        let mut lanes = Lanes::of(Arc::default());
        metrics::with_local_recorder(&recorder, || {
            lanes.show(&[figures("a", 3), figures("b", 4)]);
        });
        assert!(
            shown
                .render()
                .contains(r#"stanchion_jobs_backlog{queue="a",priority="4"} 3"#)
        );
        assert!(
            shown
                .render()
                .contains(r#"stanchion_jobs_oldest_age_seconds{queue="b",priority="4"} 7"#)
        );
        metrics::with_local_recorder(&recorder, || lanes.show(&[figures("b", 5)]));
        let shown = shown.render();
        assert!(
            shown.contains(r#"stanchion_jobs_backlog{queue="a",priority="4"} 0"#),
            "{shown}"
        );
        assert!(
            shown.contains(r#"stanchion_jobs_backlog{queue="b",priority="4"} 5"#),
            "{shown}"
        );
    }

    #[test]
    fn queues_beyond_the_bound_are_shown_together() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let mut lanes = Lanes::of(Arc::default());
        let many: Vec<_> = (0..NAMES + 50)
            .map(|n| figures(&format!("q{n}"), 1))
            .collect();
        metrics::with_local_recorder(&recorder, || lanes.show(&many));
        let shown = recorder.handle().render();
        let backlogs = shown
            .lines()
            .filter(|line| line.starts_with("stanchion_jobs_backlog{"));
        assert_eq!(backlogs.count(), NAMES + 1);
        for figure in [
            r#"stanchion_jobs_backlog{queue="(other)",priority="4"} 50"#,
            r#"stanchion_jobs_oldest_age_seconds{queue="(other)",priority="4"} 7"#,
        ] {
            assert!(shown.contains(figure), "{shown}");
        }
    }
}
