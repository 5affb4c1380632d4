#![doc = include_str!("../README.md")]

pub mod autoscale;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod cron;
mod error;
mod model;
pub mod port;
pub mod rescue;
pub mod share;
pub mod states;

pub use error::{Invalid, JobsError};
pub use model::{
    Args, Attempt, Backoff, Claimed, Enqueued, Fence, InputHash, Jitter, JobId, JobRow, Kind, LeaseId,
    MAX_ARGS_BYTES, MAX_ATTEMPTS_KEPT, MAX_MESSAGE_CHARS, MAX_NAME, MAX_WORKER, NewJob, Outcome,
    Policy, Priority, Progress, Queue, Reason, RunAt, Settlement, Traceparent, Unique, UniqueScope,
    Worker,
};
pub use port::MIGRATIONS;
pub use states::{Event, State};
