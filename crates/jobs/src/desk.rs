//! Gives jobs to workers that are elsewhere, in whatever language, and hears from them how the attempts ended.

mod order;
mod report;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_store::StoreError;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

pub use order::{MAX_CLAIM, MAX_KINDS, Order};
pub use report::Report;

use crate::error::JobsError;
use crate::lanes;
use crate::model::{Claimed, Fence, JobRow, LeaseId, Outcome, Progress, Queue, Reason, Settlement};
use crate::observe;
use crate::port::{Claim, Heartbeat, Holder, Port, Pulse, RescueRules, Verdict};
use crate::share::Shares;
use crate::states::State;

/// The most claims in a row for one order: each of them finds lanes empty that were not.
const ROUNDS: usize = 10;
/// The most queues whose shares are remembered; for one more, another one's begin anew.
const QUEUES: usize = 1000;
/// The most parked jobs that one order lets wait again.
const UNPARKED: u32 = 1000;

/// The settings of a desk.
#[derive(Clone, Debug)]
pub struct DeskConfig {
    /// For how long a job is leased when its worker does not say.
    pub lease: Duration,
    /// How often a waiting order looks for jobs when no hint comes.
    pub poll: Duration,
    /// The longest that an order waits.
    pub longest_wait: Duration,
    /// The most orders that wait at once.
    pub max_waiting: usize,
    /// What has waited for so long counts as one priority more urgent.
    pub ageing: Duration,
    /// What decides about an input that processes died on.
    pub rules: RescueRules,
}

impl Default for DeskConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(8),
            poll: Duration::from_secs(1),
            longest_wait: Duration::from_secs(10),
            max_waiting: 256,
            ageing: Duration::from_mins(1),
            rules: RescueRules::default(),
        }
    }
}

/// Where workers of other processes get their jobs. What it says about shares, retries and poison is what a
/// [`Runner`](crate::Runner) does. Leases that are over are for a runner to take back. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    port: Arc<dyn Port>,
    config: DeskConfig,
    shares: Mutex<HashMap<Queue, Shares>>,
    waiting: Semaphore,
    stop: CancellationToken,
    clock: Clock,
    entropy: Entropy,
    ids: Ids,
}

impl Desk {
    /// A desk over a broker. Once `stop` is given, no order waits any more.
    #[must_use]
    pub fn new(
        port: Arc<dyn Port>,
        config: DeskConfig,
        clock: Clock,
        entropy: Entropy,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            port,
            shares: Mutex::default(),
            waiting: Semaphore::new(config.max_waiting),
            config,
            stop,
            ids: Ids::new(clock.clone(), entropy.clone()),
            clock,
            entropy,
        }))
    }

    /// For how long a job is leased when its worker does not say.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.0.config.lease
    }

    /// Claims jobs, waiting for the first of them as long as the order says. The jobs have started: when nothing is heard
    /// of them any more, their inputs are suspects. What was claimed for a caller that has gone is given back, which costs
    /// no attempt.
    ///
    /// # Errors
    /// [`JobsError::Crowded`] when too many orders wait; the database's own.
    pub async fn claim(&self, order: Order) -> Result<Vec<Claimed>, JobsError> {
        let (mut answer, claimed) = oneshot::channel();
        let desk = self.clone();
        let finding = async move {
            let found = desk.find(&order, &mut answer).await;
            if let Err(Ok(unheard)) = answer.send(found) {
                desk.give_back(unheard).await;
            }
        };
        tokio::spawn(finding.in_current_span());
        let lost = || StoreError::Unavailable("the claim ended early".to_owned());
        claimed.await.unwrap_or_else(|_| Err(lost().into()))
    }

    /// A sign of life: prolongs the lease to so long from now, and stores progress. A worker whose attempt has taken longer
    /// than the policy allows has lost its lease: the attempt ends as a timeout.
    ///
    /// # Errors
    /// [`JobsError::NoJob`], [`JobsError::Lost`]; the database's own.
    pub async fn heartbeat(
        &self,
        fence: Fence,
        progress: Option<Progress>,
        lease: Option<Duration>,
    ) -> Result<Pulse, JobsError> {
        let row = self.held(fence).await?;
        if self.is_overdue(&row).await? {
            self.settle(&row, fence, Report::TimedOut).await?;
            return Err(JobsError::Lost(fence.job));
        }
        let beat = Heartbeat { fence, progress };
        let lease = lease.unwrap_or(self.0.config.lease);
        let pulses = self.0.port.renew(vec![beat], lease).await?;
        match pulses.first() {
            Some(Pulse::Lost) | None => Err(JobsError::Lost(fence.job)),
            Some(pulse) => Ok(*pulse),
        }
    }

    /// The job is done. Saying so again changes nothing and is answered alike.
    ///
    /// # Errors
    /// [`JobsError::NoJob`], [`JobsError::Lost`]; the database's own.
    pub async fn complete(&self, fence: Fence) -> Result<(), JobsError> {
        let row = self.row(fence).await?;
        if row.state == State::Completed && row.attempt == fence.attempt {
            return Ok(());
        }
        let claimed = claimed(&row, fence);
        let ran = self.ran(&claimed);
        self.settle_as(&claimed, Outcome::Completed, Some(ran))
            .await
    }

    /// The attempt ended without having done the job. Answers what became of it by its policy.
    ///
    /// # Errors
    /// [`JobsError::NoJob`], [`JobsError::Lost`]; the database's own.
    pub async fn fail(&self, fence: Fence, report: Report) -> Result<JobRow, JobsError> {
        let row = self.held(fence).await?;
        self.settle(&row, fence, report).await?;
        self.row(fence).await
    }

    async fn find(
        &self,
        order: &Order,
        answer: &mut oneshot::Sender<Result<Vec<Claimed>, JobsError>>,
    ) -> Result<Vec<Claimed>, JobsError> {
        let inner = &*self.0;
        let mut listener = inner.port.listen();
        let wait = order.wait.min(inner.config.longest_wait);
        let until = inner.clock.monotonic().saturating_add(wait);
        if !order.kinds.is_empty() {
            let (queues, kinds) = (vec![order.queue.clone()], order.kinds.clone());
            inner.port.unpark(queues, kinds, UNPARKED).await?;
        }
        let mut place = None;
        loop {
            let claimed = self.look(order).await?;
            let left = until.saturating_sub(inner.clock.monotonic());
            if !claimed.is_empty() || left.is_zero() || inner.stop.is_cancelled() {
                return Ok(claimed);
            }
            if place.is_none() {
                let free = inner.waiting.try_acquire();
                place = Some(free.map_err(|_| JobsError::Crowded)?);
            }
            tokio::select! {
                _ = listener.wait(left.min(inner.config.poll)) => {}
                () = inner.stop.cancelled() => {}
                () = answer.closed() => return Ok(Vec::new()),
            }
        }
    }

    /// What there is at this moment: a suspect by itself, when the worker has nothing else to do, or jobs by their shares.
    async fn look(&self, order: &Order) -> Result<Vec<Claimed>, JobsError> {
        if order.alone
            && let Some(suspect) = self.suspect(order).await?
        {
            return Ok(vec![suspect]);
        }
        let mut claimed = Vec::new();
        let mut left = order.most.min(MAX_CLAIM);
        for _ in 0..ROUNDS {
            if left == 0 {
                break;
            }
            match self.round(order, left).await {
                Ok((found, worth)) => {
                    claimed.extend(found);
                    left = worth;
                }
                // What the rounds before it gave is held by now.
                Err(_) if !claimed.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(claimed)
    }

    /// One claim; answers what it gave, and how many jobs it is worth asking for at once.
    async fn round(&self, order: &Order, most: u32) -> Result<(Vec<Claimed>, u32), StoreError> {
        let inner = &*self.0;
        let queues = std::slice::from_ref(&order.queue);
        let began = inner.clock.monotonic();
        let asked = self.shares(&order.queue, |shares| shares.ask(most, began));
        let claim = Claim {
            holder: self.holder(order),
            quotas: lanes::quotas(&asked, queues),
            most: asked.most,
            starts: true,
        };
        let claimed = inner.port.claim(claim).await?;
        let now = inner.clock.monotonic();
        observe::claimed(now.saturating_sub(began), &claimed);
        let taken: Vec<_> = claimed
            .iter()
            .filter_map(|job| lanes::taken(job, queues))
            .collect();
        let worth = self.shares(&order.queue, |shares| shares.took(&asked, &taken, now));
        let got = u32::try_from(claimed.len()).unwrap_or(u32::MAX);
        Ok((claimed, if got >= most { 0 } else { worth }))
    }

    /// A suspect, for a worker that runs nothing beside it. One that too many processes died on is not given out again.
    async fn suspect(&self, order: &Order) -> Result<Option<Claimed>, JobsError> {
        let inner = &*self.0;
        let queues = vec![order.queue.clone()];
        if !inner.port.has_suspects(queues.clone()).await? {
            return Ok(None);
        }
        for _ in 0..ROUNDS {
            let holder = self.holder(order);
            let Some(claimed) = inner.port.claim_alone(queues.clone(), holder).await? else {
                return Ok(None);
            };
            if claimed.crashes < inner.config.rules.crashes_to_condemn {
                match self.begin(&claimed).await? {
                    Verdict::Held => return Ok(Some(claimed)),
                    Verdict::Lost => continue,
                }
            }
            let outcome = Outcome::Dead {
                reason: Reason::Poison,
                message: format!("{} processes died on this input", claimed.crashes),
            };
            match self.settle_as(&claimed, outcome, None).await {
                Ok(()) | Err(JobsError::Lost(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Says that a suspect begins, since nothing more is heard of a worker elsewhere before it does. One of which that cannot be
    /// said is given back.
    async fn begin(&self, claimed: &Claimed) -> Result<Verdict, StoreError> {
        match self.0.port.start(vec![claimed.fence]).await {
            Ok(verdicts) => Ok(verdicts.first().copied().unwrap_or(Verdict::Lost)),
            Err(error) => {
                self.give_back(vec![claimed.clone()]).await;
                Err(error)
            }
        }
    }

    fn holder(&self, order: &Order) -> Holder {
        Holder {
            worker: order.worker.clone(),
            lease: LeaseId(self.0.ids.next()),
            lease_for: order.lease.unwrap_or(self.0.config.lease),
        }
    }

    /// Nobody waits for these any more.
    async fn give_back(&self, claimed: Vec<Claimed>) {
        if claimed.is_empty() {
            return;
        }
        let jobs = claimed.len();
        let settlements = claimed.into_iter().map(|job| Settlement {
            fence: job.fence,
            outcome: Outcome::GiveBack,
        });
        if let Err(error) = self.0.port.settle(None, settlements.collect()).await {
            observe::failed("settle");
            tracing::warn!(%error, jobs, "jobs whose worker has gone will be rescued");
        }
    }

    fn shares<T>(&self, queue: &Queue, use_them: impl FnOnce(&mut Shares) -> T) -> T {
        let fresh = || Shares::new(1, self.0.config.ageing);
        let mut all = self.0.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= QUEUES && !all.contains_key(queue) {
            // Any of them: whoever names ever new queues must not take its shares from the next one.
            let forgotten = all.keys().next().cloned();
            forgotten.and_then(|forgotten| all.remove(&forgotten));
        }
        use_them(all.entry(queue.clone()).or_insert_with(fresh))
    }

    async fn row(&self, fence: Fence) -> Result<JobRow, JobsError> {
        let row = self.0.port.job(fence.job).await?;
        row.ok_or(JobsError::NoJob(fence.job))
    }

    /// The job, as far as the number of its attempt tells that it is held. The lease is proved by the change itself.
    async fn held(&self, fence: Fence) -> Result<JobRow, JobsError> {
        let row = self.row(fence).await?;
        if row.state == State::Running && row.attempt == fence.attempt {
            Ok(row)
        } else {
            Err(JobsError::Lost(fence.job))
        }
    }

    /// Whether the attempt has taken longer than it may, by the database's clock.
    async fn is_overdue(&self, row: &JobRow) -> Result<bool, JobsError> {
        let Some(started_at) = row.started_at else {
            return Ok(false);
        };
        let now = self.0.port.now().await?;
        Ok(now.since(started_at) >= row.policy.timeout)
    }

    async fn settle(&self, row: &JobRow, fence: Fence, report: Report) -> Result<(), JobsError> {
        let random = u64::from_le_bytes(self.0.entropy.bytes());
        let claimed = claimed(row, fence);
        let outcome = report.outcome(&claimed, self.0.config.rules, random);
        let ran = self.ran(&claimed);
        self.settle_as(&claimed, outcome, Some(ran)).await
    }

    async fn settle_as(
        &self,
        claimed: &Claimed,
        outcome: Outcome,
        ran: Option<Duration>,
    ) -> Result<(), JobsError> {
        let settlement = Settlement {
            fence: claimed.fence,
            outcome: outcome.clone(),
        };
        let verdicts = self.0.port.settle(None, vec![settlement]).await?;
        if verdicts.first() != Some(&Verdict::Held) {
            observe::lost(claimed);
            return Err(JobsError::Lost(claimed.fence.job));
        }
        observe::settled(claimed, &outcome, ran, ran.unwrap_or_default());
        Ok(())
    }

    /// How long the attempt has taken, for the metrics.
    fn ran(&self, claimed: &Claimed) -> Duration {
        self.0.clock.now().since(claimed.claimed_at)
    }
}

/// The job as its worker got it, but for what processes died on its input, which is counted where attempts end.
fn claimed(row: &JobRow, fence: Fence) -> Claimed {
    Claimed {
        fence,
        kind: row.kind.clone(),
        queue: row.queue.clone(),
        priority: row.priority,
        args: row.args.clone(),
        input: row.input,
        policy: row.policy.clone(),
        failures: row.failures,
        lost_leases: row.lost_leases,
        crashes: 0,
        traceparent: row.traceparent.clone(),
        created_at: row.created_at,
        run_at: row.run_at,
        claimed_at: row.started_at.unwrap_or(row.run_at),
    }
}
