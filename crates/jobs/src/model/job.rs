use std::time::Duration;

use stanchion_kernel::Timestamp;

use super::{
    Args, Attempt, InputHash, JobId, Kind, Policy, Priority, Queue, Reason, Traceparent, message,
};
use crate::error::Invalid;
use crate::states::State;

/// A job to be enqueued. It is right by construction but for its policy, which [`NewJob::check`] looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its id, from `kernel`'s `Ids`. After an unknown commit it tells whether the job is there.
    pub id: JobId,
    /// What to do.
    pub kind: Kind,
    /// Where it waits.
    pub queue: Queue,
    /// How urgent it is.
    pub priority: Priority,
    /// The arguments.
    pub args: Args,
    /// What it works on.
    pub input: InputHash,
    /// When it may run.
    pub run_at: RunAt,
    /// What it may cost.
    pub policy: Policy,
    /// Of what it is the only one.
    pub unique: Option<Unique>,
    /// Who enqueues it, for the trace.
    pub traceparent: Option<Traceparent>,
}

impl NewJob {
    /// A job of normal priority that may run at once, with the default policy.
    #[must_use]
    pub fn new(id: JobId, kind: Kind, queue: Queue, args: Args) -> Self {
        Self {
            id,
            input: InputHash::of(&kind, &args),
            kind,
            queue,
            priority: Priority::NORMAL,
            args,
            run_at: RunAt::Now,
            policy: Policy::default(),
            unique: None,
            traceparent: None,
        }
    }

    /// Whether its policy and its moment are within their bounds.
    ///
    /// # Errors
    /// [`Invalid::Policy`], [`Invalid::RunAt`].
    pub fn check(&self) -> Result<(), Invalid> {
        let is_kept = match self.run_at {
            RunAt::Now => true,
            RunAt::After(delay) => delay <= LONGEST_DELAY,
            RunAt::At(at) => (0..=LAST_MOMENT_US).contains(&at.as_micros()),
        };
        if !is_kept {
            return Err(Invalid::RunAt);
        }
        self.policy.check()
    }
}

const LONGEST_DELAY: Duration = Duration::from_hours(10 * 366 * 24);
/// The end of the year 2999.
const LAST_MOMENT_US: i64 = 32_503_680_000_000_000 - 1;

/// When a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunAt {
    /// At once.
    Now,
    /// After this time, at most ten years, by the database's clock.
    After(Duration),
    /// From this moment on, between 1970 and 2999.
    At(Timestamp),
}

/// Of what a job is the only one: of two with the same kind and key the second is not enqueued while the first is in scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unique {
    /// What makes it the only one of its kind, hashed together with the kind: [`Unique::key`].
    pub key: [u8; 32],
    /// While it is in which states.
    pub scope: UniqueScope,
}

impl Unique {
    /// The key of a kind with what makes a job the only one of it.
    #[must_use]
    pub fn key(kind: &Kind, what: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind.as_str().as_bytes());
        // No name holds a NUL: where the kind ends is told.
        hasher.update(&[0]);
        hasher.update(what);
        *hasher.finalize().as_bytes()
    }
}

/// The states in which a unique job keeps others away. Each scope holds those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UniqueScope {
    /// While it waits for its first attempt: what comes while it runs is enqueued behind it.
    Unstarted,
    /// Until it has ended.
    Unfinished,
    /// Until it has ended otherwise than as a dead letter, which keeps its place.
    UnfinishedOrDead,
    /// Until its history is forgotten.
    Remembered,
}

impl UniqueScope {
    /// All of them, the smallest first.
    pub const ALL: [Self; 4] = [
        Self::Unstarted,
        Self::Unfinished,
        Self::UnfinishedOrDead,
        Self::Remembered,
    ];

    /// Whether a job that ends in this state keeps its place.
    #[must_use]
    pub fn outlasts(self, end: State) -> bool {
        match end {
            State::Dead => self >= Self::UnfinishedOrDead,
            State::Completed | State::Cancelled => self == Self::Remembered,
            State::Waiting | State::Running | State::Parked => true,
        }
    }

    pub(crate) fn number(self) -> i16 {
        match self {
            Self::Unstarted => 0,
            Self::Unfinished => 1,
            Self::UnfinishedOrDead => 2,
            Self::Remembered => 3,
        }
    }
}

/// What became of a job to be enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is there.
    New(JobId),
    /// Another one is the only one; nothing was enqueued.
    Duplicate {
        /// The one that was there.
        of: JobId,
    },
}

impl Enqueued {
    /// The job that will be done: the new one, or the one that was there.
    #[must_use]
    pub fn id(self) -> JobId {
        match self {
            Self::New(id) | Self::Duplicate { of: id } => id,
        }
    }
}

/// How far a job is, as its handler says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// 0 to 100.
    pub percent: u8,
    /// A word to go with it; at most [`super::MAX_MESSAGE_CHARS`].
    pub message: String,
}

impl Progress {
    /// A progress whose message is cut to its bound; more than 100 is 100.
    #[must_use]
    pub fn new(percent: u8, text: &str) -> Self {
        Self {
            percent: percent.min(100),
            message: message(text),
        }
    }
}

/// A job as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Which.
    pub id: JobId,
    /// What to do.
    pub kind: Kind,
    /// Where it waits, or waited.
    pub queue: Queue,
    /// How urgent it is.
    pub priority: Priority,
    /// Where it stands.
    pub state: State,
    /// The arguments.
    pub args: Args,
    /// What it works on.
    pub input: InputHash,
    /// What it may cost.
    pub policy: Policy,
    /// The number of the last attempt; 0 before the first.
    pub attempt: u32,
    /// How many attempts have failed, since it was enqueued or replayed.
    pub failures: u32,
    /// How often its lease was lost, since it was enqueued or replayed.
    pub lost_leases: u32,
    /// It runs, or will run, with nothing beside it in its process, since one died on its input.
    pub alone: bool,
    /// Somebody asked for its end.
    pub cancel_requested: bool,
    /// How far it is.
    pub progress: Option<Progress>,
    /// Who enqueued it, for the trace.
    pub traceparent: Option<Traceparent>,
    /// Who runs it, or ran it last.
    pub worker: Option<String>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it may run, or might.
    pub run_at: Timestamp,
    /// When the last attempt began; none when it has not.
    pub started_at: Option<Timestamp>,
    /// Until when it is leased; of running jobs.
    pub leased_until: Option<Timestamp>,
    /// When it ended; of ended jobs.
    pub finished_at: Option<Timestamp>,
    /// Why it ended; of dead letters and cancelled jobs.
    pub reason: Option<Reason>,
    /// What is told about its end.
    pub message: Option<String>,
    /// The attempts that ended otherwise than completed, the oldest first; at most [`super::MAX_ATTEMPTS_KEPT`].
    pub attempts: Vec<Attempt>,
}
