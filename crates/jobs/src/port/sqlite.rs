mod claim;
mod enqueue;
mod history;
mod read;
mod row;
mod settle;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use stanchion_kernel::{Clock, Timestamp};
use stanchion_store::{Listener, Sqlite, Store, StoreError, Tx, TxKind};

use super::ending::{by_fence, offers, verdicts};
use super::{
    Cancelled, Capabilities, Claim, Figures, Filter, Heartbeat, Holder, Page, Passed, Port, Pulse,
    Replay, Replayed, RescueRules, Rescued, Retention, Sample, Verdict, foreign_transaction,
};
use crate::model::{
    Claimed, Enqueued, Fence, JobId, JobRow, Kind, NewJob, Queue, RunAt, Settlement, Worker,
};
use history::History;
use read::Reads;

const FIRE: &str = include_str!("sqlite/fire.sql");
const FIRED: &str = include_str!("sqlite/fired.sql");

/// The queue on a SQLite file. Its writer is serial, and so whoever writes holds every lock there is.
#[derive(Debug)]
pub(super) struct SqliteJobs {
    store: Store,
    sqlite: Sqlite,
    clock: Clock,
    reads: Arc<Reads>,
    history: Arc<History>,
}

impl SqliteJobs {
    pub(super) fn new(store: Store, sqlite: Sqlite) -> Self {
        Self {
            clock: store.clock().clone(),
            store,
            sqlite,
            reads: Arc::new(Reads::new()),
            history: Arc::new(History::new()),
        }
    }

    /// Runs a write that leaves the feed alone.
    async fn write<T, F>(&self, name: &'static str, write: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Timestamp) -> Result<T, StoreError> + Send + 'static,
    {
        let clock = self.clock.clone();
        let write = move |connection: &Connection| write(connection, clock.now());
        self.sqlite.write_unhinted(name, write).await
    }

    /// Runs a write in the caller's transaction, or in one of its own. Answers whether it was its own.
    async fn write_in<T, F>(
        &self,
        tx: Option<&mut Tx>,
        name: &'static str,
        write: F,
    ) -> Result<(T, bool), StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Timestamp) -> Result<T, StoreError> + Send + 'static,
    {
        match tx.map(Tx::kind) {
            None => Ok((self.write(name, write).await?, true)),
            Some(TxKind::Sqlite(tx, clock)) => {
                let clock = clock.clone();
                let step = move |connection: &Connection| write(connection, clock.now());
                Ok((tx.run(step).await?, false))
            }
            Some(TxKind::Postgres(_)) => Err(foreign_transaction()),
        }
    }

    fn hint_if(&self, something_to_claim: bool) {
        if something_to_claim {
            self.store.hint();
        }
    }
}

#[async_trait]
impl Port for SqliteJobs {
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
        let due = jobs.iter().any(|job| job.run_at == RunAt::Now);
        let enqueue = move |connection: &Connection, now| enqueue::enqueue(connection, now, &jobs);
        let (enqueued, alone) = self.write_in(tx, "jobs_enqueue", enqueue).await?;
        self.hint_if(alone && due);
        Ok(enqueued)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.write("jobs_claim", move |connection, now| {
            claim::claim(connection, now, &claim)
        })
        .await
    }

    async fn has_suspects(&self, queues: Vec<Queue>) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let read = move |connection: &Connection| claim::has_suspects(connection, now, &queues);
        self.sqlite.look_up("jobs_has_suspects", read).await
    }

    async fn claim_alone(
        &self,
        queues: Vec<Queue>,
        holder: Holder,
    ) -> Result<Option<Claimed>, StoreError> {
        self.write("jobs_claim_alone", move |connection, now| {
            claim::claim_alone(connection, now, &queues, &holder)
        })
        .await
    }

    async fn start(&self, fences: Vec<Fence>) -> Result<Vec<Verdict>, StoreError> {
        self.write("jobs_start", move |connection, now| {
            claim::start(connection, now, &fences)
        })
        .await
    }

    async fn renew(
        &self,
        beats: Vec<Heartbeat>,
        lease: Duration,
    ) -> Result<Vec<Pulse>, StoreError> {
        self.write("jobs_renew", move |connection, now| {
            claim::renew(connection, now.saturating_add(lease), &beats)
        })
        .await
    }

    async fn settle(
        &self,
        tx: Option<&mut Tx>,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Verdict>, StoreError> {
        let offers = offers(&settlements);
        let settle = move |connection: &Connection, now| {
            let (asked, endings) = by_fence(settlements)?;
            let held = settle::apply(connection, now, &endings)?;
            Ok(verdicts(&asked, held))
        };
        let (verdicts, alone) = self.write_in(tx, "jobs_settle", settle).await?;
        self.hint_if(alone && offers);
        Ok(verdicts)
    }

    async fn hold(&self, tx: &mut Tx, fence: Fence) -> Result<Verdict, StoreError> {
        let hold = move |connection: &Connection, _| claim::hold(connection, fence);
        let (verdict, _) = self.write_in(Some(tx), "jobs_hold", hold).await?;
        Ok(verdict)
    }

    async fn rescue(&self, rules: RescueRules, limit: u32) -> Result<Vec<Rescued>, StoreError> {
        let (clock, began) = (self.clock.clone(), self.clock.monotonic());
        let rescue = move |connection: &Connection, now| {
            rules.in_time(began, clock.monotonic())?;
            settle::rescue(connection, now, rules, limit)
        };
        let rescued = self.write("jobs_rescue", rescue).await?;
        self.hint_if(!rescued.is_empty());
        Ok(rescued)
    }

    async fn prolong(&self, lease: Duration, limit: u32) -> Result<u64, StoreError> {
        let prolong =
            move |connection: &Connection, now| settle::prolong(connection, now, lease, limit);
        self.write("jobs_prolong", prolong).await
    }

    async fn unpark(
        &self,
        queues: Vec<Queue>,
        kinds: Vec<Kind>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let unpark =
            move |connection: &Connection, _| settle::unpark(connection, &queues, &kinds, limit);
        let unparked = self.write("jobs_unpark", unpark).await?;
        self.hint_if(unparked > 0);
        Ok(unparked)
    }

    async fn cancel(&self, id: JobId) -> Result<Cancelled, StoreError> {
        self.write("jobs_cancel", move |connection, now| {
            settle::cancel(connection, now, id)
        })
        .await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRow>, StoreError> {
        let reads = Arc::clone(&self.reads);
        let read = move |connection: &Connection| reads.job(connection, id);
        self.sqlite.read("jobs_job", read).await
    }

    async fn jobs(
        &self,
        filter: Filter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let reads = Arc::clone(&self.reads);
        let read = move |connection: &Connection| reads.page(connection, &filter, before, limit);
        self.sqlite.read("jobs_list", read).await
    }

    async fn figures(&self, count_to: u32) -> Result<Vec<Figures>, StoreError> {
        let now = self.clock.now();
        let read = move |connection: &Connection| read::figures(connection, now, count_to);
        self.sqlite.read("jobs_figures", read).await
    }

    async fn recent(&self, limit: u32) -> Result<Vec<Sample>, StoreError> {
        let read = move |connection: &Connection| read::recent(connection, limit);
        self.sqlite.read("jobs_recent", read).await
    }

    async fn passed(
        &self,
        since: Timestamp,
        until: Timestamp,
        count_to: u32,
    ) -> Result<Vec<Passed>, StoreError> {
        let read = move |connection: &Connection| read::passed(connection, since, until, count_to);
        self.sqlite.read("jobs_passed", read).await
    }

    async fn holders(&self) -> Result<Vec<(Worker, u64)>, StoreError> {
        let read = |connection: &Connection| read::holders(connection);
        self.sqlite.read("jobs_holders", read).await
    }

    async fn replay(&self, replay: Replay, limit: u32) -> Result<Replayed, StoreError> {
        let history = Arc::clone(&self.history);
        let is_dry = replay.dry_run;
        let replay =
            move |connection: &Connection, now| history.replay(connection, now, &replay, limit);
        let replayed = self.write("jobs_replay", replay).await?;
        self.hint_if(!is_dry && !replayed.jobs.is_empty());
        Ok(replayed)
    }

    async fn prune(&self, keep: Retention, limit: u32) -> Result<u64, StoreError> {
        let history = Arc::clone(&self.history);
        let prune = move |connection: &Connection, now| history.prune(connection, now, keep, limit);
        self.write("jobs_prune", prune).await
    }

    async fn fire(
        &self,
        schedule: &str,
        tick: Timestamp,
        job: NewJob,
    ) -> Result<Option<Enqueued>, StoreError> {
        let schedule = schedule.to_owned();
        let fire = move |connection: &Connection, now| {
            let mut fire = connection.prepare_cached(FIRE)?;
            if fire.execute((&schedule, tick.as_micros()))? == 0 {
                return Ok(None);
            }
            let enqueued = enqueue::enqueue(connection, now, std::slice::from_ref(&job))?;
            Ok(enqueued.first().copied())
        };
        let fired = self.write("jobs_fire", fire).await?;
        self.hint_if(fired.is_some());
        Ok(fired)
    }

    async fn last_fired(&self, schedule: &str, begin: Timestamp) -> Result<Timestamp, StoreError> {
        let schedule = schedule.to_owned();
        let last_fired = move |connection: &Connection, _| {
            let mut fired = connection.prepare_cached(FIRED)?;
            let fired = fired.query_row((&schedule, begin.as_micros()), |row| row.get(0))?;
            Ok(Timestamp::from_micros(fired))
        };
        self.write("jobs_last_fired", last_fired).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }
}
