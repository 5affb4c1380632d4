use std::time::Duration;

use super::{Fence, Reason};
use crate::states::Event;

/// How an attempt ended. Messages are cut to [`super::MAX_MESSAGE_CHARS`]; times count from the database's now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Completed,
    /// It failed, and is tried again after a while. The failure counts.
    Retry {
        /// How long it waits.
        after: Duration,
        /// Why.
        reason: Reason,
        /// What is told about it.
        message: String,
    },
    /// It failed for good.
    Dead {
        /// Why.
        reason: Reason,
        /// What is told about it.
        message: String,
    },
    /// It is to come again after a while. No failure.
    Snooze {
        /// How long it waits.
        after: Duration,
    },
    /// The worker has no time for it; somebody else takes it at once. No failure.
    GiveBack,
    /// Nobody here knows its kind; it is kept until somebody does. No failure.
    Park,
    /// It ended as somebody asked for.
    Cancelled,
}

impl Outcome {
    /// What it is in the table of transitions.
    #[must_use]
    pub fn event(&self) -> Event {
        match self {
            Self::Completed => Event::Complete,
            Self::Retry { .. } => Event::Retry,
            Self::Dead { .. } => Event::GiveUp,
            Self::Snooze { .. } => Event::Snooze,
            Self::GiveBack => Event::GiveBack,
            Self::Park => Event::Park,
            Self::Cancelled => Event::Stop,
        }
    }

    /// Why the attempt ended; nothing when it did what it should.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Completed => None,
            Self::Retry { reason, .. } | Self::Dead { reason, .. } => Some(*reason),
            Self::Snooze { .. } => Some(Reason::Snoozed),
            Self::GiveBack => Some(Reason::GivenBack),
            Self::Park => Some(Reason::UnknownKind),
            Self::Cancelled => Some(Reason::Cancelled),
        }
    }
}

/// The end of an attempt, as its holder tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Who says so.
    pub fence: Fence,
    /// How it ended.
    pub outcome: Outcome,
}
