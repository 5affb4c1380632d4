use proptest::prelude::*;
use stanchion_kernel::{Timestamp, Uuid};

use super::*;
use crate::model::{Args, Fence, InputHash, JobId, Kind, LeaseId, Policy, Priority, Queue};

const RULES: RescueRules = RescueRules {
    patience: Duration::MAX,
    crashes_to_condemn: 2,
};

fn claimed(failures: u32, crashes: u32) -> Claimed {
    let kind = Kind::new("k").unwrap();
    let args = Args::parse("1").unwrap();
    Claimed {
        fence: Fence {
            job: JobId(Uuid::nil()),
            attempt: failures + 1,
            lease: LeaseId(Uuid::nil()),
        },
        input: InputHash::of(&kind, &args),
        kind,
        queue: Queue::new("q").unwrap(),
        priority: Priority::NORMAL,
        args,
        policy: Policy {
            max_attempts: 3,
            ..Policy::default()
        },
        failures,
        lost_leases: 0,
        crashes,
        traceparent: None,
        created_at: Timestamp::default(),
        run_at: Timestamp::default(),
        claimed_at: Timestamp::default(),
    }
}

fn ends(failures: u32, end: End, asked: Option<Asked>) -> Outcome {
    outcome(&claimed(failures, 0), end, asked, RULES, u64::MAX)
}

fn error() -> Box<dyn std::error::Error + Send + Sync> {
    "no luck".into()
}

fn answered(failure: Failure) -> End {
    End::Answered(Err(failure))
}

#[test]
fn a_failure_is_tried_again_until_its_attempts_are_used_up() {
    let waits =
        [0, 1].map(
            |failures| match ends(failures, answered(Failure::Error(error())), None) {
                Outcome::Retry {
                    after,
                    reason: Reason::Error,
                    message,
                } => {
                    assert_eq!(message, "no luck");
                    after.as_millis()
                }
                other => panic!("{other:?}"),
            },
        );
    assert_eq!(waits, [999, 1999]);
    let last = ends(2, answered(Failure::Error(error())), None);
    assert!(matches!(
        last,
        Outcome::Dead {
            reason: Reason::Error,
            ..
        }
    ));
}

#[test]
fn each_reason_is_told_apart() {
    let crash = || Failure::Crash("signal 11".to_owned());
    let ends = [
        (answered(Failure::Error(error())), Reason::Error),
        (End::Panicked("boom".to_owned()), Reason::Panic),
        (End::TimedOut, Reason::Timeout),
        (
            answered(Failure::OutOfMemory("200 MB".to_owned())),
            Reason::OutOfMemory,
        ),
        (answered(crash()), Reason::Crash),
        (answered(Failure::permanent("gone")), Reason::Permanent),
        (End::Arguments("no number".to_owned()), Reason::Arguments),
        (End::UnknownKind, Reason::UnknownKind),
        (End::GivenBack, Reason::GivenBack),
        (answered(Failure::Snooze(Duration::ZERO)), Reason::Snoozed),
    ];
    for (end, reason) in ends {
        let what = format!("{end:?}");
        assert_eq!(self::ends(0, end, None).reason(), Some(reason), "{what}");
    }
}

#[test]
fn a_handler_says_when_it_is_tried_again_within_a_bound() {
    let wait = |after| match ends(0, answered(Failure::retry_after(after, "busy")), None) {
        Outcome::Retry { after, .. } => after,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(Duration::from_secs(7)), Duration::from_secs(7));
    assert_eq!(wait(Duration::MAX), LONGEST_WAIT);
    let snoozed = ends(0, answered(Failure::Snooze(Duration::MAX)), None);
    assert_eq!(
        snoozed,
        Outcome::Snooze {
            after: LONGEST_WAIT
        }
    );
}

#[test]
fn what_was_asked_to_end_says_nothing_about_the_job() {
    for end in [
        answered(Failure::Cancelled),
        answered(Failure::Error(error())),
        End::Dropped,
    ] {
        let what = format!("{end:?}");
        let (end, again) = match end {
            End::Dropped => (End::Dropped, End::Dropped),
            _ => (end, answered(Failure::Cancelled)),
        };
        assert_eq!(
            ends(2, end, Some(Asked::Cancelled)),
            Outcome::Cancelled,
            "{what}"
        );
        assert_eq!(
            ends(2, again, Some(Asked::Stopping)),
            Outcome::GiveBack,
            "{what}"
        );
    }
}

#[test]
fn a_death_after_it_was_asked_to_end_neither_condemns_nor_acquits() {
    for failure in [
        Failure::Crash("signal 9".to_owned()),
        Failure::OutOfMemory("200 MB".to_owned()),
    ] {
        let ended = ends(0, answered(failure), Some(Asked::Cancelled));
        assert_eq!(ended, Outcome::GiveBack);
    }
}

#[test]
fn what_was_done_is_done_whoever_asked_it_to_end() {
    for asked in [
        Asked::Cancelled,
        Asked::Stopping,
        Asked::Lost,
        Asked::TimedOut,
    ] {
        let done = ends(0, End::Answered(Ok(())), Some(asked));
        assert_eq!(done, Outcome::Completed);
    }
}

#[test]
fn the_second_crash_on_an_input_is_poison_whatever_its_attempts() {
    let crash = || answered(Failure::Crash("signal 9".to_owned()));
    let first = outcome(&claimed(0, 0), crash(), None, RULES, 0);
    assert!(matches!(
        first,
        Outcome::Retry {
            reason: Reason::Crash,
            ..
        }
    ));
    let second = outcome(&claimed(0, 1), crash(), None, RULES, 0);
    assert!(matches!(
        second,
        Outcome::Dead {
            reason: Reason::Poison,
            ..
        }
    ));
    let known = outcome(&claimed(0, 2), End::Poison, None, RULES, 0);
    assert!(matches!(
        known,
        Outcome::Dead {
            reason: Reason::Poison,
            ..
        }
    ));
}

#[test]
fn an_error_is_told_with_all_that_caused_it() {
    #[derive(Debug, thiserror::Error)]
    #[error("the picture is not there")]
    struct NoPicture(#[source] std::io::Error);
    let cause = std::io::Error::other("disk on fire");
    let end = answered(Failure::from(NoPicture(cause)));
    match ends(0, end, None) {
        Outcome::Retry { message, .. } => {
            assert_eq!(message, "the picture is not there: disk on fire");
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn no_attempt_is_beyond_the_policy(failures: u32, crashes: u32, random: u64) {
        let ends = [
            answered(Failure::Error(error())),
            answered(Failure::Crash(String::new())),
            End::Panicked(String::new()),
            End::TimedOut,
        ];
        for end in ends {
            let claimed = Claimed { failures, ..claimed(0, crashes) };
            let retries = matches!(outcome(&claimed, end, None, RULES, random), Outcome::Retry { .. });
            prop_assert!(!retries || failures < 2);
        }
    }
}
