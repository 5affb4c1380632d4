use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stanchion_jobs::conformance::Subject;
use stanchion_jobs::{Broker, Context, Handler, JobId, State, WorkerConfig};

use super::alone::crash;
use super::bench::{
    Work, Working, becomes, config, enqueue, handlers, jobs, nothing, row, runner, spawn,
};
use super::faulty::Faulty;

/// A worker over a faulty broker; its leases are renewed by a sound one.
fn over(subject: &Subject, faulty: &Arc<Faulty>, handler: impl Handler<Work>) -> Working {
    let (port, sound) = (Arc::<Faulty>::clone(faulty), Broker::of(&subject.store));
    let broker = Broker::over(port, move |patience| {
        let sound = sound.clone();
        async move { sound.open_beside(patience).await }
    });
    let config = WorkerConfig {
        lease: Duration::from_millis(800),
        ..config("one")
    };
    spawn(runner(broker, handlers::<Work>(handler), config))
}

async fn several(subject: &Subject) -> Vec<JobId> {
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(enqueue(subject, &n.to_string()).await);
    }
    ids
}

pub(super) async fn an_end_that_could_not_be_told_is_told_later(subject: Subject) {
    let faulty = Faulty::new(Arc::clone(&subject.port));
    faulty.settles.store(5, Ordering::SeqCst);
    let worker = over(&subject, &faulty, nothing);
    for id in several(&subject).await {
        assert_eq!(becomes(&subject, id, State::Completed).await.attempt, 1);
    }
    assert_eq!(faulty.settles.load(Ordering::SeqCst), 0);
    worker.stop().await;
}

pub(super) async fn an_end_that_is_refused_holds_up_no_other(subject: Subject) {
    let faulty = Faulty::new(Arc::clone(&subject.port));
    let (ids, inside) = (several(&subject).await, Arc::clone(&faulty));
    *faulty.refused.lock().unwrap() = Some(ids[7]);
    faulty.after_refusal.store(3, Ordering::SeqCst);
    let worker = over(&subject, &faulty, move |_what: String, context: Context| {
        if context.attempt() > 1 {
            *inside.refused.lock().unwrap() = None;
        }
        async { Ok(()) }
    });
    for id in ids.iter().filter(|id| **id != ids[7]) {
        assert_eq!(becomes(&subject, *id, State::Completed).await.attempt, 1);
    }
    // Nobody renews the lease of what nobody works on: it is offered again.
    let done = becomes(&subject, ids[7], State::Completed).await;
    assert_eq!((done.attempt, done.lost_leases), (2, 1));
    worker.stop().await;
}

pub(super) async fn a_worker_goes_on_after_claims_that_failed(subject: Subject) {
    let faulty = Faulty::new(Arc::clone(&subject.port));
    faulty.claims.store(4, Ordering::SeqCst);
    let worker = over(&subject, &faulty, nothing);
    for id in several(&subject).await {
        becomes(&subject, id, State::Completed).await;
    }
    worker.stop().await;
    let left = enqueue(&subject, "left").await;
    assert_eq!(row(&subject, left).await.state, State::Waiting);
}

pub(super) async fn a_suspect_begins_when_the_end_of_the_one_before_is_told(subject: Subject) {
    let ids = [
        enqueue(&subject, "one").await,
        enqueue(&subject, "two").await,
    ];
    crash(&subject, 2).await;
    let faulty = Faulty::new(Arc::clone(&subject.port));
    faulty.settles.store(5, Ordering::SeqCst);
    let most = Arc::new(AtomicUsize::new(0));
    let (jobs, seen) = (Arc::new(jobs(&subject)), Arc::clone(&most));
    let worker = over(
        &subject,
        &faulty,
        move |_what: String, _context: Context| {
            let (jobs, seen) = (Arc::clone(&jobs), Arc::clone(&seen));
            async move {
                let mut running = 0;
                for id in ids {
                    let job = jobs.status(id).await?;
                    running += usize::from(job.state == State::Running);
                }
                seen.fetch_max(running, Ordering::SeqCst);
                Ok(())
            }
        },
    );
    for id in ids {
        becomes(&subject, id, State::Completed).await;
    }
    worker.stop().await;
    assert_eq!(most.load(Ordering::SeqCst), 1);
}
