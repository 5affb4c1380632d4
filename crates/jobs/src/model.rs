//! The values of the queue.

mod args;
mod attempt;
mod claim;
mod id;
mod job;
mod name;
mod policy;
mod settlement;
mod trace;

pub use args::{Args, InputHash, MAX_ARGS_BYTES};
pub use attempt::{Attempt, MAX_ATTEMPTS_KEPT, MAX_MESSAGE_CHARS, Reason};
pub use claim::{Claimed, Fence};
pub use id::{JobId, LeaseId};
pub use job::{Enqueued, JobRow, NewJob, Progress, RunAt, Unique, UniqueScope};
pub use name::{Kind, MAX_NAME, MAX_WORKER, Priority, Queue, Worker};
pub use policy::{Backoff, Jitter, Policy};
pub use settlement::{Outcome, Settlement};
pub use trace::Traceparent;

pub(crate) use attempt::message;
