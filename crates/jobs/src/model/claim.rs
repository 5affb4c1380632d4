use stanchion_kernel::Timestamp;

use super::{Args, InputHash, JobId, Kind, LeaseId, Policy, Priority, Queue, Traceparent};

/// The token by which the holder of a job is known. Every claim makes another one: whoever holds an older one changes
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    /// The job.
    pub job: JobId,
    /// The number of the attempt, from 1; it only grows, also over given-back attempts and replays.
    pub attempt: u32,
    /// The lease.
    pub lease: LeaseId,
}

/// A job in the hands of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What the worker shows with everything that it says about the job.
    pub fence: Fence,
    /// What to do.
    pub kind: Kind,
    /// The queue that it came from.
    pub queue: Queue,
    /// Its priority.
    pub priority: Priority,
    /// The arguments.
    pub args: Args,
    /// What it works on.
    pub input: InputHash,
    /// What it may cost.
    pub policy: Policy,
    /// How many attempts have failed so far.
    pub failures: u32,
    /// How often its lease was lost so far.
    pub lost_leases: u32,
    /// How often a process died on its input so far; more than none only for what is claimed to run alone.
    pub crashes: u32,
    /// Who enqueued it, for the trace.
    pub traceparent: Option<Traceparent>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// Since when it could have been claimed.
    pub run_at: Timestamp,
    /// When it was claimed, by the database's clock.
    pub claimed_at: Timestamp,
}
