use std::time::Duration;

use super::enqueues::unique;
use super::{LONG, SHORT, Subject, dead, retry};
use crate::model::{Enqueued, Outcome, Progress, Reason};
use crate::port::{Cancelled, Heartbeat, Pulse};
use crate::states::State;

pub(super) async fn a_waiting_job_is_cancelled_at_once(subject: Subject) {
    let job = unique(&subject, "a");
    let id = job.id;
    subject.enqueue(vec![job]).await;
    let cancelled = subject.other.cancel(id).await.expect("an answer");
    assert_eq!(cancelled, Cancelled::Now);
    let job = subject.job(id).await;
    assert_eq!(
        (job.state, job.reason),
        (State::Cancelled, Some(Reason::Cancelled))
    );
    assert!(subject.claim(9, LONG).await.is_empty());
    let again = subject.port.cancel(id).await.expect("an answer");
    assert_eq!(again, Cancelled::Ended(State::Cancelled));
    let nobody = subject.port.cancel(subject.id()).await.expect("an answer");
    assert_eq!(nobody, Cancelled::NoJob);
    // Its place is free.
    let next = unique(&subject, "a");
    let id = next.id;
    let enqueued = subject.port.enqueue(None, vec![next]).await;
    assert_eq!(enqueued.expect("an answer"), [Enqueued::New(id)]);
}

pub(super) async fn a_running_job_hears_of_its_cancellation(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_one().await;
    let beat = Heartbeat {
        fence: claimed.fence,
        progress: None,
    };
    let pulses = subject.port.renew(vec![beat.clone()], LONG).await;
    assert_eq!(pulses.expect("an answer"), [Pulse::Held]);
    let cancelled = subject.other.cancel(id).await.expect("an answer");
    assert_eq!(cancelled, Cancelled::Requested);
    let job = subject.job(id).await;
    assert_eq!((job.state, job.cancel_requested), (State::Running, true));
    let pulses = subject.port.renew(vec![beat], LONG).await;
    assert_eq!(pulses.expect("an answer"), [Pulse::CancelRequested]);
    subject.end(claimed.fence, Outcome::Cancelled).await;
    assert_eq!(subject.state(id).await, State::Cancelled);
}

pub(super) async fn a_job_whose_holder_died_is_cancelled(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    subject.port.cancel(id).await.expect("an answer");
    subject.outlives(&claimed).await;
    let rescued = subject.rescue().await;
    assert_eq!(
        (rescued[0].state, rescued[0].reason),
        (State::Cancelled, Some(Reason::Cancelled))
    );
    assert_eq!(subject.state(id).await, State::Cancelled);
}

pub(super) async fn a_job_that_fails_after_its_cancellation_is_cancelled(subject: Subject) {
    let outcomes = [
        retry(Duration::ZERO),
        Outcome::GiveBack,
        Outcome::Park,
        Outcome::Completed,
        dead(Reason::Error),
    ];
    let ends = [
        (State::Cancelled, Some(Reason::Cancelled)),
        (State::Cancelled, Some(Reason::Cancelled)),
        (State::Cancelled, Some(Reason::Cancelled)),
        // What had ended already did.
        (State::Completed, None),
        (State::Dead, Some(Reason::Error)),
    ];
    for (outcome, end) in outcomes.into_iter().zip(ends) {
        let job = unique(&subject, "a");
        let id = job.id;
        subject.enqueue(vec![job]).await;
        let claimed = subject.claim_one().await;
        assert_eq!(claimed.fence.job, id, "the one before has its place still");
        subject.port.cancel(id).await.expect("an answer");
        let attempts = usize::from(outcome != Outcome::Completed);
        subject.end(claimed.fence, outcome.clone()).await;
        let job = subject.job(id).await;
        assert_eq!((job.state, job.reason), end, "{outcome:?}");
        assert_eq!(job.attempts.len(), attempts);
        assert_eq!(job.attempts.first().map(|one| one.reason), outcome.reason());
    }
}

pub(super) async fn progress_is_told_by_the_holder_alone(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_one().await;
    let tell = async |fence, progress: Option<Progress>| {
        let beat = Heartbeat { fence, progress };
        let pulses = subject.port.renew(vec![beat], LONG).await;
        pulses.expect("an answer")[0]
    };
    let half = Progress::new(50, "half of it");
    assert_eq!(tell(claimed.fence, Some(half.clone())).await, Pulse::Held);
    assert_eq!(subject.job(id).await.progress, Some(half.clone()));
    // No news leaves it alone.
    assert_eq!(tell(claimed.fence, None).await, Pulse::Held);
    assert_eq!(subject.job(id).await.progress, Some(half.clone()));
    let mut old = claimed.fence;
    old.attempt += 1;
    let lie = Progress::new(90, "not mine");
    assert_eq!(tell(old, Some(lie)).await, Pulse::Lost);
    assert_eq!(subject.job(id).await.progress, Some(half));
}
