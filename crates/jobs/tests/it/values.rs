use std::time::Duration;

use stanchion_jobs::{
    Args, Backoff, Invalid, Kind, MAX_ARGS_BYTES, MAX_MESSAGE_CHARS, NewJob, Outcome, Policy,
    Priority, Progress, Queue, Reason, RunAt, State, Traceparent, Worker,
};
use stanchion_kernel::Timestamp;

#[test]
fn hostile_names_are_refused() {
    let long = "q".repeat(65);
    let names = [
        "", "Q", "1a", "-a", "a b", "a/b", "a\0", "a\n", "ä", "a;drop", "../a", &long,
    ];
    for name in names {
        assert_eq!(Queue::new(name), Err(Invalid::Queue), "{name:?}");
        assert_eq!(Kind::new(name), Err(Invalid::Kind), "{name:?}");
    }
    for name in ["a", "media.render-2_x", &"q".repeat(64)] {
        assert_eq!(Queue::new(name).unwrap().as_str(), name);
    }
    for name in ["", "a\u{1b}[2J", "ü", &"w".repeat(129)] {
        assert_eq!(Worker::new(name), Err(Invalid::Worker), "{name:?}");
    }
}

#[test]
fn arguments_are_json_within_their_bound() {
    for text in ["", "{", "{} {}", "nul", "\"\0\"", "\u{feff}{}"] {
        let parsed = Args::parse(text);
        assert!(matches!(parsed, Err(Invalid::Args(_))), "{text:?}");
    }
    let most = format!("\"{}\"", "x".repeat(MAX_ARGS_BYTES - 2));
    assert!(Args::parse(&most).is_ok());
    let error = Args::parse(&format!("{most} ")).unwrap_err();
    let bytes = MAX_ARGS_BYTES + 1;
    assert_eq!(error, Invalid::ArgsTooLarge { bytes });
    assert!(error.to_string().contains("object store"), "{error}");
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let nested = Args::parse(&deep);
    assert!(nested.is_ok() || matches!(nested, Err(Invalid::Args(_))));
}

#[test]
fn priorities_are_ten() {
    assert_eq!(Priority::all().count(), 10);
    assert_eq!(Priority::new(10), Err(Invalid::Priority));
    assert!(Priority::MOST_URGENT < Priority::NORMAL);
}

#[test]
fn a_traceparent_is_one_of_version_00() {
    let sound = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(Traceparent::new(sound).unwrap().as_str(), sound);
    let wrong = [
        "",
        "00",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "00-0af7651916cd43dd8448eb211c80319\u{e9}-b7ad6b7169203331-01",
    ];
    for text in wrong {
        assert_eq!(
            Traceparent::new(text),
            Err(Invalid::Traceparent),
            "{text:?}"
        );
    }
}

fn job(policy: Policy, run_at: RunAt) -> NewJob {
    NewJob {
        policy,
        run_at,
        ..NewJob::new(
            stanchion_jobs::JobId(stanchion_kernel::Uuid::from_u128(1)),
            Kind::new("k").unwrap(),
            Queue::new("q").unwrap(),
            Args::of(&1).unwrap(),
        )
    }
}

#[test]
fn policies_and_moments_are_bounded() {
    let sound = Policy::default;
    assert_eq!(job(sound(), RunAt::Now).check(), Ok(()));
    let backoff = |base, cap| Backoff {
        base,
        cap,
        ..Backoff::default()
    };
    let hour = Duration::from_hours(1);
    let wrong = [
        Policy {
            max_attempts: 0,
            ..sound()
        },
        Policy {
            max_attempts: 1001,
            ..sound()
        },
        Policy {
            max_lost_leases: 0,
            ..sound()
        },
        Policy {
            timeout: Duration::ZERO,
            ..sound()
        },
        Policy {
            timeout: 25 * hour,
            ..sound()
        },
        Policy {
            backoff: backoff(2 * hour, hour),
            ..sound()
        },
        Policy {
            backoff: backoff(hour, Duration::MAX),
            ..sound()
        },
    ];
    for policy in wrong {
        let checked = job(policy, RunAt::Now).check();
        assert!(matches!(checked, Err(Invalid::Policy(_))), "{checked:?}");
    }
    let moments = [
        RunAt::After(Duration::MAX),
        RunAt::At(Timestamp::from_micros(-1)),
        RunAt::At(Timestamp::from_micros(i64::MAX)),
    ];
    for moment in moments {
        assert_eq!(job(sound(), moment).check(), Err(Invalid::RunAt));
    }
}

#[test]
fn every_outcome_is_a_transition_of_a_running_job() {
    let (message, after) = (String::new(), Duration::ZERO);
    let reason = Reason::Error;
    let outcomes = [
        Outcome::Completed,
        Outcome::Retry {
            after,
            reason,
            message: message.clone(),
        },
        Outcome::Dead { reason, message },
        Outcome::Snooze { after },
        Outcome::GiveBack,
        Outcome::Park,
        Outcome::Cancelled,
    ];
    for outcome in outcomes {
        let to = State::Running.after(outcome.event());
        assert!(to.is_some(), "{outcome:?}");
    }
}

#[test]
fn what_is_stored_by_name_is_read_by_name() {
    for reason in Reason::all() {
        assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
    }
    for state in State::ALL {
        assert_eq!(State::parse(state.as_str()), Some(state));
    }
}

#[test]
fn progress_is_cut_to_its_bounds() {
    let progress = Progress::new(200, &"\0".repeat(MAX_MESSAGE_CHARS + 1));
    assert_eq!(progress.percent, 100);
    assert_eq!(progress.message.chars().count(), MAX_MESSAGE_CHARS);
    assert!(!progress.message.contains('\0'));
}
