use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_jobs::port::{
    Cancelled, Capabilities, Claim, Figures, Filter, Heartbeat, Holder, Page, Passed, Port, Pulse,
    Replay, Replayed, RescueRules, Rescued, Retention, Sample, Verdict, Which,
};
use stanchion_jobs::{
    Claimed, Enqueued, Fence, JobId, JobRow, Kind, NewJob, Outcome, Queue, Reason, Settlement,
    State, Worker,
};
use stanchion_kernel::Timestamp;
use stanchion_store::{Listener, Store, StoreError, Tx};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    CompletesWithoutFence,
    RescuesCompleted,
    AcknowledgesBeforeTheEffect,
    ForgetsAttempts,
    LosesDeadLetters,
    HoldsNothing,
    HoldsWithoutLock,
    ChargesShutdowns,
    NeverGivesUp,
    CondemnsNeighbours,
    MixesSuspects,
    FiresTwice,
    OwnTransaction,
    ForgetsUniqueness,
    IgnoresQuotas,
    HidesCancellations,
    NeverDry,
    StartsEverything,
    StartsSuspects,
    ForgetsTheEnded,
    HidesHolders,
    UnparksElsewhere,
}

/// What a wrong broker remembers: the true fence of each job, and jobs that it claimed.
#[derive(Debug, Default)]
struct Memory {
    fences: HashMap<JobId, Fence>,
    claimed: HashMap<JobId, Claimed>,
}

#[derive(Debug)]
pub(crate) struct Broken {
    inner: Arc<dyn Port>,
    store: Store,
    wrong: Wrong,
    memory: Mutex<Memory>,
}

impl Broken {
    pub(crate) fn new(inner: Arc<dyn Port>, store: Store, wrong: Wrong) -> Self {
        Self {
            inner,
            store,
            wrong,
            memory: Mutex::default(),
        }
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    /// Remembers what was claimed, and tells it as this broker does.
    fn told(&self, mut claimed: Vec<Claimed>) -> Vec<Claimed> {
        let mut memory = self.memory.lock().unwrap();
        for one in &mut claimed {
            memory.fences.insert(one.fence.job, one.fence);
            memory.claimed.insert(one.fence.job, one.clone());
            if self.is(Wrong::ForgetsAttempts) {
                one.fence.attempt = 1;
            }
        }
        claimed
    }

    /// The fence that holds, whatever the caller shows.
    fn current(&self, fence: Fence) -> Fence {
        let memory = self.memory.lock().unwrap();
        memory.fences.get(&fence.job).copied().unwrap_or(fence)
    }

    fn distorted(&self, mut settlement: Settlement) -> Settlement {
        let by_job = match self.wrong {
            Wrong::CompletesWithoutFence => settlement.outcome == Outcome::Completed,
            wrong => wrong == Wrong::ForgetsAttempts,
        };
        if by_job {
            settlement.fence = self.current(settlement.fence);
        }
        if self.is(Wrong::ChargesShutdowns) && settlement.outcome == Outcome::GiveBack {
            settlement.outcome = Outcome::Retry {
                after: Duration::ZERO,
                reason: Reason::Error,
                message: String::new(),
            };
        }
        settlement
    }

    /// Enqueues a completed job anew, as a rescuer does that looks at leases alone.
    async fn reopen(&self) -> Result<(), StoreError> {
        let claimed: Vec<Claimed> = {
            let memory = self.memory.lock().unwrap();
            memory.claimed.values().cloned().collect()
        };
        for one in claimed {
            let job = NewJob::new(
                JobId(stanchion_kernel::Uuid::from_u128(7)),
                one.kind,
                one.queue,
                one.args,
            );
            self.inner.enqueue(None, vec![job]).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Port for Broken {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn listen(&self) -> Listener {
        self.inner.listen()
    }

    async fn enqueue(
        &self,
        tx: Option<&mut Tx>,
        mut jobs: Vec<NewJob>,
    ) -> Result<Vec<Enqueued>, StoreError> {
        if self.is(Wrong::ForgetsUniqueness) {
            jobs.iter_mut().for_each(|job| job.unique = None);
        }
        let tx = tx.filter(|_| !self.is(Wrong::OwnTransaction));
        self.inner.enqueue(tx, jobs).await
    }

    async fn claim(&self, mut claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        match self.wrong {
            Wrong::IgnoresQuotas => {
                claim.quotas.iter_mut().for_each(|quota| quota.jobs += 3);
                claim.most += 3;
            }
            Wrong::StartsEverything => claim.starts = true,
            _ => {}
        }
        let (quotas, holder) = (claim.quotas.clone(), claim.holder.clone());
        let mut claimed = self.inner.claim(claim).await?;
        if self.is(Wrong::MixesSuspects) {
            let queues = quotas.into_iter().map(|quota| quota.queue).collect();
            claimed.extend(self.inner.claim_alone(queues, holder).await?);
        }
        Ok(self.told(claimed))
    }

    async fn has_suspects(&self, queues: Vec<Queue>) -> Result<bool, StoreError> {
        self.inner.has_suspects(queues).await
    }

    async fn claim_alone(
        &self,
        queues: Vec<Queue>,
        holder: Holder,
    ) -> Result<Option<Claimed>, StoreError> {
        let claimed = self.inner.claim_alone(queues, holder).await?;
        if self.is(Wrong::StartsSuspects) {
            let fences = claimed.iter().map(|one| one.fence).collect();
            self.inner.start(fences).await?;
        }
        Ok(self.told(claimed.into_iter().collect()).pop())
    }

    async fn start(&self, fences: Vec<Fence>) -> Result<Vec<Verdict>, StoreError> {
        self.inner.start(fences).await
    }

    async fn renew(
        &self,
        beats: Vec<Heartbeat>,
        lease: Duration,
    ) -> Result<Vec<Pulse>, StoreError> {
        let mut pulses = self.inner.renew(beats, lease).await?;
        if self.is(Wrong::HidesCancellations) {
            let hidden = |pulse: &mut Pulse| {
                if *pulse == Pulse::CancelRequested {
                    *pulse = Pulse::Held;
                }
            };
            pulses.iter_mut().for_each(hidden);
        }
        Ok(pulses)
    }

    async fn settle(
        &self,
        tx: Option<&mut Tx>,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Verdict>, StoreError> {
        let dies = |settlement: &Settlement| matches!(settlement.outcome, Outcome::Dead { .. });
        let settlements: Vec<Settlement> = settlements
            .into_iter()
            .map(|settlement| self.distorted(settlement))
            .collect();
        let apart = match self.wrong {
            Wrong::AcknowledgesBeforeTheEffect => true,
            // The message is taken from its queue first, and put among the dead letters with the caller's transaction.
            Wrong::LosesDeadLetters => settlements.iter().any(dies),
            _ => false,
        };
        let tx = tx.filter(|_| !apart);
        self.inner.settle(tx, settlements).await
    }

    async fn hold(&self, tx: &mut Tx, fence: Fence) -> Result<Verdict, StoreError> {
        match self.wrong {
            Wrong::HoldsNothing => Ok(Verdict::Held),
            Wrong::HoldsWithoutLock => {
                let mut elsewhere = self.store.begin().await?;
                let verdict = self.inner.hold(&mut elsewhere, fence).await;
                elsewhere.rollback().await?;
                verdict
            }
            _ => self.inner.hold(tx, fence).await,
        }
    }

    async fn prolong(&self, lease: Duration, limit: u32) -> Result<u64, StoreError> {
        self.inner.prolong(lease, limit).await
    }

    async fn rescue(&self, rules: RescueRules, limit: u32) -> Result<Vec<Rescued>, StoreError> {
        if self.is(Wrong::RescuesCompleted) {
            self.reopen().await?;
        }
        let rules = match self.wrong {
            Wrong::CondemnsNeighbours => RescueRules {
                crashes_to_condemn: 1,
                ..rules
            },
            _ => rules,
        };
        let mut rescued = self.inner.rescue(rules, limit).await?;
        for one in &mut rescued {
            let dead = one.state == State::Dead;
            if self.is(Wrong::NeverGivesUp) && dead {
                let replay = Replay {
                    which: Which::Ids(vec![one.fence.job]),
                    edit: None,
                    dry_run: false,
                };
                self.inner.replay(replay, 1).await?;
                (one.state, one.reason) = (State::Waiting, None);
            }
            // Whoever shared the process is as guilty as any.
            if self.is(Wrong::CondemnsNeighbours) && !dead {
                let holder = self
                    .memory
                    .lock()
                    .unwrap()
                    .claimed
                    .get(&one.fence.job)
                    .cloned();
                let job = holder.map(|claimed| claimed.fence.job);
                if let Some(id) = job {
                    self.inner.cancel(id).await?;
                }
            }
        }
        Ok(rescued)
    }

    async fn recall(&self, limit: u32) -> Result<u64, StoreError> {
        self.inner.recall(limit).await
    }

    async fn unpark(
        &self,
        mut queues: Vec<Queue>,
        kinds: Vec<Kind>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        if self.is(Wrong::UnparksElsewhere) {
            let figures = self.inner.figures(100).await?;
            queues = figures.into_iter().map(|one| one.queue).collect();
        }
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
        let mut passed = self.inner.passed(since, until, count_to).await?;
        if self.is(Wrong::ForgetsTheEnded) {
            // It counts what completed alone.
            passed.iter_mut().for_each(|one| one.cancelled = 0);
        }
        Ok(passed)
    }

    async fn holders(&self) -> Result<Vec<(Worker, u64)>, StoreError> {
        let mut holders = self.inner.holders().await?;
        if self.is(Wrong::HidesHolders) {
            holders.iter_mut().for_each(|(_, jobs)| *jobs = 1);
        }
        Ok(holders)
    }

    async fn replay(&self, mut replay: Replay, limit: u32) -> Result<Replayed, StoreError> {
        replay.dry_run &= !self.is(Wrong::NeverDry);
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
        if self.is(Wrong::FiresTwice) {
            return Ok(self.inner.enqueue(None, vec![job]).await?.first().copied());
        }
        self.inner.fire(schedule, tick, job).await
    }

    async fn last_fired(&self, schedule: &str, begin: Timestamp) -> Result<Timestamp, StoreError> {
        self.inner.last_fired(schedule, begin).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.inner.now().await
    }
}
