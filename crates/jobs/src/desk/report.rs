use crate::ending::{End, outcome};
use crate::failure::Failure;
use crate::model::{Claimed, Outcome};
use crate::port::RescueRules;

/// How an attempt ended that did not do its job, as its worker tells.
#[derive(Debug)]
pub enum Report {
    /// As a handler answers.
    Failed(Failure),
    /// The arguments are not what the handler takes: a dead letter at once, which can be replayed with others.
    Arguments(String),
    /// The handler panicked, or what is like it in the worker's language.
    Panicked(String),
    /// It took longer than its policy allows.
    TimedOut,
    /// The worker has no handler of its kind: it is parked.
    UnknownKind,
    /// The worker has no time for it, or heard that it is to be cancelled. It costs no attempt.
    GivenBack,
}

impl Report {
    pub(super) fn outcome(self, claimed: &Claimed, rules: RescueRules, random: u64) -> Outcome {
        let end = match self {
            Self::Failed(failure) => End::Answered(Err(failure)),
            Self::Arguments(message) => End::Arguments(message),
            Self::Panicked(message) => End::Panicked(message),
            Self::TimedOut => End::TimedOut,
            Self::UnknownKind => End::UnknownKind,
            Self::GivenBack => End::GivenBack,
        };
        outcome(claimed, end, None, rules, random)
    }
}
