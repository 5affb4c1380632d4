use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use stanchion_jobs::conformance::Subject;
use stanchion_jobs::{Context, Failure, JobId, Reason, State, WorkerConfig};
use tokio::sync::Semaphore;

use super::bench::{LONG, Work, becomes, config, enqueue, handlers, nothing, row, start, works};

async fn several(subject: &Subject, count: usize) -> Vec<JobId> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(enqueue(subject, &n.to_string()).await);
    }
    ids
}

pub(super) async fn a_stopping_worker_lets_its_jobs_end(subject: Subject) {
    let (gate, began) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (opened, entered) = (Arc::clone(&gate), Arc::clone(&began));
    let worker = works(&subject, move |_what: String, _context: Context| {
        let (opened, entered) = (Arc::clone(&opened), Arc::clone(&entered));
        async move {
            entered.add_permits(1);
            let _permit = opened.acquire().await?;
            Ok(())
        }
    });
    let begun = several(&subject, 3).await;
    let all = began.acquire_many(3);
    let _all = tokio::time::timeout(LONG, all).await.unwrap().unwrap();
    worker.tell();
    // What comes now is for others.
    let late = enqueue(&subject, "late").await;
    gate.add_permits(10);
    worker.ended().await;
    for id in begun {
        assert_eq!(row(&subject, id).await.state, State::Completed);
    }
    assert_eq!(row(&subject, late).await.state, State::Waiting);
}

pub(super) async fn a_stopping_worker_gives_back_without_an_attempt(subject: Subject) {
    let impatient = WorkerConfig {
        grace: Duration::from_millis(50),
        ..config("one")
    };
    let stubborn = |what: String, context: Context| async move {
        match &*what {
            "0" => pending().await,
            _ => {
                context.cancelled().await;
                Err(Failure::from(std::io::Error::other("interrupted")))
            }
        }
    };
    let worker = start(&subject, handlers::<Work>(stubborn), impatient);
    let ids = several(&subject, 4).await;
    for id in &ids {
        becomes(&subject, *id, State::Running).await;
    }
    worker.stop().await;
    for id in &ids {
        let job = row(&subject, *id).await;
        assert_eq!(
            (job.state, job.failures, job.lost_leases),
            (State::Waiting, 0, 0)
        );
        assert_eq!(job.attempts.last().unwrap().reason, Reason::GivenBack);
    }
    let next = works(&subject, nothing);
    for id in ids {
        assert_eq!(becomes(&subject, id, State::Completed).await.failures, 0);
    }
    next.stop().await;
}

pub(super) async fn the_jobs_of_a_worker_that_vanished_are_offered_again(subject: Subject) {
    let worker = works(&subject, |_what: String, _context: Context| pending());
    let ids = several(&subject, 3).await;
    for id in &ids {
        becomes(&subject, *id, State::Running).await;
    }
    worker.vanish().await;
    let next = works(&subject, nothing);
    for id in ids {
        let done = becomes(&subject, id, State::Completed).await;
        assert_eq!((done.failures, done.lost_leases), (0, 1));
        assert_eq!(done.attempts[0].reason, Reason::LostLease);
    }
    next.stop().await;
}
