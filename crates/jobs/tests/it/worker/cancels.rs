use std::future::pending;
use std::sync::Arc;

use stanchion_jobs::conformance::Subject;
use stanchion_jobs::port::Cancelled;
use stanchion_jobs::{Context, Failure, JobsError, Reason, State};
use stanchion_testkit::eventually;
use tokio::sync::Notify;

use super::bench::{LONG, becomes, enqueue, jobs, nothing, row, works};

pub(super) async fn a_running_job_is_asked_to_end(subject: Subject) {
    let worker = works(&subject, |_what: String, context: Context| async move {
        context.cancelled().await;
        assert!(context.is_cancelled());
        Err(Failure::Cancelled)
    });
    let id = enqueue(&subject, "long").await;
    becomes(&subject, id, State::Running).await;
    let cancelled = jobs(&subject).cancel(id).await.unwrap();
    assert_eq!(cancelled, Cancelled::Requested);
    let ended = becomes(&subject, id, State::Cancelled).await;
    assert_eq!((ended.reason, ended.failures), (Some(Reason::Cancelled), 0));
    let again = jobs(&subject).cancel(id).await.unwrap();
    assert_eq!(again, Cancelled::Ended(State::Cancelled));
    worker.stop().await;
}

pub(super) async fn a_handler_that_does_not_end_is_dropped(subject: Subject) {
    let worker = works(&subject, |_what: String, _context: Context| pending());
    let id = enqueue(&subject, "deaf").await;
    becomes(&subject, id, State::Running).await;
    jobs(&subject).cancel(id).await.unwrap();
    becomes(&subject, id, State::Cancelled).await;
    worker.stop().await;
}

pub(super) async fn a_waiting_job_never_begins(subject: Subject) {
    let id = enqueue(&subject, "unwanted").await;
    assert_eq!(jobs(&subject).cancel(id).await.unwrap(), Cancelled::Now);
    let worker = works(&subject, nothing);
    let other = enqueue(&subject, "wanted").await;
    becomes(&subject, other, State::Completed).await;
    let ended = row(&subject, id).await;
    assert_eq!((ended.state, ended.attempt), (State::Cancelled, 0));
    worker.stop().await;
    let nobody = jobs(&subject)
        .cancel(stanchion_jobs::JobId(subject.ids.next()))
        .await;
    assert!(matches!(nobody, Err(JobsError::NoJob(_))));
}

pub(super) async fn progress_is_told_while_the_job_runs(subject: Subject) {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let worker = works(&subject, move |_what: String, context: Context| {
        let opened = Arc::clone(&opened);
        async move {
            context.progress(40, "decoded");
            opened.notified().await;
            Ok(())
        }
    });
    let id = enqueue(&subject, "picture").await;
    let told = || async {
        let progress = row(&subject, id).await.progress;
        progress.is_some_and(|progress| (progress.percent, &*progress.message) == (40, "decoded"))
    };
    eventually("progress is told", LONG, told).await;
    gate.notify_one();
    becomes(&subject, id, State::Completed).await;
    worker.stop().await;
}
