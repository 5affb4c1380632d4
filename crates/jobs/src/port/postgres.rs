mod claim;
mod enqueue;
mod figures;
mod prune;
mod read;
mod replay;
mod row;
mod settle;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgConnection;
use stanchion_kernel::Timestamp;
use stanchion_store::{Listener, Postgres, Store, StoreError, Tx, TxKind};

use super::ending::offers;
use super::floor::{self, Floors, Walk};
use super::sweeps::Near;
use super::windows::{Window, Windows};
use super::{
    Cancelled, Capabilities, Claim, Figures, Filter, Heartbeat, Holder, Page, Passed, Port, Pulse,
    Replay, Replayed, RescueRules, Rescued, Retention, Sample, Verdict, foreign_transaction,
};
use crate::model::{
    Claimed, Enqueued, Fence, JobId, JobRow, Kind, NewJob, Priority, Queue, RunAt, Settlement,
    Worker,
};
use enqueue::Enqueue;
use read::Reads;
use settle::Settle;

const FIRE: &str = include_str!("postgres/fire.sql");
const FIRED: &str = include_str!("postgres/fired.sql");
const ALLOW: &str = include_str!("postgres/allow.sql");
const ALLOW_AGAIN: &str = include_str!("postgres/allow_again.sql");
/// What the walk of a part of what lies before the floors may take.
const PART: Duration = Duration::from_secs(1);

/// The queue on a PostgreSQL database.
#[derive(Debug)]
pub(super) struct PostgresJobs {
    store: Store,
    postgres: Postgres,
    enqueue: Enqueue,
    settle: Settle,
    reads: Reads,
    prune: prune::Prune,
    replay: replay::Letters,
    ready: Mutex<Floors>,
    leased: Mutex<Leased>,
    seen: Mutex<figures::Seen>,
}

/// From where on leases are looked at.
#[derive(Debug, Default)]
struct Leased {
    floor: Timestamp,
    cancelled: floor::Cancelled,
    /// Walks from before the floor.
    near: Near,
    /// What lies before it.
    windows: Windows,
}

impl Leased {
    /// All leases that were over at a moment were rescued.
    fn rescued(&mut self, at: Timestamp) {
        self.floor = self.floor.max(at);
        self.cancelled = floor::Cancelled::default();
    }

    fn failed(&mut self, error: &StoreError, now: Timestamp) {
        if matches!(error, StoreError::StatementTimeout) {
            let again = self.cancelled.again();
            self.floor = again.floor(self.floor, now).unwrap_or(self.floor);
        }
    }

    /// A part of what lies before the floor, when it is time to look at that.
    fn passed(&self, now: Duration) -> Option<(Window, Window)> {
        let window = self.windows.due(now)?;
        let part = Window {
            from: window.from,
            to: window
                .to
                .map_or(Some(self.floor), |to| Some(to.min(self.floor))),
        };
        Some((window, part))
    }
}

impl PostgresJobs {
    pub(super) fn new(store: Store, postgres: Postgres) -> Self {
        Self {
            store,
            postgres,
            enqueue: Enqueue::new(),
            settle: Settle::new(),
            reads: Reads::new(),
            prune: prune::Prune::new(),
            replay: replay::Letters::new(),
            ready: Mutex::default(),
            leased: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    fn ready(&self) -> MutexGuard<'_, Floors> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leased(&self) -> MutexGuard<'_, Leased> {
        self.leased.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, figures::Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a count begins now. Who knows nothing, as its counts were cancelled, begins where claims and rescues do.
    fn begin(&self, now: Duration) -> Result<figures::Begin, StoreError> {
        let (lanes, leased) = (self.ready().moments(), self.leased().floor);
        self.seen().begin(now, lanes, leased)
    }

    /// Rescues what lost its lease since the last time.
    async fn rescue_late(
        &self,
        rules: RescueRules,
        limit: u32,
    ) -> Result<Vec<Rescued>, StoreError> {
        let began = self.store.clock().monotonic();
        let (walk, window) = {
            let leased = self.leased();
            let walk = leased.near.walk(began);
            let from = walk.since(leased.floor);
            (walk, Window { from, to: None })
        };
        let found = self.rescue_window(rules, window, limit, None).await;
        let ended = self.store.clock().monotonic();
        let mut leased = self.leased();
        if was_walked(&found) {
            leased.near.walked(walk, began, ended);
        }
        let now = self.store.clock().now();
        let (at, rescued) = found.inspect_err(|error| leased.failed(error, now))?;
        if rescued.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            leased.rescued(at);
        }
        Ok(rescued)
    }

    /// Rescues what lost its lease before that and was passed by. An error is for the next time to tell, if it is still there: what
    /// was rescued must be told now.
    async fn rescue_passed(&self, rules: RescueRules, limit: u32) -> Vec<Rescued> {
        let began = self.store.clock().monotonic();
        let Some((window, part)) = self.leased().passed(began) else {
            return Vec::new();
        };
        // These are over for long, however long it takes to find them.
        let rules = RescueRules {
            patience: Duration::MAX,
            ..rules
        };
        let found = self.rescue_window(rules, part, limit, Some(PART)).await;
        let ended = self.store.clock().monotonic();
        let mut leased = self.leased();
        match found {
            Ok((_, rescued)) => {
                if rescued.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
                    leased.windows.walked(window, began, ended);
                }
                rescued
            }
            Err(error) => {
                if matches!(error, StoreError::StatementTimeout) {
                    let end = leased.floor;
                    leased.windows.cancelled(window, end, began, ended);
                }
                Vec::new()
            }
        }
    }

    async fn rescue_window(
        &self,
        rules: RescueRules,
        window: Window,
        limit: u32,
        allowed: Option<Duration>,
    ) -> Result<(Timestamp, Vec<Rescued>), StoreError> {
        let began = self.store.clock().monotonic();
        let run = async {
            let mut tx = self.postgres.begin().await?;
            if let Some(allowed) = allowed {
                allow(&mut tx, allowed).await?;
            }
            let (at, lost) = settle::expired(&mut tx, rules, window, limit).await?;
            if allowed.is_some() {
                allow_again(&mut tx).await?;
            }
            rules.in_time(began, self.store.clock().monotonic())?;
            let rescued = self.settle.rescue(&mut tx, lost).await?;
            self.postgres.commit(tx).await?;
            Ok((at, rescued))
        };
        self.alone("jobs_rescue", run).await
    }

    /// Runs a single statement, which is its own transaction.
    async fn alone<T>(
        &self,
        name: &'static str,
        run: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.postgres.timed_commit(name, run).await
    }
}

fn connection(tx: &mut Tx) -> Result<&mut PgConnection, StoreError> {
    match tx.kind() {
        TxKind::Postgres(tx) => Ok(tx),
        TxKind::Sqlite(..) => Err(foreign_transaction()),
    }
}

/// The rest of a transaction has so long for each of its statements, or less.
async fn allow(connection: &mut PgConnection, time: Duration) -> Result<(), StoreError> {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    sqlx::query(ALLOW).bind(millis).execute(connection).await?;
    Ok(())
}

/// The rest of a transaction has as long for each of its statements as the connection was told.
async fn allow_again(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query(ALLOW_AGAIN).execute(connection).await?;
    Ok(())
}

/// Whether the database walked an index, to its end or for as long as it allows.
fn was_walked<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Ok(_) | Err(StoreError::StatementTimeout))
}

/// What became of the commit of a statement that is its own transaction.
fn committed<T>(result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
    result.map_err(StoreError::of_commit)
}

fn level(priority: Priority) -> i16 {
    priority.level().into()
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Port for PostgresJobs {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            transactional_enqueue: true,
            transactional_settle: true,
            delay: true,
            priority: true,
        }
    }

    fn listen(&self) -> Listener {
        self.store.listen()
    }

    async fn enqueue(
        &self,
        tx: Option<&mut Tx>,
        jobs: Vec<NewJob>,
    ) -> Result<Vec<Enqueued>, StoreError> {
        if let Some(tx) = tx {
            return self.enqueue.run(connection(tx)?, &jobs).await;
        }
        let due = jobs.iter().any(|job| job.run_at == RunAt::Now);
        let enqueue = async {
            let mut tx = self.postgres.begin().await?;
            let enqueued = self.enqueue.run(&mut tx, &jobs).await?;
            self.postgres.commit(tx).await?;
            Ok(enqueued)
        };
        let enqueued = self.alone("jobs_enqueue", enqueue).await?;
        if due {
            self.store.hint();
        }
        Ok(enqueued)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let began = self.store.clock().monotonic();
        let (walk, floors) = claim::floors(&self.ready(), &claim, began);
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            claim::claim(&mut connection, &claim, &floors).await
        };
        let found = self.alone("jobs_claim", run).await;
        let ended = self.store.clock().monotonic();
        let mut ready = self.ready();
        match &found {
            Ok(found) => claim::note(&mut ready, &claim, found, walk),
            Err(StoreError::StatementTimeout) => {
                let lanes = claim.quotas.iter().map(claim::lane);
                ready.cancelled(lanes, self.store.clock().now());
            }
            Err(_) => {}
        }
        if was_walked(&found) {
            ready.claimed(walk, began, ended);
        }
        found.map(claim::Found::jobs)
    }

    async fn has_suspects(&self, queues: Vec<Queue>) -> Result<bool, StoreError> {
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            claim::has_suspects(&mut connection, &queues).await
        };
        self.postgres.timed("jobs_has_suspects", run).await
    }

    async fn claim_alone(
        &self,
        queues: Vec<Queue>,
        holder: Holder,
    ) -> Result<Option<Claimed>, StoreError> {
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            claim::claim_alone(&mut connection, &queues, &holder).await
        };
        self.alone("jobs_claim_alone", run).await
    }

    async fn start(&self, fences: Vec<Fence>) -> Result<Vec<Verdict>, StoreError> {
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            claim::start(&mut connection, &fences).await
        };
        self.alone("jobs_start", run).await
    }

    async fn renew(
        &self,
        beats: Vec<Heartbeat>,
        lease: Duration,
    ) -> Result<Vec<Pulse>, StoreError> {
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            claim::renew(&mut connection, &beats, lease).await
        };
        self.alone("jobs_renew", run).await
    }

    async fn settle(
        &self,
        tx: Option<&mut Tx>,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Verdict>, StoreError> {
        if let Some(tx) = tx {
            return self.settle.run(connection(tx)?, settlements).await;
        }
        let offers = offers(&settlements);
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            self.settle.run(&mut connection, settlements).await
        };
        let verdicts = self.alone("jobs_settle", run).await?;
        if offers {
            self.store.hint();
        }
        Ok(verdicts)
    }

    async fn hold(&self, tx: &mut Tx, fence: Fence) -> Result<Verdict, StoreError> {
        claim::hold(connection(tx)?, fence).await
    }

    async fn rescue(&self, rules: RescueRules, limit: u32) -> Result<Vec<Rescued>, StoreError> {
        let mut rescued = self.rescue_late(rules, limit).await?;
        let left = limit.saturating_sub(u32::try_from(rescued.len()).unwrap_or(u32::MAX));
        if left > 0 {
            rescued.extend(self.rescue_passed(rules, left).await);
        }
        if !rescued.is_empty() {
            self.store.hint();
        }
        Ok(rescued)
    }

    async fn prolong(&self, lease: Duration, limit: u32) -> Result<u64, StoreError> {
        let from = Walk::Near.since(self.leased().floor);
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            settle::prolong(&mut connection, from, lease, limit).await
        };
        self.alone("jobs_prolong", run).await
    }

    async fn recall(&self, limit: u32) -> Result<u64, StoreError> {
        let began = self.store.clock().monotonic();
        let Some(passed) = self.ready().passed(began) else {
            return Ok(0);
        };
        let run = async {
            let mut tx = self.postgres.begin().await?;
            allow(&mut tx, PART).await?;
            let ids = claim::passed_by(&mut tx, &passed, limit).await?;
            allow_again(&mut tx).await?;
            let recalled = claim::recall(&mut tx, &ids).await?;
            self.postgres.commit(tx).await?;
            Ok(recalled)
        };
        let recalled = self.alone("jobs_recall", run).await;
        let ended = self.store.clock().monotonic();
        match recalled {
            Ok(jobs) if jobs < limit.into() => self.ready().recalled(&passed, began, ended),
            // The next one looks at less.
            Err(StoreError::StatementTimeout) => {
                self.ready().not_recalled(&passed, began, ended);
                return Ok(0);
            }
            _ => {}
        }
        if matches!(recalled, Ok(jobs) if jobs > 0) {
            self.store.hint();
        }
        recalled
    }

    async fn unpark(
        &self,
        queues: Vec<Queue>,
        kinds: Vec<Kind>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            settle::unpark(&mut connection, &queues, &kinds, limit).await
        };
        let unparked = self.alone("jobs_unpark", run).await?;
        if unparked > 0 {
            self.store.hint();
        }
        Ok(unparked)
    }

    async fn cancel(&self, id: JobId) -> Result<Cancelled, StoreError> {
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            settle::cancel(&mut connection, id).await
        };
        self.alone("jobs_cancel", run).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRow>, StoreError> {
        let mut connection = self.postgres.acquire().await?;
        let read = self.reads.job(&mut connection, id);
        self.postgres.timed("jobs_job", read).await
    }

    async fn jobs(
        &self,
        filter: Filter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let mut connection = self.postgres.acquire().await?;
        let read = self.reads.page(&mut connection, &filter, before, limit);
        self.postgres.timed("jobs_list", read).await
    }

    async fn figures(&self, count_to: u32) -> Result<Vec<Figures>, StoreError> {
        let began = self.store.clock().monotonic();
        let begin = self.begin(began)?;
        let mut connection = self.postgres.acquire().await?;
        let count = figures::count(&mut connection, &begin, count_to);
        let counted = self.postgres.timed("jobs_figures", count).await;
        let ended = self.store.clock().monotonic();
        if was_walked(&counted) {
            self.seen().walked(&begin, began, ended);
        }
        let counted = counted?;
        self.seen().note(&counted);
        Ok(counted.figures(count_to))
    }

    async fn recent(&self, limit: u32) -> Result<Vec<Sample>, StoreError> {
        let mut connection = self.postgres.acquire().await?;
        let read = read::recent(&mut connection, limit);
        self.postgres.timed("jobs_recent", read).await
    }

    async fn passed(
        &self,
        since: Timestamp,
        until: Timestamp,
        count_to: u32,
    ) -> Result<Vec<Passed>, StoreError> {
        let mut connection = self.postgres.acquire().await?;
        let read = read::passed(&mut connection, since, until, count_to);
        self.postgres.timed("jobs_passed", read).await
    }

    async fn holders(&self) -> Result<Vec<(Worker, u64)>, StoreError> {
        let leased = self.seen().leased();
        let mut connection = self.postgres.acquire().await?;
        let read = read::holders(&mut connection, leased);
        self.postgres.timed("jobs_holders", read).await
    }

    async fn replay(&self, replay: Replay, limit: u32) -> Result<Replayed, StoreError> {
        let run = async {
            let mut tx = self.postgres.begin().await?;
            let replayed = self.replay.run(&mut tx, &replay, limit).await?;
            self.postgres.commit(tx).await?;
            Ok(replayed)
        };
        let replayed = self.alone("jobs_replay", run).await?;
        if !replay.dry_run && !replayed.jobs.is_empty() {
            self.store.hint();
        }
        Ok(replayed)
    }

    async fn prune(&self, keep: Retention, limit: u32) -> Result<u64, StoreError> {
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            self.prune.run(&mut connection, keep, limit).await
        };
        self.alone("jobs_prune", run).await
    }

    async fn fire(
        &self,
        schedule: &str,
        tick: Timestamp,
        job: NewJob,
    ) -> Result<Option<Enqueued>, StoreError> {
        let run = async {
            let mut tx = self.postgres.begin().await?;
            let fire = sqlx::query(FIRE).bind(schedule).bind(tick.to_datetime());
            if fire.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(None);
            }
            let enqueued = self
                .enqueue
                .run(&mut tx, std::slice::from_ref(&job))
                .await?;
            self.postgres.commit(tx).await?;
            Ok(enqueued.first().copied())
        };
        let fired = self.alone("jobs_fire", run).await?;
        if fired.is_some() {
            self.store.hint();
        }
        Ok(fired)
    }

    async fn last_fired(&self, schedule: &str, begin: Timestamp) -> Result<Timestamp, StoreError> {
        let run = async {
            let mut connection = self.postgres.acquire().await?;
            let fired = sqlx::query_scalar(FIRED)
                .bind(schedule)
                .bind(begin.to_datetime());
            let fired = committed(fired.fetch_one(&mut *connection).await)?;
            Ok(Timestamp::from_datetime(fired))
        };
        self.alone("jobs_last_fired", run).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        let mut connection = self.postgres.acquire().await?;
        self.postgres
            .timed("jobs_now", read::now(&mut connection))
            .await
    }
}
