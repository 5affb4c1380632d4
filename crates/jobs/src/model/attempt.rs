use serde::{Deserialize, Serialize};
use stanchion_kernel::Timestamp;

/// The most characters of a message that is kept; the rest is cut off.
pub const MAX_MESSAGE_CHARS: usize = 2_000;
/// How many ended attempts a job keeps; the oldest go first.
pub const MAX_ATTEMPTS_KEPT: usize = 50;

/// Why an attempt, or a job, ended other than completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The handler answered an error.
    Error,
    /// The handler said that no other attempt will do better.
    Permanent,
    /// The handler's type cannot be read from the arguments.
    Arguments,
    /// The handler panicked.
    Panic,
    /// The attempt took longer than the policy allows.
    Timeout,
    /// The attempt needed more memory than it may have.
    OutOfMemory,
    /// The process that ran it died, and somebody saw it.
    Crash,
    /// The lease ran out: the worker died, hung, or was cut off.
    LostLease,
    /// Processes died on this input too often.
    Poison,
    /// Somebody asked for its end.
    Cancelled,
    /// The worker shut down before the attempt was over.
    GivenBack,
    /// The handler asked for a later moment.
    Snoozed,
    /// No worker that saw it has a handler of its kind.
    UnknownKind,
}

const REASONS: [Reason; 13] = [
    Reason::Error,
    Reason::Permanent,
    Reason::Arguments,
    Reason::Panic,
    Reason::Timeout,
    Reason::OutOfMemory,
    Reason::Crash,
    Reason::LostLease,
    Reason::Poison,
    Reason::Cancelled,
    Reason::GivenBack,
    Reason::Snoozed,
    Reason::UnknownKind,
];

impl Reason {
    /// All of them.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &REASONS
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Permanent => "permanent",
            Self::Arguments => "arguments",
            Self::Panic => "panic",
            Self::Timeout => "timeout",
            Self::OutOfMemory => "out_of_memory",
            Self::Crash => "crash",
            Self::LostLease => "lost_lease",
            Self::Poison => "poison",
            Self::Cancelled => "cancelled",
            Self::GivenBack => "given_back",
            Self::Snoozed => "snoozed",
            Self::UnknownKind => "unknown_kind",
        }
    }

    /// The reason of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        REASONS.into_iter().find(|reason| reason.as_str() == text)
    }

    /// Whether an attempt that ended so counts against the policy.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Error
                | Self::Permanent
                | Self::Arguments
                | Self::Panic
                | Self::Timeout
                | Self::OutOfMemory
                | Self::Crash
        )
    }

    /// Whether a process died of it: such an input is a suspect.
    #[must_use]
    pub fn is_crash(self) -> bool {
        matches!(self, Self::Crash | Self::OutOfMemory)
    }
}

/// An attempt that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number, from 1; it is part of its fence.
    pub number: u32,
    /// Who ran it.
    pub worker: String,
    /// When it began, by the database's clock; none for one that was claimed and never began.
    pub started_at: Option<Timestamp>,
    /// When it ended, by the database's clock.
    pub ended_at: Timestamp,
    /// Why it ended.
    pub reason: Reason,
    /// What the handler, or the queue, said about it; at most [`MAX_MESSAGE_CHARS`].
    pub message: String,
}

/// A message as it is kept: cut to its bound, and without the character that PostgreSQL cannot store.
pub(crate) fn message(text: &str) -> String {
    let kept = text.chars().take(MAX_MESSAGE_CHARS);
    kept.map(|c| if c == '\0' { '\u{fffd}' } else { c })
        .collect()
}
