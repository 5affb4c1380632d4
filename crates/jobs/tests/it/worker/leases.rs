use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stanchion_jobs::conformance::Subject;
use stanchion_jobs::{Broker, Context, JobsError, State, WorkerConfig};
use stanchion_kernel::Clock;
use stanchion_testkit::eventually;
use tokio::sync::Notify;

use super::bench::{
    LONG, Work, becomes, config, enqueue, handlers, nothing, queue, row, runner, spawn, start,
    works,
};

/// A worker of another queue, which takes leases that are over all the same.
fn rescuer() -> WorkerConfig {
    WorkerConfig {
        queues: vec![queue("other")],
        ..config("rescuer")
    }
}

pub(super) async fn a_lease_is_kept_while_all_async_threads_are_blocked(subject: Subject) {
    let lease = Duration::from_secs(2);
    let clock = Clock::system();
    // It would show every few milliseconds if a thread were free.
    let longest_gap = Arc::new(Mutex::new(Duration::ZERO));
    let gap = Arc::clone(&longest_gap);
    let ticking = tokio::spawn(async move {
        let mut last = clock.monotonic();
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        loop {
            ticks.tick().await;
            let now = clock.monotonic();
            let mut longest = gap.lock().unwrap();
            *longest = (*longest).max(now.saturating_sub(last));
            last = now;
        }
    });
    let other = start(&subject, handlers::<Work>(nothing), rescuer());
    let blocked = WorkerConfig {
        lease,
        ..config("blocked")
    };
    let ended = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&ended);
    let blocks = move |_what: String, _context: Context| {
        let count = Arc::clone(&count);
        async move {
            let (_open, never) = mpsc::channel::<()>();
            let waited = never.recv_timeout(3 * lease);
            assert_eq!(waited, Err(RecvTimeoutError::Timeout));
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let worker = start(&subject, handlers::<Work>(blocks), blocked);
    // One for each thread of the runtime.
    let mut ids = Vec::new();
    for n in 0..2 {
        ids.push(enqueue(&subject, &n.to_string()).await);
    }
    // Until then nobody on these threads can ask the database.
    let all_ended = || async { ended.load(Ordering::SeqCst) == 2 };
    eventually("the threads are free again", LONG, all_ended).await;
    for id in ids {
        let done = becomes(&subject, id, State::Completed).await;
        assert_eq!((done.attempt, done.lost_leases), (1, 0));
    }
    ticking.abort();
    assert!(
        *longest_gap.lock().unwrap() > 2 * lease,
        "the threads were not blocked"
    );
    worker.stop().await;
    other.stop().await;
}

/// What a worker did that had lost its lease.
#[derive(Debug, Default)]
struct Zombie {
    held: Mutex<Option<Result<(), JobsError>>>,
    began: Notify,
    wakes: Notify,
    done: Notify,
}

pub(super) async fn a_worker_that_lost_its_lease_changes_nothing(subject: Subject) {
    let zombie = Arc::<Zombie>::default();
    let (inside, store) = (Arc::clone(&zombie), subject.store.clone());
    let sleeps = move |_what: String, context: Context| {
        let (zombie, store) = (Arc::clone(&inside), store.clone());
        async move {
            zombie.began.notify_one();
            zombie.wakes.notified().await;
            let mut tx = store.begin().await?;
            *zombie.held.lock().unwrap() = Some(context.hold(&mut tx).await);
            zombie.done.notify_one();
            Ok(())
        }
    };
    // Its leases are not renewed, as those of a process that is paused.
    let paused = Broker::over(Arc::clone(&subject.port), |_patience| pending());
    let lease = Duration::from_millis(200);
    let worker = spawn(runner(
        paused,
        handlers::<Work>(sleeps),
        WorkerConfig {
            lease,
            ..config("zombie")
        },
    ));
    let id = enqueue(&subject, "slow").await;
    tokio::time::timeout(LONG, zombie.began.notified())
        .await
        .unwrap();
    worker.tell();
    let next = works(&subject, nothing);
    let done = becomes(&subject, id, State::Completed).await;
    assert_eq!((done.attempt, done.lost_leases), (2, 1));
    zombie.wakes.notify_one();
    tokio::time::timeout(LONG, zombie.done.notified())
        .await
        .unwrap();
    worker.ended().await;
    let held = zombie.held.lock().unwrap().take();
    assert!(
        matches!(held, Some(Err(JobsError::Lost(lost))) if lost == id),
        "{held:?}"
    );
    assert_eq!(row(&subject, id).await, done);
    next.stop().await;
}
