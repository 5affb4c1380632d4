//! What the jobs do: each leaves an effect, in the transaction that completes it. Some are poison.

use std::io::{self, Write as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stanchion_jobs::{
    Backoff, Context, Failure, Jitter, Job, JobId, Jobs, JobsError, Policy, Reason,
};
use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_store::{Store, StoreConfig, StoreError};

/// What becomes of a job's attempts, by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Plan {
    /// It is done.
    Healthy,
    /// Its first attempt fails after all is written; then it is done.
    Stumbles,
    Panics,
    /// It says that no other attempt will do better.
    GivesUp,
    /// Its process dies.
    Aborts,
}

impl Plan {
    /// Of a hundred jobs one is poison and another one stumbles. Of forty poisonous ones one kills its process.
    pub(super) fn of(number: u64) -> Self {
        match (number % 100, number / 100 % 40) {
            (49, _) => Self::Stumbles,
            (99, 0) => Self::Aborts,
            (99, hundred) if hundred % 2 == 1 => Self::Panics,
            (99, _) => Self::GivesUp,
            _ => Self::Healthy,
        }
    }

    /// What its dead letter must say; none of a job that must be done.
    pub(super) fn ends_as(self) -> Option<Reason> {
        match self {
            Self::Healthy | Self::Stumbles => None,
            Self::Panics => Some(Reason::Panic),
            Self::GivesUp => Some(Reason::Permanent),
            Self::Aborts => Some(Reason::Poison),
        }
    }
}

/// A job by its number.
pub(super) struct Task;

impl Job for Task {
    const KIND: &'static str = "task";
    type Args = u64;

    fn queue() -> &'static str {
        "main"
    }

    fn policy() -> Policy {
        Policy {
            max_attempts: 4,
            // As often as there are faults, and more.
            max_lost_leases: 50,
            backoff: Backoff {
                base: Duration::from_millis(10),
                cap: Duration::from_millis(100),
                jitter: Jitter::Full,
            },
            ..Policy::default()
        }
    }
}

/// What a job leaves behind: a row in a queue that nobody works on, which nothing keeps from being there twice.
pub(super) struct Mark;

/// Whose effect it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Effect {
    pub(super) job: JobId,
    pub(super) attempt: u32,
}

impl Job for Mark {
    const KIND: &'static str = "mark";
    type Args = Effect;

    fn queue() -> &'static str {
        "marks"
    }
}

/// A store whose calls come to their end soon, whatever is out of order.
pub(super) async fn open(url: &str, max_bytes: u64) -> Result<Store, StoreError> {
    let soon = Duration::from_secs(1);
    let config = StoreConfig {
        acquire_timeout: soon,
        statement_timeout: 2 * soon,
        // A worker that stands still in a transaction keeps its job's row locked for so long.
        idle_transaction_timeout: soon,
        max_bytes,
        ..StoreConfig::new(url)
    };
    Store::open(config, Clock::system(), Entropy::system()).await
}

/// Where jobs are worked on.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) store: Store,
    pub(super) jobs: Jobs,
}

impl Desk {
    pub(super) fn at(store: Store) -> Self {
        let ids = Ids::new(Clock::system(), Entropy::system());
        let jobs = Jobs::new(stanchion_jobs::port::open(&store), ids);
        Self { store, jobs }
    }

    /// Does a job. Half of them prove their lease first; the others rely on their completion alone.
    pub(super) async fn act(&self, number: u64, context: &Context) -> Result<(), Failure> {
        let plan = Plan::of(number);
        let mut tx = self.store.begin().await.map_err(trouble)?;
        if number.is_multiple_of(2) {
            context.hold(&mut tx).await.map_err(trouble)?;
        }
        let effect = Effect {
            job: context.job_id(),
            attempt: context.attempt(),
        };
        let marked = self.jobs.enqueue::<Mark>(Some(&mut tx), &effect).await;
        marked.map_err(trouble)?;
        match plan {
            Plan::Healthy | Plan::Stumbles => {}
            Plan::Panics => panic!("poison"),
            Plan::GivesUp => return Err(Failure::permanent("poison")),
            Plan::Aborts => std::process::abort(),
        }
        context.complete(&mut tx).await.map_err(trouble)?;
        if plan == Plan::Stumbles && context.attempt() == 1 {
            tx.rollback().await.map_err(trouble)?;
            return Err(Failure::from(io::Error::other("it stumbled")));
        }
        tx.commit().await.map_err(trouble)
    }
}

/// A database that is out of order says nothing about the job. What it says is printed.
fn trouble(error: impl Into<JobsError>) -> Failure {
    let error = error.into();
    // Who cannot print has nobody who reads.
    let _unheard = writeln!(io::stdout(), "trouble: {error}");
    match error {
        JobsError::Store(_) => Failure::Snooze(Duration::from_millis(50)),
        error => Failure::from(error),
    }
}
