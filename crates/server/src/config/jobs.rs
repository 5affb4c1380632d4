use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::key::{Key, Kind};

/// `[jobs]`: the queue, the worker inside, and workers over HTTP.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsSection {
    /// What moves the jobs.
    pub broker: BrokerWord,
    /// For how long a job is leased.
    pub lease_ms: u64,
    /// How often leases are looked for that are over.
    pub scan_ms: u64,
    /// How often an idle worker looks for jobs when no hint comes.
    pub poll_ms: u64,
    /// Jobs that the worker inside runs at once.
    pub concurrency: usize,
    /// Processor time that they may need together.
    pub cpu_millis: u32,
    /// Memory that they may need together.
    pub memory_mb: u64,
    /// How long a stopping worker waits for its jobs.
    pub grace_ms: u64,
    /// What has waited for so long counts as one priority more urgent.
    pub ageing_seconds: u64,
    /// How many processes may die on an input.
    pub crashes_to_condemn: u32,
    /// How long completed and cancelled jobs are kept.
    pub keep_done_seconds: u64,
    /// How long dead letters are kept.
    pub keep_dead_seconds: u64,
    /// The longest that a claim over HTTP waits.
    pub claim_wait_ms: u64,
    /// Claims over HTTP that wait at once.
    pub max_waiting: usize,
    /// Whether a server works itself.
    pub inside: bool,
    /// Jobs that a worker runs at once, as the autoscaler counts.
    pub slots: u32,
    /// Within what time a backlog is to be worked off.
    pub drain_seconds: u64,
    /// For how long the need must have been lower before workers are stopped.
    pub calm_seconds: u64,
    /// Over what time arrivals are averaged.
    pub smoothing_seconds: u64,
    /// How much of the need must fit in besides after workers were stopped.
    pub spare_percent: u32,
    /// What a job is taken to need until one was served.
    pub assumed_service_ms: u64,
    /// How often the load is looked at.
    pub look_ms: u64,
    /// How much more time than its grace periods a worker process has.
    pub kill_margin_ms: u64,
    /// The first pause before a worker process is replaced.
    pub restart_first_ms: u64,
    /// The longest such pause.
    pub restart_longest_ms: u64,
    /// When a worker process was well.
    pub restart_well_seconds: u64,
    /// Where KEDA's external scaler listens.
    pub keda_listen: Option<SocketAddr>,
}

/// What moves the jobs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrokerWord {
    /// The database of `[database]`.
    Database,
}

impl Default for JobsSection {
    fn default() -> Self {
        Self {
            broker: BrokerWord::Database,
            lease_ms: 8_000,
            scan_ms: 2_000,
            poll_ms: 250,
            concurrency: 100,
            cpu_millis: 1_000,
            memory_mb: 1_024,
            grace_ms: 20_000,
            ageing_seconds: 60,
            crashes_to_condemn: 2,
            keep_done_seconds: 86_400,
            keep_dead_seconds: 2_592_000,
            claim_wait_ms: 10_000,
            max_waiting: 256,
            inside: true,
            slots: 1,
            drain_seconds: 60,
            calm_seconds: 60,
            smoothing_seconds: 30,
            spare_percent: 15,
            assumed_service_ms: 1_000,
            look_ms: 1_000,
            kill_margin_ms: 5_000,
            restart_first_ms: 500,
            restart_longest_ms: 30_000,
            restart_well_seconds: 60,
            keda_listen: None,
        }
    }
}

const fn between(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max }
}

const KEPT: Kind = between(60, 31_536_000);

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "jobs.broker",
        kind: Kind::Choice(&["database"]),
        about: "What moves the jobs: the database, in which they are in any case.",
    },
    Key {
        name: "jobs.lease_ms",
        kind: between(1_000, 600_000),
        about: "For how long a job is leased; with `scan_ms`, how late a dead worker's jobs are offered again.",
    },
    Key {
        name: "jobs.scan_ms",
        kind: between(100, 60_000),
        about: "How often every server looks for leases that are over.",
    },
    Key {
        name: "jobs.poll_ms",
        kind: between(10, 10_000),
        about: "How often an idle worker looks for jobs when nothing hints at one; how late a delayed job begins.",
    },
    Key {
        name: "jobs.concurrency",
        kind: between(1, 10_000),
        about: "Jobs that the worker inside runs at once.",
    },
    Key {
        name: "jobs.cpu_millis",
        kind: between(1, 1_000_000),
        about: "Processor time that those may need together, in thousandths of a core; one that needs more runs alone.",
    },
    Key {
        name: "jobs.memory_mb",
        kind: between(1, 1_048_576),
        about: "Memory that those may need together, in MB; one that needs more runs alone.",
    },
    Key {
        name: "jobs.grace_ms",
        kind: between(0, 600_000),
        about: "How long a stopping worker waits for its jobs before it gives them back.",
    },
    Key {
        name: "jobs.ageing_seconds",
        kind: between(1, 86_400),
        about: "What has waited for so long counts as one priority more urgent.",
    },
    Key {
        name: "jobs.crashes_to_condemn",
        kind: between(1, 100),
        about: "At how many dead processes an input is poison.",
    },
    Key {
        name: "jobs.keep_done_seconds",
        kind: KEPT,
        about: "How long completed and cancelled jobs are kept.",
    },
    Key {
        name: "jobs.keep_dead_seconds",
        kind: KEPT,
        about: "How long dead letters are kept.",
    },
    Key {
        name: "jobs.claim_wait_ms",
        kind: between(0, 60_000),
        about: "The longest that a claim over HTTP waits; three quarters of `server.request_timeout_ms` at most.",
    },
    Key {
        name: "jobs.max_waiting",
        kind: between(1, 100_000),
        about: "Claims over HTTP that wait at once; more get 503 with `Retry-After`.",
    },
    Key {
        name: "jobs.inside",
        kind: Kind::Boolean,
        about: "Whether `serve` works itself; if not, it still takes jobs from dead workers, forgets history and takes figures.",
    },
    Key {
        name: "jobs.slots",
        kind: between(1, 10_000),
        about: "Jobs that a worker runs at once, as the autoscaler counts.",
    },
    Key {
        name: "jobs.drain_seconds",
        kind: between(1, 86_400),
        about: "Within what time the autoscaler wants a backlog worked off.",
    },
    Key {
        name: "jobs.calm_seconds",
        kind: between(0, 86_400),
        about: "For how long the need must have been lower before workers are stopped.",
    },
    Key {
        name: "jobs.smoothing_seconds",
        kind: between(1, 3_600),
        about: "Over what time the autoscaler averages arrivals; times of jobs over four times as much.",
    },
    Key {
        name: "jobs.spare_percent",
        kind: between(0, 1_000),
        about: "How much of the need must fit in besides after workers were stopped.",
    },
    Key {
        name: "jobs.assumed_service_ms",
        kind: between(1, 86_400_000),
        about: "What a job is taken to need until one was served.",
    },
    Key {
        name: "jobs.look_ms",
        kind: between(100, 60_000),
        about: "How often the autoscaler looks at the load.",
    },
    Key {
        name: "jobs.kill_margin_ms",
        kind: between(0, 600_000),
        about: "After its grace periods a worker process that was told to stop has so much more time before it is killed.",
    },
    Key {
        name: "jobs.restart_first_ms",
        kind: between(10, 60_000),
        about: "The pause before a worker process that died is replaced; it doubles while it keeps dying.",
    },
    Key {
        name: "jobs.restart_longest_ms",
        kind: between(10, 3_600_000),
        about: "The longest such pause.",
    },
    Key {
        name: "jobs.restart_well_seconds",
        kind: between(1, 86_400),
        about: "A worker process that lived for so long was well: the pauses begin anew.",
    },
    Key {
        name: "jobs.keda_listen",
        kind: Kind::Address,
        about: "Where KEDA's external scaler listens, for gRPC without credentials; unset: nowhere.",
    },
];
