use std::sync::Arc;

use stanchion_kernel::Ids;
use stanchion_store::Tx;

use crate::error::{Invalid, JobsError};
use crate::model::{Args, Enqueued, JobId, JobRow, Kind, NewJob, Queue, Traceparent, Unique};
use crate::port::{Cancelled, Figures, Filter, Page, Port, Replay, Replayed};
use crate::work::Job;

/// The most jobs that one call enqueues.
pub const MAX_BULK: usize = 10_000;
/// The most jobs that one call lists or replays.
pub const MAX_PAGE: u32 = 1000;

/// The queue, for who enqueues and looks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jobs {
    port: Arc<dyn Port>,
    ids: Ids,
}

impl Jobs {
    /// The queue of a broker.
    #[must_use]
    pub fn new(port: Arc<dyn Port>, ids: Ids) -> Self {
        Self { port, ids }
    }

    /// The broker.
    #[must_use]
    pub fn port(&self) -> &Arc<dyn Port> {
        &self.port
    }

    /// The id of a job to be made.
    #[must_use]
    pub fn next_id(&self) -> JobId {
        JobId(self.ids.next())
    }

    /// A job of a kind that is not enqueued yet: its moment, priority, queue and policy can still be changed.
    ///
    /// # Errors
    /// [`Invalid::Kind`] and [`Invalid::Queue`] for a kind that names none; [`Invalid::Args`], [`Invalid::ArgsTooLarge`].
    pub fn job<J: Job>(&self, args: &J::Args) -> Result<NewJob, Invalid> {
        new_job::<J>(self.next_id(), args)
    }

    /// As [`Jobs::job`], in the trace of who enqueues it.
    ///
    /// # Errors
    /// As for [`Jobs::job`].
    pub fn traced<J: Job>(
        &self,
        args: &J::Args,
        traceparent: Option<Traceparent>,
    ) -> Result<NewJob, Invalid> {
        let job = self.job::<J>(args)?;
        Ok(NewJob { traceparent, ..job })
    }

    /// Enqueues a job of a kind as the kind says.
    ///
    /// # Errors
    /// As for [`Jobs::job`] and [`Jobs::enqueue_all`].
    pub async fn enqueue<J: Job>(
        &self,
        tx: Option<&mut Tx>,
        args: &J::Args,
    ) -> Result<Enqueued, JobsError> {
        let job = self.job::<J>(args)?;
        let id = job.id;
        let enqueued = self.enqueue_all(tx, vec![job]).await?;
        Ok(enqueued.first().copied().unwrap_or(Enqueued::New(id)))
    }

    /// Enqueues up to [`MAX_BULK`] jobs, all or none, in the caller's transaction when there is one: then they are there
    /// when it commits, and only then. Answers in their order.
    ///
    /// # Errors
    /// [`JobsError::Invalid`], and then nothing is enqueued; the database's own.
    pub async fn enqueue_all(
        &self,
        tx: Option<&mut Tx>,
        jobs: Vec<NewJob>,
    ) -> Result<Vec<Enqueued>, JobsError> {
        if jobs.len() > MAX_BULK {
            return Err(Invalid::Bulk.into());
        }
        jobs.iter().try_for_each(NewJob::check)?;
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.port.enqueue(tx, jobs).await?)
    }

    /// A job, ended or not.
    ///
    /// # Errors
    /// [`JobsError::NoJob`]; the database's own.
    pub async fn status(&self, id: JobId) -> Result<JobRow, JobsError> {
        self.port.job(id).await?.ok_or(JobsError::NoJob(id))
    }

    /// A page of up to [`MAX_PAGE`] jobs, the newest first.
    ///
    /// # Errors
    /// The database's own.
    pub async fn list(
        &self,
        filter: Filter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Page, JobsError> {
        Ok(self.port.jobs(filter, before, limit.min(MAX_PAGE)).await?)
    }

    /// Asks for a job's end: at once when nobody holds it, otherwise its handler is asked.
    ///
    /// # Errors
    /// [`JobsError::NoJob`]; the database's own.
    pub async fn cancel(&self, id: JobId) -> Result<Cancelled, JobsError> {
        match self.port.cancel(id).await? {
            Cancelled::NoJob => Err(JobsError::NoJob(id)),
            cancelled => Ok(cancelled),
        }
    }

    /// Gives up to `limit` dead letters, at most [`MAX_PAGE`], another life. A caller that wants a rate calls again.
    ///
    /// # Errors
    /// The database's own.
    pub async fn replay(&self, replay: Replay, limit: u32) -> Result<Replayed, JobsError> {
        Ok(self.port.replay(replay, limit.min(MAX_PAGE)).await?)
    }

    /// How things stand, by queue and priority; backlogs are counted up to `count_to`.
    ///
    /// # Errors
    /// The database's own.
    pub async fn figures(&self, count_to: u32) -> Result<Vec<Figures>, JobsError> {
        Ok(self.port.figures(count_to).await?)
    }
}

/// A job of a kind, as the kind says.
pub(crate) fn new_job<J: Job>(id: JobId, args: &J::Args) -> Result<NewJob, Invalid> {
    let kind = Kind::new(J::KIND)?;
    let unique = J::unique(args).map(|(what, scope)| Unique {
        key: Unique::key(&kind, &what),
        scope,
    });
    let job = NewJob::new(id, kind, Queue::new(J::queue())?, Args::of(args)?);
    Ok(NewJob {
        input: J::input(args).unwrap_or(job.input),
        priority: J::priority(),
        policy: J::policy(),
        unique,
        ..job
    })
}
