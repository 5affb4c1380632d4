use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_jobs::port::{
    Cancelled, Capabilities, Claim, Figures, Filter, Heartbeat, Holder, Page, Passed, Port, Pulse,
    Replay, Replayed, RescueRules, Rescued, Retention, Sample, Verdict,
};
use stanchion_jobs::{
    Claimed, Enqueued, Fence, JobId, JobRow, Kind, NewJob, Queue, Settlement, Worker,
};
use stanchion_kernel::Timestamp;
use stanchion_store::{Listener, StoreError, Tx};

/// A broker that cannot be reached for some calls, or refuses a job.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: Arc<dyn Port>,
    /// How many more claims fail.
    pub(crate) claims: AtomicU32,
    /// How many more calls to settle fail.
    pub(crate) settles: AtomicU32,
    /// Whose end is refused, always.
    pub(crate) refused: Mutex<Option<JobId>>,
    /// How many more calls to settle fail after the first one that was refused.
    pub(crate) after_refusal: AtomicU32,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Port>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            claims: AtomicU32::new(0),
            settles: AtomicU32::new(0),
            refused: Mutex::default(),
            after_refusal: AtomicU32::new(0),
        })
    }
}

fn fails(left: &AtomicU32) -> Result<(), StoreError> {
    let taken = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    });
    match taken {
        Ok(_) => Err(StoreError::Unavailable("it was cut off".to_owned())),
        Err(_) => Ok(()),
    }
}

#[async_trait]
impl Port for Faulty {
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        fails(&self.claims)?;
        self.inner.claim(claim).await
    }

    async fn settle(
        &self,
        tx: Option<&mut Tx>,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Verdict>, StoreError> {
        fails(&self.settles)?;
        let refused = *self.refused.lock().unwrap();
        if settlements.iter().any(|one| Some(one.fence.job) == refused) {
            let more = self.after_refusal.swap(0, Ordering::SeqCst);
            self.settles.fetch_add(more, Ordering::SeqCst);
            return Err(StoreError::Database("no such thing".to_owned()));
        }
        self.inner.settle(tx, settlements).await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn listen(&self) -> Listener {
        self.inner.listen()
    }

    async fn enqueue(
        &self,
        tx: Option<&mut Tx>,
        jobs: Vec<NewJob>,
    ) -> Result<Vec<Enqueued>, StoreError> {
        self.inner.enqueue(tx, jobs).await
    }

    async fn has_suspects(&self, queues: Vec<Queue>) -> Result<bool, StoreError> {
        self.inner.has_suspects(queues).await
    }

    async fn claim_alone(
        &self,
        queues: Vec<Queue>,
        holder: Holder,
    ) -> Result<Option<Claimed>, StoreError> {
        self.inner.claim_alone(queues, holder).await
    }

    async fn start(&self, fences: Vec<Fence>) -> Result<Vec<Verdict>, StoreError> {
        self.inner.start(fences).await
    }

    async fn renew(
        &self,
        beats: Vec<Heartbeat>,
        lease: Duration,
    ) -> Result<Vec<Pulse>, StoreError> {
        self.inner.renew(beats, lease).await
    }

    async fn hold(&self, tx: &mut Tx, fence: Fence) -> Result<Verdict, StoreError> {
        self.inner.hold(tx, fence).await
    }

    async fn rescue(&self, rules: RescueRules, limit: u32) -> Result<Vec<Rescued>, StoreError> {
        self.inner.rescue(rules, limit).await
    }

    async fn prolong(&self, lease: Duration, limit: u32) -> Result<u64, StoreError> {
        self.inner.prolong(lease, limit).await
    }

    async fn recall(&self, limit: u32) -> Result<u64, StoreError> {
        self.inner.recall(limit).await
    }

    async fn unpark(
        &self,
        queues: Vec<Queue>,
        kinds: Vec<Kind>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.inner.unpark(queues, kinds, limit).await
    }

    async fn cancel(&self, id: JobId) -> Result<Cancelled, StoreError> {
        self.inner.cancel(id).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRow>, StoreError> {
        self.inner.job(id).await
    }

    async fn jobs(
        &self,
        filter: Filter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.inner.jobs(filter, before, limit).await
    }

    async fn figures(&self, count_to: u32) -> Result<Vec<Figures>, StoreError> {
        self.inner.figures(count_to).await
    }

    async fn recent(&self, limit: u32) -> Result<Vec<Sample>, StoreError> {
        self.inner.recent(limit).await
    }

    async fn passed(
        &self,
        since: Timestamp,
        until: Timestamp,
        count_to: u32,
    ) -> Result<Vec<Passed>, StoreError> {
        self.inner.passed(since, until, count_to).await
    }

    async fn holders(&self) -> Result<Vec<(Worker, u64)>, StoreError> {
        self.inner.holders().await
    }

    async fn replay(&self, replay: Replay, limit: u32) -> Result<Replayed, StoreError> {
        self.inner.replay(replay, limit).await
    }

    async fn prune(&self, keep: Retention, limit: u32) -> Result<u64, StoreError> {
        self.inner.prune(keep, limit).await
    }

    async fn fire(
        &self,
        schedule: &str,
        tick: Timestamp,
        job: NewJob,
    ) -> Result<Option<Enqueued>, StoreError> {
        self.inner.fire(schedule, tick, job).await
    }

    async fn last_fired(&self, schedule: &str, begin: Timestamp) -> Result<Timestamp, StoreError> {
        self.inner.last_fired(schedule, begin).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.inner.now().await
    }
}
