use std::time::Duration;

use super::{LONG, SHORT, Subject, dead, kind, queue, retry};
use crate::model::{Fence, LeaseId, MAX_ATTEMPTS_KEPT, NewJob, Outcome, Reason, Settlement};
use crate::port::{Cancelled, Heartbeat, Pulse, Replay, Verdict, Which};
use crate::states::State;

pub(super) async fn a_completed_job_is_in_the_history(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_one().await;
    let running = subject.job(id).await;
    assert_eq!((running.state, running.attempt), (State::Running, 1));
    assert_eq!(running.worker.as_deref(), Some("examiner"));
    assert!(running.leased_until > Some(claimed.claimed_at));
    subject.end(claimed.fence, Outcome::Completed).await;
    let done = subject.job(id).await;
    assert_eq!((done.state, done.attempt), (State::Completed, 1));
    assert_eq!((done.reason, done.leased_until), (None, None));
    assert!(done.finished_at >= done.started_at && done.started_at.is_some());
    assert!(done.attempts.is_empty());
}

pub(super) async fn an_old_fence_changes_nothing(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let zombie = subject.claim_for(SHORT).await;
    subject.outlives(&zombie).await;
    assert_eq!(subject.rescue().await.len(), 1);
    // A started job whose lease was lost runs alone.
    let held = subject.claim_alone(LONG).await.expect("the job");
    let before = subject.job(id).await;
    let outcomes = [
        Outcome::Completed,
        retry(Duration::ZERO),
        dead(Reason::Error),
        Outcome::Snooze { after: LONG },
        Outcome::GiveBack,
        Outcome::Park,
        Outcome::Cancelled,
    ];
    let mut fences = vec![zombie.fence];
    // Neither of its parts is enough.
    fences.push(Fence {
        attempt: zombie.fence.attempt,
        ..held.fence
    });
    fences.push(Fence {
        lease: zombie.fence.lease,
        ..held.fence
    });
    fences.push(Fence {
        lease: LeaseId(subject.ids.next()),
        ..held.fence
    });
    for fence in fences {
        for outcome in &outcomes {
            let verdict = subject.settle(fence, outcome.clone()).await;
            assert_eq!(verdict, Verdict::Lost, "{fence:?} {outcome:?}");
        }
        let beat = Heartbeat {
            fence,
            progress: None,
        };
        let pulses = subject.port.renew(vec![beat], LONG).await;
        assert_eq!(pulses.expect("an answer"), [Pulse::Lost]);
        let started = subject.port.start(vec![fence]).await;
        assert_eq!(started.expect("an answer"), [Verdict::Lost]);
        assert_eq!(subject.job(id).await, before, "changed by {fence:?}");
    }
    subject.end(held.fence, Outcome::Completed).await;
}

pub(super) async fn a_completed_job_is_never_reopened(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    let again = subject.job(id).await.leased_until.expect("a lease");
    subject.end(claimed.fence, Outcome::Completed).await;
    let done = subject.job(id).await;
    subject.passes(again).await;
    assert_eq!(subject.rescue().await, []);
    let verdict = subject.settle(claimed.fence, Outcome::GiveBack).await;
    assert_eq!(verdict, Verdict::Lost);
    let cancelled = subject.port.cancel(id).await.expect("an answer");
    assert_eq!(cancelled, Cancelled::Ended(State::Completed));
    let replay = Replay {
        which: Which::Ids(vec![id]),
        edit: None,
        dry_run: false,
    };
    let replayed = subject.port.replay(replay, 10).await.expect("an answer");
    assert_eq!(replayed.jobs, []);
    assert!(subject.claim(9, LONG).await.is_empty());
    assert!(subject.claim_alone(LONG).await.is_none());
    assert_eq!(subject.job(id).await, done);
}

pub(super) async fn a_failure_counts_and_waits(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_one().await;
    subject.end(claimed.fence, retry(LONG)).await;
    let job = subject.job(id).await;
    assert_eq!((job.state, job.failures), (State::Waiting, 1));
    assert!(job.run_at >= claimed.claimed_at.saturating_add(LONG));
    let attempt = &job.attempts[0];
    assert_eq!(
        (attempt.number, attempt.reason, attempt.message.as_str()),
        (1, Reason::Error, "it broke")
    );
    assert_eq!(attempt.worker, "examiner");
    assert_eq!(attempt.started_at, Some(claimed.claimed_at));
    assert!(attempt.ended_at >= claimed.claimed_at);
    assert!(subject.claim(9, LONG).await.is_empty(), "it waits");
}

pub(super) async fn an_attempt_number_only_grows(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let outcomes = [
        retry(Duration::ZERO),
        Outcome::Snooze {
            after: Duration::ZERO,
        },
        Outcome::GiveBack,
        dead(Reason::Error),
    ];
    let (mut attempts, mut leases) = (Vec::new(), std::collections::HashSet::new());
    for outcome in outcomes {
        let claimed = subject.claim_one().await;
        attempts.push(claimed.fence.attempt);
        leases.insert(claimed.fence.lease);
        subject.end(claimed.fence, outcome).await;
    }
    let replay = Replay {
        which: Which::Ids(vec![id]),
        edit: None,
        dry_run: false,
    };
    subject.port.replay(replay, 10).await.expect("replayed");
    attempts.push(subject.claim_one().await.fence.attempt);
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    assert_eq!(leases.len(), 4, "every claim has a lease of its own");
    let numbers: Vec<u32> = subject
        .job(id)
        .await
        .attempts
        .iter()
        .map(|attempt| attempt.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

pub(super) async fn a_snooze_and_a_shutdown_cost_no_failure(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let before = subject.job(id).await;
    let claimed = subject.claim_one().await;
    subject.end(claimed.fence, Outcome::GiveBack).await;
    let job = subject.job(id).await;
    assert_eq!((job.state, job.failures), (State::Waiting, 0));
    assert_eq!(job.run_at, before.run_at, "it keeps its place");
    let claimed = subject.claim_one().await;
    let after = Duration::from_secs(100);
    subject.end(claimed.fence, Outcome::Snooze { after }).await;
    let job = subject.job(id).await;
    assert_eq!((job.failures, job.lost_leases), (0, 0));
    assert!(job.run_at >= claimed.claimed_at.saturating_add(after));
    let reasons: Vec<Reason> = job.attempts.iter().map(|attempt| attempt.reason).collect();
    assert_eq!(reasons, [Reason::GivenBack, Reason::Snoozed]);
}

pub(super) async fn ended_attempts_are_kept_up_to_a_bound(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    for _ in 0..MAX_ATTEMPTS_KEPT + 3 {
        let claimed = subject.claim_one().await;
        subject.end(claimed.fence, Outcome::GiveBack).await;
    }
    let attempts = subject.job(id).await.attempts;
    assert_eq!(attempts.len(), MAX_ATTEMPTS_KEPT);
    assert_eq!(attempts[0].number, 4, "the oldest go first");
}

pub(super) async fn a_batch_is_settled_each_by_its_own_fence(subject: Subject) {
    for what in ["done", "again", "dead", "lost"] {
        subject.enqueue_one(what).await;
    }
    let claimed = subject.claim(4, LONG).await;
    let outcomes = [
        Outcome::Completed,
        retry(LONG),
        dead(Reason::Permanent),
        Outcome::Completed,
    ];
    let mut settlements: Vec<Settlement> = claimed
        .iter()
        .zip(outcomes)
        .map(|(one, outcome)| Settlement {
            fence: one.fence,
            outcome,
        })
        .collect();
    settlements[3].fence.attempt += 1;
    // Once more, otherwise: what is said first counts.
    settlements.push(Settlement {
        fence: claimed[0].fence,
        outcome: retry(LONG),
    });
    let verdicts = subject.port.settle(None, settlements).await;
    let held = Verdict::Held;
    let expected = [held, held, held, Verdict::Lost, Verdict::Lost];
    assert_eq!(verdicts.expect("an answer"), expected);
    let mut states = Vec::new();
    for one in &claimed {
        states.push(subject.state(one.fence.job).await);
    }
    let expected = [
        State::Completed,
        State::Waiting,
        State::Dead,
        State::Running,
    ];
    assert_eq!(states, expected);
    let letter = subject.job(claimed[2].fence.job).await;
    assert_eq!(
        (letter.reason, letter.failures),
        (Some(Reason::Permanent), 1)
    );
    assert_eq!(letter.message.as_deref(), Some("for good"));
    assert_eq!(letter.attempts.len(), 1);
}

pub(super) async fn a_parked_job_is_kept_until_somebody_knows_its_kind(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_one().await;
    subject.end(claimed.fence, Outcome::Park).await;
    let parked = subject.job(id).await;
    assert_eq!((parked.state, parked.failures), (State::Parked, 0));
    assert_eq!(parked.attempts[0].reason, Reason::UnknownKind);
    assert!(subject.claim(9, LONG).await.is_empty());
    let queues = vec![queue("main")];
    let others = vec![kind("else")];
    let others = subject.other.unpark(queues.clone(), others, 10).await;
    assert_eq!(others.expect("an answer"), 0);
    let known = vec![kind("else"), kind("work")];
    let known = subject.other.unpark(queues, known, 10).await;
    assert_eq!(known.expect("an answer"), 1);
    assert_eq!(subject.claim_one().await.fence.job, id);
}

pub(super) async fn a_parked_job_is_kept_for_workers_of_its_queue(subject: Subject) {
    let here = subject.enqueue_one("a").await;
    let elsewhere = NewJob {
        queue: queue("elsewhere"),
        ..subject.work("b")
    };
    let there = elsewhere.id;
    subject.enqueue(vec![elsewhere]).await;
    let claimed = subject.claim_one().await;
    subject.end(claimed.fence, Outcome::Park).await;
    let mut wish = subject.wish(1, LONG);
    wish.quotas[0].queue = queue("elsewhere");
    let claimed = subject.port.claim(wish).await.expect("claimed");
    subject.end(claimed[0].fence, Outcome::Park).await;

    let known = vec![kind("work")];
    for (queues, unparked) in [
        (vec![], 0),
        (vec![queue("nowhere")], 0),
        (vec![queue("nowhere"), queue("elsewhere")], 1),
    ] {
        let answer = subject.other.unpark(queues, known.clone(), 10).await;
        assert_eq!(answer.expect("an answer"), unparked);
    }
    let states = (subject.state(here).await, subject.state(there).await);
    assert_eq!(states, (State::Parked, State::Waiting));
    let all = vec![queue("elsewhere"), queue("main")];
    let answer = subject.other.unpark(all, known, 10).await;
    assert_eq!(answer.expect("an answer"), 1);
    assert_eq!(subject.claim_one().await.fence.job, here);
}
