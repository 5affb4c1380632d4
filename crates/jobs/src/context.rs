use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stanchion_store::Tx;

use crate::beat::Beat;
use crate::error::JobsError;
use crate::model::{Claimed, Fence, JobId, Outcome, Progress, Settlement, Traceparent};
use crate::port::{Port, Verdict};

/// What a handler knows of the attempt that it is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    claimed: Claimed,
    port: Arc<dyn Port>,
    beat: Arc<Beat>,
    completed: AtomicBool,
}

impl Context {
    pub(crate) fn new(claimed: Claimed, port: Arc<dyn Port>, beat: Arc<Beat>) -> Self {
        Self(Arc::new(Inner {
            claimed,
            port,
            beat,
            completed: AtomicBool::new(false),
        }))
    }

    /// The job, as it was claimed.
    #[must_use]
    pub fn claimed(&self) -> &Claimed {
        &self.0.claimed
    }

    /// The job's id, the same in every attempt: the idempotency key for effects outside of the database.
    #[must_use]
    pub fn job_id(&self) -> JobId {
        self.0.claimed.fence.job
    }

    /// What the worker is known by as the holder of this attempt.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.0.claimed.fence
    }

    /// The number of the attempt, from 1. It also counts those that cost nothing.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.claimed.fence.attempt
    }

    /// Whether a failure of this attempt makes the job a dead letter.
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        let claimed = &self.0.claimed;
        claimed.failures.saturating_add(1) >= u32::from(claimed.policy.max_attempts)
    }

    /// Who enqueued the job, for the trace.
    #[must_use]
    pub fn traceparent(&self) -> Option<&Traceparent> {
        self.0.claimed.traceparent.as_ref()
    }

    /// Waits until the handler should end: somebody cancelled the job, its lease is lost, its time is over or the worker
    /// stops. A handler that does not end is dropped after a while, at its next `await`.
    pub async fn cancelled(&self) {
        self.0.beat.ended().await;
    }

    /// Whether the handler should end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.beat.asked().is_some()
    }

    /// Says how far the job is: 0 to 100 and a word to go with it. It is stored with the next renewal of the lease.
    pub fn progress(&self, percent: u8, message: &str) {
        self.0.beat.set_progress(Progress::new(percent, message));
    }

    /// Proves in a transaction that the lease is still held, and locks the job until it ends. Whatever is written in the
    /// transaction afterwards is written by the holder only.
    ///
    /// # Errors
    /// [`JobsError::Lost`], upon which nothing must be committed; the database's own.
    pub async fn hold(&self, tx: &mut Tx) -> Result<(), JobsError> {
        self.held(self.0.port.hold(tx, self.fence()).await?)
    }

    /// Completes the job in a transaction, so that it is done when what was written besides is, and only then. The
    /// handler commits and answers `Ok`.
    ///
    /// # Errors
    /// As for [`Context::hold`].
    pub async fn complete(&self, tx: &mut Tx) -> Result<(), JobsError> {
        let completed = Settlement {
            fence: self.fence(),
            outcome: Outcome::Completed,
        };
        let verdicts = self.0.port.settle(Some(tx), vec![completed]).await?;
        self.held(verdicts.first().copied().unwrap_or(Verdict::Lost))?;
        self.0.completed.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Whether the handler has completed the job in a transaction of its own, which may have failed.
    pub(crate) fn may_be_completed(&self) -> bool {
        self.0.completed.load(Ordering::SeqCst)
    }

    fn held(&self, verdict: Verdict) -> Result<(), JobsError> {
        match verdict {
            Verdict::Held => Ok(()),
            Verdict::Lost => Err(JobsError::Lost(self.job_id())),
        }
    }
}
