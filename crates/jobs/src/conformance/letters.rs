use std::time::Duration;

use super::enqueues::unique;
use super::{LONG, SHORT, Subject, kind, queue};
use crate::model::{Args, InputHash, JobId, MAX_ARGS_BYTES, NewJob, Outcome, Reason};
use crate::port::{Filter, LeftBehind, Replay, Replayed, Retention, Which};
use crate::states::State;

impl Subject {
    async fn replay(&self, which: Which, limit: u32) -> Replayed {
        let replay = Replay {
            which,
            edit: None,
            dry_run: false,
        };
        let replayed = self.port.replay(replay, limit).await;
        replayed.expect("an answer")
    }
}

fn of_reason(reason: Reason) -> Which {
    Which::Filter(Filter {
        reason: Some(reason),
        ..Filter::default()
    })
}

pub(super) async fn dead_letters_are_replayed_by_filter_within_a_limit(subject: Subject) {
    let mut errors = Vec::new();
    for n in 0..3 {
        let what = format!("error {n}");
        errors.push(subject.bury(subject.work(&what), Reason::Error).await);
    }
    let panicked = subject.bury(subject.work("panic"), Reason::Panic).await;
    let done = subject.enqueue_one("done").await;
    let claimed = subject.claim_one().await;
    subject.end(claimed.fence, Outcome::Completed).await;
    let first = subject.replay(of_reason(Reason::Error), 2).await;
    assert_eq!(first.jobs, errors[..2]);
    let rest = subject.replay(of_reason(Reason::Error), 2).await;
    assert_eq!(rest.jobs, errors[2..]);
    let nothing = subject.replay(of_reason(Reason::Error), 2).await;
    assert_eq!(nothing, Replayed::default());
    let elsewhere = Filter {
        queue: Some(queue("elsewhere")),
        ..Filter::default()
    };
    let nothing = subject.replay(Which::Filter(elsewhere), 9).await;
    assert_eq!(nothing, Replayed::default());
    assert_eq!(subject.state(panicked).await, State::Dead);
    assert_eq!(subject.state(done).await, State::Completed);
    let by_id = Which::Ids(vec![panicked, done, subject.id()]);
    assert_eq!(subject.replay(by_id, 9).await.jobs, [panicked]);
}

pub(super) async fn a_replayed_letter_has_its_attempts_and_new_arguments(subject: Subject) {
    let args = Args::parse(r#"{"size": 1, "name": "x"}"#).expect("JSON");
    let job = NewJob::new(subject.id(), kind("work"), queue("main"), args);
    let id = subject.bury(job, Reason::Timeout).await;
    let edit = Args::parse(r#"{"size": 2, "name": null}"#).expect("JSON");
    let replay = Replay {
        which: Which::Ids(vec![id]),
        edit: Some(edit),
        dry_run: false,
    };
    let replayed = subject.port.replay(replay, 9).await.expect("an answer");
    assert_eq!(replayed.jobs, [id]);
    let job = subject.job(id).await;
    let expected = Args::parse(r#"{"size":2}"#).expect("JSON");
    assert_eq!((job.state, job.failures), (State::Waiting, 0));
    assert_eq!(job.args, expected);
    assert_eq!(
        job.input,
        InputHash::of(&job.kind, &expected),
        "another input"
    );
    assert_eq!(job.attempts[0].reason, Reason::Timeout);
    let claimed = subject.claim_one().await;
    assert_eq!((claimed.fence.attempt, claimed.args), (2, expected));
    subject.end(claimed.fence, super::dead(Reason::Error)).await;
    let long = "x".repeat(MAX_ARGS_BYTES - 10);
    let too_large = format!(r#"{{"a": "{long}"}}"#);
    let replay = Replay {
        which: Which::Ids(vec![id]),
        edit: Args::parse(&too_large).ok(),
        dry_run: false,
    };
    let left = subject.port.replay(replay, 9).await.expect("an answer");
    assert_eq!(left.left, [(id, LeftBehind::ArgsTooLarge)]);
    assert_eq!(subject.state(id).await, State::Dead);
}

pub(super) async fn a_dry_run_changes_nothing(subject: Subject) {
    let id = subject.bury(subject.work("a"), Reason::Error).await;
    let before = subject.job(id).await;
    let replay = Replay {
        which: Which::Filter(Filter::default()),
        edit: None,
        dry_run: true,
    };
    let told = subject.port.replay(replay, 9).await.expect("an answer");
    assert_eq!(told.jobs, [id]);
    assert_eq!(subject.job(id).await, before);
    assert!(subject.claim(9, LONG).await.is_empty());
}

pub(super) async fn a_letter_whose_unique_key_is_taken_stays(subject: Subject) {
    let first = subject.bury(unique(&subject, "a"), Reason::Error).await;
    let second = subject.bury(unique(&subject, "a"), Reason::Error).await;
    let all = || Which::Filter(Filter::default());
    let replayed = subject.replay(all(), 9).await;
    assert_eq!(replayed.jobs, [first]);
    assert_eq!(replayed.left, [(second, LeftBehind::Duplicate(first))]);
    let replayed = subject.replay(all(), 9).await;
    assert_eq!(replayed.left, [(second, LeftBehind::Duplicate(first))]);
    let claimed = subject.claim_one().await;
    subject.end(claimed.fence, Outcome::Completed).await;
    assert_eq!(subject.replay(all(), 9).await.jobs, [second]);
}

pub(super) async fn replayed_poison_runs_alone(subject: Subject) {
    let id = subject.enqueue_one("poison").await;
    for _ in 0..2 {
        let claimed = match subject.claim(1, SHORT).await.pop() {
            Some(claimed) => claimed,
            None => subject.claim_alone(SHORT).await.expect("the suspect"),
        };
        subject.begin(&claimed).await;
        subject.outlives(&claimed).await;
        subject.rescue().await;
    }
    assert_eq!(subject.job(id).await.reason, Some(Reason::Poison));
    let replayed = subject.replay(of_reason(Reason::Poison), 9).await;
    assert_eq!(replayed.jobs, [id]);
    assert!(subject.claim(9, LONG).await.is_empty());
    let alone = subject.claim_alone(LONG).await.expect("put aside");
    assert_eq!((alone.fence.job, alone.crashes), (id, 1));
    subject.end(alone.fence, Outcome::Completed).await;
    // It did what it should: the input is no suspect any more.
    let again = subject.enqueue_one("poison").await;
    assert_eq!(subject.claim_one().await.fence.job, again);
}

pub(super) async fn history_is_forgotten_by_age_in_bounded_batches(subject: Subject) {
    let mut done: Vec<JobId> = Vec::new();
    for n in 0..5 {
        done.push(subject.enqueue_one(&format!("done {n}")).await);
        let claimed = subject.claim_one().await;
        subject.end(claimed.fence, Outcome::Completed).await;
    }
    let letter = subject.bury(unique(&subject, "a"), Reason::Error).await;
    let cancelled = subject.enqueue_one("cancelled").await;
    subject.port.cancel(cancelled).await.expect("cancelled");
    let waiting = subject.enqueue_one("waiting").await;
    let young = Retention {
        done: LONG,
        dead: LONG,
    };
    assert_eq!(subject.port.prune(young, 99).await.expect("an answer"), 0);
    let now = subject.port.now().await.expect("a clock");
    subject.passes(now).await;
    let old = Retention {
        done: Duration::ZERO,
        dead: LONG,
    };
    let mut pruned = Vec::new();
    for _ in 0..3 {
        pruned.push(subject.port.prune(old, 4).await.expect("an answer"));
    }
    assert_eq!(pruned, [4, 2, 0]);
    for id in done.into_iter().chain([cancelled]) {
        assert_eq!(subject.port.job(id).await.expect("an answer"), None);
    }
    assert_eq!(subject.state(letter).await, State::Dead);
    assert_eq!(subject.state(waiting).await, State::Waiting);
    let old = Retention {
        done: LONG,
        dead: Duration::ZERO,
    };
    assert_eq!(subject.port.prune(old, 4).await.expect("an answer"), 1);
    assert_eq!(subject.port.job(letter).await.expect("an answer"), None);
}
