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
];
