use std::time::Duration;

use crate::model::{Queue, Traceparent, Worker as Name};
use crate::port::{RescueRules, Retention};
use crate::work::Weight;

/// What a span is told about the trace of who enqueued the job.
pub type Adopt = fn(&tracing::Span, &Traceparent);

/// The settings of a worker.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// What people know it by.
    pub name: Name,
    /// The queues that it works on, each served as often as the others.
    pub queues: Vec<Queue>,
    /// The most jobs that run at once, 1 or more.
    pub concurrency: usize,
    /// What jobs that run at once may need together. A job that needs more than all of it runs with nothing beside it.
    pub capacity: Weight,
    /// For how long a job is leased. Its lease is renewed every quarter of that.
    pub lease: Duration,
    /// How often leases that are over are looked for: with the lease, the bound on how late a crashed worker's jobs are
    /// offered again. So often it is also looked for what claims passed by.
    pub scan: Duration,
    /// How often jobs are looked for when no hint comes; the bound on how late a delayed job begins on an idle worker.
    pub poll: Duration,
    /// For how long a busy worker collects free places before it claims again.
    pub linger: Duration,
    /// The most jobs whose ends are told in one call, 1 or more.
    pub settle_batch: usize,
    /// How long a stopping worker waits for its jobs before it gives them back.
    pub grace: Duration,
    /// How long a handler that was asked to end may take before it is dropped.
    pub cancel_grace: Duration,
    /// What has waited for so long counts as one priority more urgent.
    pub ageing: Duration,
    /// What decides about a job whose lease was lost.
    pub rules: RescueRules,
    /// For how long the history is kept.
    pub retention: Retention,
    /// How often history is forgotten, ticks are looked for, and figures are taken.
    pub upkeep: Upkeep,
    /// Joins the span of an attempt to the trace of who enqueued the job.
    pub adopt: Option<Adopt>,
}

/// How often a worker does what is not a job.
#[derive(Clone, Copy, Debug)]
pub struct Upkeep {
    /// Forgets history, and lets parked jobs wait again whose kinds are known.
    pub tidy: Duration,
    /// Looks whether a schedule's tick has come.
    pub ticks: Duration,
    /// Takes the figures of the queues.
    pub figures: Duration,
    /// Looks for suspects that wait to run alone; for so long they run one after the other, but for the last one.
    pub suspects: Duration,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            tidy: Duration::from_secs(30),
            ticks: Duration::from_secs(1),
            figures: Duration::from_secs(5),
            suspects: Duration::from_secs(1),
        }
    }
}

impl WorkerConfig {
    /// The defaults for a worker of this name on these queues: 100 jobs at once on one core and 1 GB, a lease of 8 s and
    /// a scan every 2 s.
    #[must_use]
    pub fn new(name: Name, queues: Vec<Queue>) -> Self {
        Self {
            name,
            queues,
            concurrency: 100,
            capacity: Weight {
                cpu_millis: 1000,
                memory_bytes: 1 << 30,
            },
            lease: Duration::from_secs(8),
            scan: Duration::from_secs(2),
            poll: Duration::from_millis(250),
            linger: Duration::from_millis(2),
            settle_batch: 500,
            grace: Duration::from_secs(20),
            cancel_grace: Duration::from_secs(5),
            ageing: Duration::from_mins(1),
            rules: RescueRules::default(),
            retention: Retention::default(),
            upkeep: Upkeep::default(),
            adopt: None,
        }
    }

    /// How often leases are renewed.
    pub(crate) fn renew_every(&self) -> Duration {
        self.lease / 4
    }
}
