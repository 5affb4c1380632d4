use std::time::Duration;

use super::{LONG, SHORT, Subject, dead, ids, queue};
use crate::model::{Claimed, Outcome, Reason};
use crate::states::State;

impl Subject {
    /// The process dies: all these leases run out and are rescued.
    async fn crash(&self, claimed: &[Claimed]) {
        for one in claimed {
            self.outlives(one).await;
        }
        assert_eq!(self.rescue().await.len(), claimed.len());
    }
}

pub(super) async fn only_what_had_started_is_a_suspect(subject: Subject) {
    for what in ["started", "not begun"] {
        subject.enqueue_one(what).await;
    }
    let mut wish = subject.wish(2, SHORT);
    wish.starts = false;
    let claimed = subject.port.claim(wish).await.expect("claimed");
    let (started, waited) = (&claimed[0], &claimed[1]);
    subject.begin(started).await;
    subject.crash(&claimed).await;
    assert!(subject.job(started.fence.job).await.alone);
    assert!(!subject.job(waited.fence.job).await.alone);
    assert_eq!(subject.claim_one().await.fence.job, waited.fence.job);
}

pub(super) async fn a_suspect_runs_alone_and_is_acquitted(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    subject.crash(&[claimed]).await;
    for _ in 0..100 {
        assert!(subject.claim(9, LONG).await.is_empty());
    }
    let alone = subject.claim_alone(LONG).await.expect("the suspect");
    assert_eq!((alone.fence.job, alone.crashes), (id, 1));
    assert!(subject.claim_alone(LONG).await.is_none());
    // An error is no crash: its process lives.
    let failed = Outcome::Retry {
        after: Duration::ZERO,
        reason: Reason::Panic,
        message: String::new(),
    };
    subject.end(alone.fence, failed).await;
    assert!(!subject.job(id).await.alone);
    let claimed = subject.claim_one().await;
    assert_eq!((claimed.fence.job, claimed.crashes), (id, 0));
}

pub(super) async fn a_suspect_whose_process_lived_is_acquitted_however_it_ended(subject: Subject) {
    let early = Outcome::Snooze {
        after: Duration::ZERO,
    };
    for outcome in [early, Outcome::Cancelled] {
        subject.enqueue_one("a").await;
        let claimed = subject.claim_for(SHORT).await;
        subject.crash(&[claimed]).await;
        let alone = subject.claim_alone(LONG).await.expect("the suspect");
        assert_eq!(alone.crashes, 1);
        subject.begin(&alone).await;
        subject.end(alone.fence, outcome).await;
        // Its input is no suspect any more, in the same job or in another one.
        if !subject.state(alone.fence.job).await.is_final() {
            let early = subject.claim_one().await;
            subject.end(early.fence, Outcome::Completed).await;
        }
        let other = subject.enqueue_one("a").await;
        let plain = subject.claim_one().await;
        assert_eq!((plain.fence.job, plain.crashes), (other, 0));
        subject.end(plain.fence, Outcome::Completed).await;
    }
}

pub(super) async fn two_crashes_condemn_an_input_and_no_neighbour(subject: Subject) {
    let poison = subject.enqueue_one("poison").await;
    let mut neighbours = Vec::new();
    for n in 0..3 {
        neighbours.push(subject.enqueue_one(&format!("neighbour {n}")).await);
    }
    // All run in one process, which dies.
    let claimed = subject.claim(4, SHORT).await;
    assert_eq!(claimed.len(), 4);
    subject.crash(&claimed).await;
    // Each runs alone now. The neighbours are done; the poison takes its process with it.
    let mut done = Vec::new();
    while let Some(alone) = subject.claim_alone(SHORT).await {
        subject.begin(&alone).await;
        if alone.fence.job == poison {
            subject.crash(&[alone]).await;
        } else {
            done.push(alone.fence.job);
            subject.end(alone.fence, Outcome::Completed).await;
        }
    }
    assert_eq!(done, neighbours);
    let letter = subject.job(poison).await;
    assert_eq!(
        (letter.state, letter.reason),
        (State::Dead, Some(Reason::Poison))
    );
    assert_eq!(
        letter.failures, 0,
        "it is condemned whatever its attempts are"
    );
    // The same input is known wherever it comes from.
    let again = subject.enqueue_one("poison").await;
    assert!(subject.claim(9, LONG).await.is_empty());
    let known = subject.claim_alone(LONG).await.expect("put aside");
    assert_eq!((known.fence.job, known.crashes), (again, 2));
    subject.end(known.fence, dead(Reason::Poison)).await;
    let still = subject.enqueue_one("poison").await;
    assert!(subject.claim(9, LONG).await.is_empty());
    let known = subject.claim_alone(LONG).await.expect("put aside");
    assert_eq!((known.fence.job, known.crashes), (still, 2));
}

pub(super) async fn a_suspect_claimed_alone_and_never_started_is_not_condemned(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    subject.crash(&[claimed]).await;
    // Its worker never hears of it, or is gone before it begins.
    for _ in 0..3 {
        let alone = subject.claim_alone(SHORT).await.expect("the suspect");
        assert_eq!(alone.crashes, 1);
        assert_eq!(subject.job(id).await.started_at, None);
        subject.crash(&[alone]).await;
        let job = subject.job(id).await;
        assert_eq!((job.state, job.alone), (State::Waiting, true));
    }
    let alone = subject.claim_alone(SHORT).await.expect("the suspect");
    subject.begin(&alone).await;
    assert!(subject.job(id).await.started_at.is_some());
    subject.crash(&[alone]).await;
    assert_eq!(subject.job(id).await.reason, Some(Reason::Poison));
}

pub(super) async fn one_death_of_two_jobs_on_one_input_condemns_neither(subject: Subject) {
    let same = [
        subject.enqueue_one("same").await,
        subject.enqueue_one("same").await,
    ];
    let claimed = subject.claim(2, SHORT).await;
    assert_eq!(ids(&claimed), same);
    subject.crash(&claimed).await;
    for id in same {
        let alone = subject.claim_alone(LONG).await.expect("the suspect");
        assert_eq!((alone.fence.job, alone.crashes), (id, 1));
    }
}

pub(super) async fn a_reported_crash_makes_a_suspect(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_one().await;
    let crashed = |reason| Outcome::Retry {
        after: Duration::ZERO,
        reason,
        message: "signal 11".to_owned(),
    };
    subject.end(claimed.fence, crashed(Reason::Crash)).await;
    let job = subject.job(id).await;
    assert_eq!((job.failures, job.alone), (1, true));
    let alone = subject.claim_alone(LONG).await.expect("the suspect");
    assert_eq!(alone.crashes, 1);
    subject.end(alone.fence, crashed(Reason::OutOfMemory)).await;
    let alone = subject.claim_alone(LONG).await.expect("the suspect");
    assert_eq!((alone.crashes, alone.failures), (2, 2));
    let reasons: Vec<Reason> = subject
        .job(id)
        .await
        .attempts
        .iter()
        .map(|attempt| attempt.reason)
        .collect();
    assert_eq!(reasons, [Reason::Crash, Reason::OutOfMemory]);
}

pub(super) async fn a_death_that_condemns_counts_and_a_sentence_by_itself_does_not(
    subject: Subject,
) {
    subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    subject.crash(&[claimed]).await;
    let alone = subject.claim_alone(LONG).await.expect("the suspect");
    assert_eq!(alone.crashes, 1);
    subject.begin(&alone).await;
    subject.end(alone.fence, dead(Reason::Poison)).await;
    for _ in 0..2 {
        let again = subject.enqueue_one("a").await;
        assert!(subject.claim(9, LONG).await.is_empty());
        let known = subject.claim_alone(LONG).await.expect("put aside");
        assert_eq!((known.fence.job, known.crashes), (again, 2));
        subject.end(known.fence, dead(Reason::Poison)).await;
    }
}

pub(super) async fn what_comes_on_a_suspect_input_is_put_aside(subject: Subject) {
    let first = subject.enqueue_one("same").await;
    let second = subject.enqueue_one("same").await;
    let healthy = subject.enqueue_one("other").await;
    let claimed = subject.claim_for(SHORT).await;
    assert_eq!(claimed.fence.job, first);
    subject.crash(&[claimed]).await;
    let mut given = Vec::new();
    for _ in 0..100 {
        given.extend(ids(&subject.claim(1, LONG).await));
    }
    assert_eq!(given, [healthy]);
    let mut alone = Vec::new();
    while let Some(one) = subject.claim_alone(LONG).await {
        alone.push(one.fence.job);
    }
    assert_eq!(alone, [first, second]);
}

pub(super) async fn suspects_that_wait_are_known(subject: Subject) {
    let known = async || {
        let known = subject.port.has_suspects(vec![queue("main")]).await;
        known.expect("an answer")
    };
    subject.enqueue_one("a").await;
    assert!(!known().await);
    let claimed = subject.claim_for(SHORT).await;
    subject.crash(&[claimed]).await;
    assert!(known().await);
    let elsewhere = subject.port.has_suspects(vec![queue("other")]).await;
    assert!(!elsewhere.expect("an answer"));
    subject.claim_alone(LONG).await.expect("the suspect");
    assert!(!known().await);
}
