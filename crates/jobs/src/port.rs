//! What a broker must do for the queue.

mod ending;
mod figure;
mod floor;
mod jitter;
mod page;
#[cfg(test)]
mod plans;
mod postgres;
mod revival;
mod sqlite;
mod sweeps;
mod windows;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::Timestamp;
use stanchion_store::{Backend, Listener, Migration, Migrations, Store, StoreError, Tx};

use crate::model::{
    Args, Claimed, Enqueued, Fence, InputHash, JobId, JobRow, Kind, LeaseId, NewJob, Priority,
    Progress, Queue, Reason, Settlement, Worker,
};
use crate::states::State;

/// The tables of this crate; they need those of `stanchion-store`.
pub const MIGRATIONS: Migrations = Migrations {
    component: "jobs",
    sqlite: &[Migration {
        version: 1,
        name: "init",
        sql: include_str!("../migrations/sqlite/0001_init.sql"),
    }],
    postgres: &[
        Migration {
            version: 1,
            name: "init",
            sql: include_str!("../migrations/postgres/0001_init.sql"),
        },
        Migration {
            version: 2,
            name: "returned",
            sql: include_str!("../migrations/postgres/0002_returned.sql"),
        },
        Migration {
            version: 3,
            name: "room",
            sql: include_str!("../migrations/postgres/0003_room.sql"),
        },
        Migration {
            version: 4,
            name: "inserts",
            sql: include_str!("../migrations/postgres/0004_inserts.sql"),
        },
    ],
};

/// The broker that is the database of `store`; needs the schema of [`MIGRATIONS`].
#[must_use]
pub fn open(store: &Store) -> Arc<dyn Port> {
    match store.backend() {
        Backend::Sqlite(sqlite) => Arc::new(sqlite::SqliteJobs::new(store.clone(), sqlite.clone())),
        Backend::Postgres(postgres) => {
            Arc::new(postgres::PostgresJobs::new(store.clone(), postgres.clone()))
        }
    }
}

/// A transaction of one database was given to a broker on the other.
fn foreign_transaction() -> StoreError {
    StoreError::Config("the transaction belongs to another kind of database".to_owned())
}

fn corrupt(what: impl fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}

/// A broker of jobs. Whatever moves the messages, the database's row is the only authority on a job's state.
///
/// The contract, each sentence a case of the conformance suite:
/// * What is enqueued in a transaction is there if it commits, and only then.
/// * A job is held by one lease at a time. Every claim makes a new [`Fence`], whose attempt number only grows; a call with
///   an older one changes nothing and is told so.
/// * The database's clock decides when a lease is over. Until somebody rescues the job its holder still holds it.
/// * A job that has ended never runs again, except that a dead letter is replayed.
/// * Within a queue and priority jobs are claimed in the order of `run_at`, except that one whose transaction was slow to
///   commit may be passed by.
/// * Every call is one transaction of its own unless it takes the caller's, and bounded by the numbers that it is given.
///
/// Errors are told apart by what the caller can do. After [`StoreError::CommitUnknown`] the call may have happened; after
/// every other error it has not. A call that is repeated after an unknown commit is safe: an enqueued id is looked up
/// with [`Port::job`], a settlement that had happened answers [`Verdict::Lost`], and jobs of an unknown claim are
/// rescued when its lease is over.
#[async_trait]
pub trait Port: Send + Sync + fmt::Debug {
    /// What this broker can do by itself.
    fn capabilities(&self) -> Capabilities;

    /// Hears when there may be something new to claim. Hints may be lost; who waits polls as well. Ask for it before the
    /// first claim, so that no hint falls in between.
    fn listen(&self) -> Listener;

    /// Enqueues jobs, all or none, in the caller's transaction when there is one. Answers in their order. The jobs have
    /// been checked ([`NewJob::check`]).
    async fn enqueue(
        &self,
        tx: Option<&mut Tx>,
        jobs: Vec<NewJob>,
    ) -> Result<Vec<Enqueued>, StoreError>;

    /// Claims what is due, up to each quota and up to [`Claim::most`] in all. A job whose input is a suspect is not given out: it is put aside for
    /// [`Port::claim_alone`], and fewer jobs than the quota may come back although there are more.
    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Whether a due job waits in these queues whose input is a suspect.
    async fn has_suspects(&self, queues: Vec<Queue>) -> Result<bool, StoreError>;

    /// Claims one due job, if there is one, whose input is a suspect, from these queues; it is to run with nothing beside
    /// it in its process. [`Port::start`] says when it begins. [`Claimed::crashes`] says how many processes died on it: who
    /// finds too many gives it up as [`Reason::Poison`].
    async fn claim_alone(
        &self,
        queues: Vec<Queue>,
        holder: Holder,
    ) -> Result<Option<Claimed>, StoreError>;

    /// Marks claimed jobs as started: only those are suspects when their process dies, and only a suspect that was marked is
    /// condemned. Answers in order.
    async fn start(&self, fences: Vec<Fence>) -> Result<Vec<Verdict>, StoreError>;

    /// Keeps leases, each until `lease` after the database's now, and stores progress. Answers in order. A job whose row
    /// is locked by a transaction of its holder is held, since nobody else can take it meanwhile, and its lease is
    /// prolonged by a later call.
    async fn renew(&self, beats: Vec<Heartbeat>, lease: Duration)
    -> Result<Vec<Pulse>, StoreError>;

    /// Ends attempts, each if its fence still holds; in the caller's transaction when there is one, so that effects and
    /// completion are one. Answers in order. What somebody asked
    /// to end does not wait again, but is cancelled. A suspect that ran alone and ended without a crash is none any more, unless it was
    /// only given back; a crash makes its input one. [`Reason::Poison`] is one more crash if its attempt had begun.
    async fn settle(
        &self,
        tx: Option<&mut Tx>,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Verdict>, StoreError>;

    /// Proves that the fence holds and locks the job until the caller's transaction ends: nobody can rescue, cancel or
    /// settle it meanwhile. Call it before the first effect, and do not commit on [`Verdict::Lost`].
    async fn hold(&self, tx: &mut Tx, fence: Fence) -> Result<Verdict, StoreError>;

    /// Takes up to `limit` jobs whose leases are over from their holders, and decides what becomes of each by
    /// [`crate::rescue::after_lost_lease`]. Jobs that are locked are left for the next time. [`StoreError::Busy`] when it took
    /// longer than [`RescueRules::patience`] until they were found.
    async fn rescue(&self, rules: RescueRules, limit: u32) -> Result<Vec<Rescued>, StoreError>;

    /// Prolongs up to `limit` leases that are over, until `lease` after the database's now; answers how many. That is for the time
    /// after an outage, in which nobody could renew: who is alive does it now. A broker that keeps leases by itself has none.
    async fn prolong(&self, lease: Duration, limit: u32) -> Result<u64, StoreError> {
        let _ = (lease, limit);
        Ok(0)
    }

    /// Offers up to `limit` jobs again that claims passed by, as the transactions that enqueued them were slow to commit;
    /// answers how many. A broker whose claims look at everything passes none by.
    async fn recall(&self, limit: u32) -> Result<u64, StoreError> {
        let _ = limit;
        Ok(0)
    }

    /// Lets up to `limit` parked jobs of these queues and kinds wait again; answers how many. Those of other queues stay, since
    /// whoever knows a kind and does not work on their queue takes none of them.
    async fn unpark(
        &self,
        queues: Vec<Queue>,
        kinds: Vec<Kind>,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Asks for a job's end: at once when nobody holds it, otherwise its holder hears of it with its next heartbeat.
    async fn cancel(&self, id: JobId) -> Result<Cancelled, StoreError>;

    /// A job, ended or not.
    async fn job(&self, id: JobId) -> Result<Option<JobRow>, StoreError>;

    /// Up to `limit` jobs that the filter lets through, the newest first, older than `before` when it is given. It may
    /// answer fewer than there are: go on with [`Page::next`].
    async fn jobs(
        &self,
        filter: Filter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Page, StoreError>;

    /// How things stand, by queue and priority, for those that have something waiting, parked or running. Backlogs are counted up to
    /// `count_to`.
    async fn figures(&self, count_to: u32) -> Result<Vec<Figures>, StoreError>;

    /// The last `limit` jobs that completed, the newest first: what rates, waits and run times are taken from.
    async fn recent(&self, limit: u32) -> Result<Vec<Sample>, StoreError>;

    /// What ended after `since` and no later than `until`, by queue, for those where something did; of what completed, of
    /// dead letters and of what was cancelled the first `count_to` each. What commits late may be missed: these are
    /// figures to steer by.
    async fn passed(
        &self,
        since: Timestamp,
        until: Timestamp,
        count_to: u32,
    ) -> Result<Vec<Passed>, StoreError>;

    /// Who holds jobs, and how many, by name.
    async fn holders(&self) -> Result<Vec<(Worker, u64)>, StoreError>;

    /// Gives up to `limit` dead letters another life, the oldest first: their failures and lost leases are forgotten, their
    /// ids, attempts and traces stay. Poison comes back as a suspect. One whose unique key another job has by now is left.
    async fn replay(&self, replay: Replay, limit: u32) -> Result<Replayed, StoreError>;

    /// Forgets up to `limit` jobs that ended longer ago than they are kept; answers how many. Suspects of which nothing was heard
    /// for as long as dead letters are kept are forgotten, too.
    async fn prune(&self, keep: Retention, limit: u32) -> Result<u64, StoreError>;

    /// Enqueues `job` for a tick of a schedule, unless that tick or a later one was fired before, by whomever.
    async fn fire(
        &self,
        schedule: &str,
        tick: Timestamp,
        job: NewJob,
    ) -> Result<Option<Enqueued>, StoreError>;

    /// The last tick of a schedule that was fired. One that nobody has asked for yet begins at `begin`, on every server: no tick
    /// before that is due, and none after it is forgotten.
    async fn last_fired(&self, schedule: &str, begin: Timestamp) -> Result<Timestamp, StoreError>;

    /// The database's clock.
    async fn now(&self) -> Result<Timestamp, StoreError>;
}

/// What a broker can do by itself. What it cannot the engine does, or its documentation says that it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Enqueues in the caller's transaction; otherwise through an outbox.
    pub transactional_enqueue: bool,
    /// Settles in the caller's transaction, so that effects there happen once.
    pub transactional_settle: bool,
    /// Keeps jobs back until their moment.
    pub delay: bool,
    /// Gives out by priority within one queue, so that shares and ageing can be kept.
    pub priority: bool,
}

/// Who claims, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who works.
    pub worker: Worker,
    /// The lease's id, new for each call.
    pub lease: LeaseId,
    /// For how long the jobs are leased, by the database's clock.
    pub lease_for: Duration,
}

/// A wish for jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who claims.
    pub holder: Holder,
    /// How many of which; they are filled in this order.
    pub quotas: Vec<Quota>,
    /// The most jobs in all.
    pub most: u32,
    /// Whether all of them begin at once; otherwise [`Port::start`] says when they do.
    pub starts: bool,
}

/// How many jobs of a queue and priority are wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The queue.
    pub queue: Queue,
    /// The priority.
    pub priority: Priority,
    /// The most jobs.
    pub jobs: u32,
}

/// What a call with a fence did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The fence held, and it was done.
    Held,
    /// The job is another's, or has ended; nothing was changed.
    Lost,
}

/// A sign of life for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who holds it.
    pub fence: Fence,
    /// How far it is, when that is news.
    pub progress: Option<Progress>,
}

/// What a heartbeat learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// The job is held.
    Held,
    /// The job is held, and somebody asks for its end.
    CancelRequested,
    /// The job is another's, or has ended.
    Lost,
}

/// What decides about a job whose lease was lost, beside its own policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RescueRules {
    /// How many processes may die on an input before it is quarantined; 1 or more.
    pub crashes_to_condemn: u32,
    /// How long it may take until leases that are over are found. When it takes longer, the database stood still, for those who hold
    /// them as well, and they are left to them.
    pub patience: Duration,
}

impl RescueRules {
    /// Refuses what was found too late.
    fn in_time(&self, began: Duration, found: Duration) -> Result<(), StoreError> {
        if found.saturating_sub(began) > self.patience {
            return Err(StoreError::Busy("leases that are over"));
        }
        Ok(())
    }
}

impl Default for RescueRules {
    fn default() -> Self {
        Self {
            crashes_to_condemn: 2,
            patience: Duration::MAX,
        }
    }
}

/// A job that was taken from its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescued {
    /// The job, by the fence that was lost.
    pub fence: Fence,
    /// Its queue.
    pub queue: Queue,
    /// Its kind.
    pub kind: Kind,
    /// Where it is now: waiting, dead or cancelled.
    pub state: State,
    /// Why it ended; of dead and cancelled ones.
    pub reason: Option<Reason>,
}

/// What became of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It is cancelled.
    Now,
    /// Its holder will hear of it.
    Requested,
    /// It had ended before.
    Ended(State),
    /// There is no such job.
    NoJob,
}

/// Which jobs. What is `None` lets all through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub state: Option<State>,
    /// In this queue.
    pub queue: Option<Queue>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Ended for this reason.
    pub reason: Option<Reason>,
    /// On this input.
    pub input: Option<InputHash>,
}

/// A page of jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The jobs, the newest first.
    pub jobs: Vec<JobRow>,
    /// Where the next page begins; none when there is nothing more.
    pub next: Option<JobId>,
}

/// How a queue stands at a priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The queue.
    pub queue: Queue,
    /// The priority.
    pub priority: Priority,
    /// How many could be claimed now, counted up to the call's bound.
    pub backlog: u64,
    /// How long the oldest of them could have been.
    pub oldest_age: Duration,
    /// How many wait for their moment, counted up to the call's bound.
    pub scheduled: u64,
    /// How many are held by workers.
    pub in_flight: u64,
    /// How many are parked, counted up to the call's bound.
    pub parked: u64,
}

/// What ended in a queue within a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The queue.
    pub queue: Queue,
    /// How many were worked on until their end: completed, or dead letters.
    pub served: u64,
    /// How long the last attempts of those took, together.
    pub ran: Duration,
    /// How many were cancelled.
    pub cancelled: u64,
}

/// A job that completed lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its queue.
    pub queue: Queue,
    /// Its kind.
    pub kind: Kind,
    /// Its priority.
    pub priority: Priority,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it could have been claimed for its last attempt.
    pub run_at: Timestamp,
    /// When its last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it completed.
    pub finished_at: Timestamp,
}

/// Which dead letters are given another life, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Which: these, or those that a filter lets through.
    pub which: Which,
    /// What their arguments become, as an RFC 7396 merge patch.
    pub edit: Option<Args>,
    /// Only say which ones it would be.
    pub dry_run: bool,
}

/// Which dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// These, as far as they are dead letters.
    Ids(Vec<JobId>),
    /// What the filter lets through; its state says nothing here.
    Filter(Filter),
}

/// What became of a wish to replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Those that wait again, or would.
    pub jobs: Vec<JobId>,
    /// Those that stay dead letters, and why.
    pub left: Vec<(JobId, LeftBehind)>,
}

/// Why a dead letter stays one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftBehind {
    /// This job has its unique key.
    Duplicate(JobId),
    /// Its arguments would become too large.
    ArgsTooLarge,
}

/// For how long the history is kept, by the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Completed and cancelled jobs.
    pub done: Duration,
    /// Dead letters, and what is known of suspects.
    pub dead: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            done: Duration::from_hours(24),
            dead: Duration::from_hours(30 * 24),
        }
    }
}
