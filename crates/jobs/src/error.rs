use stanchion_store::StoreError;

use crate::model::{JobId, MAX_ARGS_BYTES, MAX_NAME, MAX_WORKER};

/// What can go wrong with a call of the queue. Nothing has changed then, except with an unknown commit
/// ([`StoreError::CommitUnknown`]), which may have happened: the job's id tells.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobsError {
    /// What was asked for means nothing.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such job, or its history is forgotten.
    #[error("there is no job {0}")]
    NoJob(JobId),
    /// The job is another's, or has ended: who asks holds an old lease.
    #[error("the lease of job {0} is lost")]
    Lost(JobId),
    /// As many orders wait for jobs as may; another one may come later.
    #[error("too many workers wait for jobs")]
    Crowded,
    /// The thread that renews a worker's leases is not there.
    #[error("the thread that renews leases is not there: {0}")]
    Thread(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a call said that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// No queue is called so.
    #[error(
        "a queue's name has 1 to {MAX_NAME} of a-z, 0-9, `-`, `_` and `.`, beginning with a letter"
    )]
    Queue,
    /// No kind is called so.
    #[error(
        "a kind's name has 1 to {MAX_NAME} of a-z, 0-9, `-`, `_` and `.`, beginning with a letter"
    )]
    Kind,
    /// No worker is called so.
    #[error("a worker's name has 1 to {MAX_WORKER} printable ASCII characters")]
    Worker,
    /// There is no such priority.
    #[error("a priority is 0, the most urgent, to 9")]
    Priority,
    /// The arguments are no JSON.
    #[error("the arguments are no JSON: {0}")]
    Args(String),
    /// The arguments are too large.
    #[error(
        "the arguments have {bytes} bytes, and may have {MAX_ARGS_BYTES}: put what is large into the object store, and \
         its key into the arguments"
    )]
    ArgsTooLarge {
        /// What they have.
        bytes: usize,
    },
    /// One call enqueues too many jobs.
    #[error("one call enqueues 10000 jobs at most")]
    Bulk,
    /// A worker without a queue has nothing to do.
    #[error("a worker works on one queue at least")]
    NoQueue,
    /// The policy is out of bounds.
    #[error("a job's policy: {0}")]
    Policy(&'static str),
    /// The moment to run at is out of bounds.
    #[error("a job runs between 1970 and 2999, and within ten years when a delay says so")]
    RunAt,
    /// The text is no cron expression.
    #[error("not a cron expression of five fields in UTC: {0}")]
    Cron(String),
    /// The field is no `traceparent` of version 00.
    #[error("not a W3C traceparent of version 00")]
    Traceparent,
}
