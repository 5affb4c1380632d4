use std::time::Duration;

use super::{LONG, SHORT, Subject, dead};
use crate::model::{Outcome, Reason, Settlement};
use crate::port::{RescueRules, Verdict};
use crate::states::State;

pub(super) async fn a_job_is_enqueued_with_its_transaction_or_not_at_all(subject: Subject) {
    let (undone, done) = (subject.work("undone"), subject.work("done"));
    let (undone_id, done_id) = (undone.id, done.id);
    let mut tx = subject.store.begin().await.expect("begun");
    let enqueued = subject.port.enqueue(Some(&mut tx), vec![undone]).await;
    enqueued.expect("enqueued");
    tx.rollback().await.expect("undone");
    let mut tx = subject.store.begin().await.expect("begun");
    let enqueued = subject.port.enqueue(Some(&mut tx), vec![done]).await;
    enqueued.expect("enqueued");
    let early = subject.other.job(done_id).await.expect("an answer");
    assert_eq!(early, None, "it is there before the commit");
    tx.commit().await.expect("committed");
    let gone = subject.port.job(undone_id).await.expect("an answer");
    assert_eq!(gone, None, "it is there although it was undone");
    assert_eq!(subject.claim_one().await.fence.job, done_id);
    assert!(subject.claim(9, LONG).await.is_empty());
}

/// The effect is another job: a row that nothing keeps from being there twice.
pub(super) async fn an_effect_and_its_completion_are_one(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_one().await;
    let completed = || {
        vec![Settlement {
            fence: claimed.fence,
            outcome: Outcome::Completed,
        }]
    };
    for is_committed in [false, true] {
        let effect = subject.work("effect");
        let effect_id = effect.id;
        let mut tx = subject.store.begin().await.expect("begun");
        let held = subject.port.hold(&mut tx, claimed.fence).await;
        assert_eq!(held.expect("an answer"), Verdict::Held);
        let settled = subject.port.settle(Some(&mut tx), completed()).await;
        assert_eq!(settled.expect("an answer"), [Verdict::Held]);
        let enqueued = subject.port.enqueue(Some(&mut tx), vec![effect]).await;
        enqueued.expect("enqueued");
        let state = if is_committed {
            tx.commit().await.expect("committed");
            State::Completed
        } else {
            // The process dies.
            drop(tx);
            State::Running
        };
        // A dropped transaction is undone in its own time.
        subject.settles_to(id, state).await;
        let there = subject.port.job(effect_id).await.expect("an answer");
        assert_eq!(there.is_some(), is_committed);
    }
}

pub(super) async fn a_dead_letter_is_there_or_its_job_still_runs(subject: Subject) {
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_one().await;
    let letter = || {
        vec![Settlement {
            fence: claimed.fence,
            outcome: dead(Reason::Permanent),
        }]
    };
    let mut tx = subject.store.begin().await.expect("begun");
    let settled = subject.port.settle(Some(&mut tx), letter()).await;
    assert_eq!(settled.expect("an answer"), [Verdict::Held]);
    // The process dies before the commit.
    drop(tx);
    subject.settles_to(id, State::Running).await;
    let settled = subject.port.settle(None, letter()).await;
    assert_eq!(settled.expect("an answer"), [Verdict::Held]);
    let letter = subject.job(id).await;
    assert_eq!(
        (letter.state, letter.reason),
        (State::Dead, Some(Reason::Permanent))
    );
}

pub(super) async fn a_held_fence_keeps_others_away(subject: Subject) {
    if matches!(subject.store.backend(), stanchion_store::Backend::Sqlite(_)) {
        // On SQLite nobody writes beside an open transaction.
        return;
    }
    let id = subject.enqueue_one("a").await;
    let claimed = subject.claim_for(SHORT).await;
    subject.outlives(&claimed).await;
    let mut tx = subject.store.begin().await.expect("begun");
    let held = subject.port.hold(&mut tx, claimed.fence).await;
    assert_eq!(held.expect("an answer"), Verdict::Held);
    for _ in 0..5 {
        let rescued = subject.other.rescue(RescueRules::default(), 10).await;
        assert_eq!(rescued.expect("an answer"), []);
    }
    // The heartbeat does not wait behind the transaction of its own job.
    let beat = crate::port::Heartbeat {
        fence: claimed.fence,
        progress: None,
    };
    let renewed = subject.other.renew(vec![beat], LONG);
    let renewed = tokio::time::timeout(Duration::from_secs(3), renewed).await;
    let pulse = renewed.expect("at once").expect("an answer")[0];
    assert_eq!(pulse, crate::port::Pulse::Held);
    let completed = Settlement {
        fence: claimed.fence,
        outcome: Outcome::Completed,
    };
    let settled = subject.port.settle(Some(&mut tx), vec![completed]).await;
    assert_eq!(settled.expect("an answer"), [Verdict::Held]);
    tx.commit().await.expect("committed");
    assert_eq!(subject.state(id).await, State::Completed);
    let rescued = subject.other.rescue(RescueRules::default(), 10).await;
    assert_eq!(rescued.expect("an answer"), []);
}

pub(super) async fn an_old_fence_cannot_be_held(subject: Subject) {
    subject.enqueue_one("a").await;
    let zombie = subject.claim_for(SHORT).await;
    subject.outlives(&zombie).await;
    assert_eq!(subject.rescue().await.len(), 1);
    let current = subject.claim_alone(LONG).await.expect("the job");
    let mut tx = subject.store.begin().await.expect("begun");
    let held = subject.port.hold(&mut tx, zombie.fence).await;
    assert_eq!(held.expect("an answer"), Verdict::Lost);
    let held = subject.port.hold(&mut tx, current.fence).await;
    assert_eq!(held.expect("an answer"), Verdict::Held);
    tx.rollback().await.expect("undone");
    subject.end(current.fence, Outcome::Completed).await;
    let mut tx = subject.store.begin().await.expect("begun");
    let held = subject.port.hold(&mut tx, current.fence).await;
    assert_eq!(held.expect("an answer"), Verdict::Lost);
    tx.rollback().await.expect("undone");
}

impl Subject {
    /// Waits until a job is in this state.
    async fn settles_to(&self, id: crate::model::JobId, state: State) {
        for _ in 0..500 {
            // Behind what is being undone.
            let probe = self.port.cancel(self.id()).await;
            probe.expect("an answer");
            if self.state(id).await == state {
                return;
            }
        }
        panic!("{id} is {:?}, not {state:?}", self.state(id).await);
    }
}
