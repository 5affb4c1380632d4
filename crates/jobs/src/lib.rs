#![doc = include_str!("../README.md")]

pub mod autoscale;
mod beat;
mod broker;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
pub mod cron;
pub mod desk;
mod ending;
mod error;
mod failure;
pub mod fleet;
mod handler;
mod jobs;
mod lanes;
pub mod load;
mod model;
mod observe;
mod pace;
pub mod port;
pub mod rescue;
mod schedule;
pub mod share;
pub mod standing;
pub mod states;
mod work;
mod worker;

pub use broker::Broker;
pub use context::Context;
pub use error::{Invalid, JobsError};
pub use failure::Failure;
pub use handler::{Handler, Handlers};
pub use jobs::{Jobs, MAX_BULK, MAX_PAGE};
pub use model::{
    Args, Attempt, Backoff, Claimed, Enqueued, Fence, InputHash, Jitter, JobId, JobRow, Kind,
    LeaseId, MAX_ARGS_BYTES, MAX_ATTEMPTS_KEPT, MAX_MESSAGE_CHARS, MAX_NAME, MAX_WORKER, NewJob,
    Outcome, Policy, Priority, Progress, Queue, Reason, RunAt, Settlement, Traceparent, Unique,
    UniqueScope, Worker,
};
pub use port::MIGRATIONS;
pub use schedule::Schedule;
pub use states::{Event, State};
pub use work::{Job, Weight};
pub use worker::{Adopt, Runner, Upkeep, WorkerConfig};
