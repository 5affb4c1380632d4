//! What becomes of a job when its attempt is over. Pure.

use std::time::Duration;

use crate::failure::{Failure, Whole};
use crate::model::{Claimed, Outcome, Reason};
use crate::port::RescueRules;

/// How an attempt came to its end.
#[derive(Debug)]
pub(crate) enum End {
    /// The handler answered.
    Answered(Result<(), Failure>),
    /// It panicked.
    Panicked(String),
    /// It took longer than its policy allows.
    TimedOut,
    /// It was asked to end and did not, and was dropped.
    Dropped,
    /// The arguments are not what the handler takes.
    Arguments(String),
    /// There is no handler for its kind.
    UnknownKind,
    /// Processes died on its input too often; it was not begun.
    Poison,
    /// It was not begun, or dropped, since the worker stops.
    GivenBack,
}

/// Who asked a handler to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Somebody who wants the job cancelled.
    Cancelled,
    /// The worker, since it stops.
    Stopping,
    /// The lease is lost: whatever is said about the job is not heard.
    Lost,
    /// Its time is over.
    TimedOut,
}

/// The longest that a handler can have its job wait.
const LONGEST_WAIT: Duration = Duration::from_hours(30 * 24);

/// Decides. `random` is evenly spread over all numbers.
pub(crate) fn outcome(
    claimed: &Claimed,
    end: End,
    asked: Option<Asked>,
    rules: RescueRules,
    random: u64,
) -> Outcome {
    let failed = |reason, message| fails(claimed, reason, message, None, random);
    match (end, asked) {
        (End::Answered(Ok(())), _) => Outcome::Completed,
        (End::GivenBack, _) => Outcome::GiveBack,
        (End::UnknownKind, _) => Outcome::Park,
        (End::Poison, _) => poisoned(claimed.crashes),
        (End::Arguments(message), _) => dead(Reason::Arguments, message),
        // Whether its process died since it was to end, nobody knows: the broker cancels it, and its input is what it was.
        (
            End::Answered(Err(Failure::Crash(_) | Failure::OutOfMemory(_))),
            Some(Asked::Cancelled),
        ) => Outcome::GiveBack,
        // What an attempt says that was asked to end is about that and not about the job.
        (End::Answered(Err(_)) | End::Dropped, Some(Asked::Cancelled)) => Outcome::Cancelled,
        (End::Answered(Err(_)) | End::Dropped, Some(Asked::Stopping)) => Outcome::GiveBack,
        (End::TimedOut, _) | (End::Dropped | End::Answered(Err(_)), Some(Asked::TimedOut)) => {
            let allowed = claimed.policy.timeout;
            failed(Reason::Timeout, format!("it took longer than {allowed:?}"))
        }
        (End::Panicked(message), _) => failed(Reason::Panic, message),
        (End::Answered(Err(failure)), _) => answered(claimed, failure, rules, random),
        (End::Dropped, _) => Outcome::GiveBack,
    }
}

fn answered(claimed: &Claimed, failure: Failure, rules: RescueRules, random: u64) -> Outcome {
    let failed = |reason, message, after| fails(claimed, reason, message, after, random);
    match failure {
        Failure::Error(error) => failed(Reason::Error, Whole(&*error).to_string(), None),
        Failure::RetryAfter(after, error) => {
            failed(Reason::Error, Whole(&*error).to_string(), Some(after))
        }
        Failure::Permanent(error) => dead(Reason::Permanent, Whole(&*error).to_string()),
        Failure::Snooze(after) => Outcome::Snooze {
            after: after.min(LONGEST_WAIT),
        },
        Failure::OutOfMemory(message) => {
            crashed(claimed, Reason::OutOfMemory, message, rules, random)
        }
        Failure::Crash(message) => crashed(claimed, Reason::Crash, message, rules, random),
        Failure::TimedOut(message) => failed(Reason::Timeout, message, None),
        // Nobody asked.
        Failure::Cancelled => failed(Reason::Error, "it ended early".to_owned(), None),
    }
}

/// A process that works on nothing else died of it, so that nothing else can be to blame.
fn crashed(
    claimed: &Claimed,
    reason: Reason,
    message: String,
    rules: RescueRules,
    random: u64,
) -> Outcome {
    let crashes = claimed.crashes.saturating_add(1);
    if crashes >= rules.crashes_to_condemn {
        return poisoned(crashes);
    }
    fails(claimed, reason, message, None, random)
}

fn fails(
    claimed: &Claimed,
    reason: Reason,
    message: String,
    after: Option<Duration>,
    random: u64,
) -> Outcome {
    let policy = &claimed.policy;
    if claimed.failures.saturating_add(1) >= u32::from(policy.max_attempts) {
        return dead(reason, message);
    }
    let pause = || policy.backoff.pause(claimed.failures, random);
    Outcome::Retry {
        after: after.map_or_else(pause, |after| after.min(LONGEST_WAIT)),
        reason,
        message,
    }
}

fn poisoned(crashes: u32) -> Outcome {
    dead(
        Reason::Poison,
        format!("{crashes} processes died on this input"),
    )
}

fn dead(reason: Reason, message: String) -> Outcome {
    Outcome::Dead { reason, message }
}

#[cfg(test)]
mod tests;
