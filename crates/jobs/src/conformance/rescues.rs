use std::time::Duration;

use stanchion_store::StoreError;

use super::{LONG, SHORT, Subject, ids};
use crate::model::{NewJob, Outcome, Policy, Reason};
use crate::port::{Heartbeat, Pulse, RescueRules};
use crate::states::State;

pub(super) async fn a_lost_lease_is_rescued_once_and_costs_no_attempt(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    subject.outlives(&claimed).await;
    let (mine, others) = tokio::join!(
        subject.port.rescue(RescueRules::default(), 10),
        subject.other.rescue(RescueRules::default(), 10)
    );
    let rescued = [mine.expect("an answer"), others.expect("an answer")].concat();
    assert_eq!(rescued.len(), 1, "{rescued:?}");
    assert_eq!(
        (rescued[0].fence, rescued[0].state),
        (claimed.fence, State::Waiting)
    );
    let job = subject.job(id).await;
    assert_eq!(
        (job.state, job.failures, job.lost_leases),
        (State::Waiting, 0, 1)
    );
    assert_eq!(job.attempts[0].reason, Reason::LostLease);
    assert_eq!(
        job.run_at, claimed.run_at,
        "it keeps its place in the queue"
    );
}

pub(super) async fn a_kept_lease_is_not_rescued(subject: Subject) {
    let (kept, lost) = (
        subject.enqueue_one("kept").await,
        subject.enqueue_one("lost").await,
    );
    let claimed = subject.claim(2, Duration::from_millis(100)).await;
    assert_eq!(ids(&claimed), [kept, lost]);
    let beat = Heartbeat {
        fence: claimed[0].fence,
        progress: None,
    };
    let pulses = subject.port.renew(vec![beat], LONG).await;
    assert_eq!(pulses.expect("an answer"), [Pulse::Held]);
    subject.outlives(&claimed[1]).await;
    let rescued = subject.other.rescue(RescueRules::default(), 10).await;
    let rescued = rescued.expect("an answer");
    let jobs: Vec<_> = rescued.iter().map(|one| one.fence.job).collect();
    assert_eq!(jobs, [lost]);
    // A short renewal does not take away what a long one gave.
    let until = subject.job(kept).await.leased_until;
    let beat = Heartbeat {
        fence: claimed[0].fence,
        progress: None,
    };
    let pulses = subject.port.renew(vec![beat], SHORT).await;
    assert_eq!(pulses.expect("an answer"), [Pulse::Held]);
    assert_eq!(subject.job(kept).await.leased_until, until);
}

pub(super) async fn a_lease_lost_too_often_makes_a_dead_letter(subject: Subject) {
    let job = NewJob {
        policy: Policy {
            max_lost_leases: 2,
            ..Policy::default()
        },
        ..subject.work("a")
    };
    let id = job.id;
    subject.enqueue(vec![job]).await;
    for lost in 0..3 {
        // Never started: no process can have died of it.
        let mut wish = subject.wish(1, SHORT);
        wish.starts = false;
        let claimed = loop {
            let claimed = subject.port.claim(wish.clone()).await;
            if let Some(claimed) = claimed.expect("an answer").pop() {
                break claimed;
            }
        };
        assert_eq!((claimed.lost_leases, claimed.failures), (lost, 0));
        subject.outlives(&claimed).await;
        subject.rescue().await;
    }
    let letter = subject.job(id).await;
    assert_eq!(
        (letter.state, letter.reason),
        (State::Dead, Some(Reason::LostLease))
    );
    assert_eq!((letter.lost_leases, letter.failures), (3, 0));
    assert_eq!(letter.attempts.len(), 3);
    assert!(letter.attempts.iter().all(|one| one.started_at.is_none()));
}

pub(super) async fn a_rescue_is_bounded(subject: Subject) {
    for n in 0..5 {
        subject.enqueue_one(&format!("job {n}")).await;
    }
    let claimed = subject.claim(5, SHORT).await;
    subject.outlives(&claimed[4]).await;
    let mut rescued = Vec::new();
    for _ in 0..3 {
        let some = subject.port.rescue(RescueRules::default(), 2).await;
        rescued.push(some.expect("an answer").len());
    }
    assert_eq!(rescued, [2, 2, 1]);
}

pub(super) async fn an_expired_lease_holds_until_somebody_rescues(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    subject.outlives(&claimed).await;
    assert!(subject.claim(9, LONG).await.is_empty());
    let beat = Heartbeat {
        fence: claimed.fence,
        progress: None,
    };
    let pulses = subject.port.renew(vec![beat], LONG).await;
    assert_eq!(pulses.expect("an answer"), [Pulse::Held]);
    assert_eq!(subject.rescue().await, []);
    subject.end(claimed.fence, Outcome::Completed).await;
    assert_eq!(subject.state(id).await, State::Completed);
}

pub(super) async fn a_lease_that_is_prolonged_is_not_rescued(subject: Subject) {
    subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    subject.outlives(&claimed).await;
    let prolonged = subject.other.prolong(LONG, 10).await;
    assert_eq!(prolonged.expect("an answer"), 1);
    assert_eq!(subject.rescue().await, []);
    let prolonged = subject.other.prolong(LONG, 10).await;
    assert_eq!(prolonged.expect("an answer"), 0);
    subject.end(claimed.fence, Outcome::Completed).await;
}

pub(super) async fn what_was_found_too_late_is_left(subject: Subject) {
    subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    subject.outlives(&claimed).await;
    let hasty = RescueRules {
        patience: Duration::ZERO,
        ..RescueRules::default()
    };
    let late = subject.port.rescue(hasty, 10).await;
    assert!(matches!(late, Err(StoreError::Busy(_))), "{late:?}");
    assert_eq!(subject.rescue().await.len(), 1);
}
