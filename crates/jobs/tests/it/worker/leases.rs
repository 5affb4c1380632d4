use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::Executor as _;
use stanchion_jobs::conformance::Subject;
use stanchion_jobs::port::{Claim, Holder, Quota};
use stanchion_jobs::{Broker, Context, JobsError, LeaseId, Priority, State, Worker, WorkerConfig};
use stanchion_kernel::Clock;
use stanchion_store::TxKind;
use stanchion_testkit::{eventually, hold};
use tokio::sync::Notify;

use super::alone::crash;
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

/// The longest lease of a worker that is examined.
const LEASE: Duration = Duration::from_secs(2);

/// Nobody can write for longer than a lease.
async fn stands_still(subject: &Subject) {
    let mut tx = subject.store.begin().await.unwrap();
    if let TxKind::Postgres(tx) = tx.kind() {
        tx.execute("LOCK TABLE stanchion_jobs.jobs").await.unwrap();
    }
    hold("the database stands still", LEASE * 3 / 2).await;
    tx.rollback().await.unwrap();
}

pub(super) async fn no_lease_is_lost_while_the_database_stands_still(subject: Subject) {
    let hasty = |n| WorkerConfig {
        scan: Duration::from_millis(5),
        name: Worker::new(&format!("rescuer {n}")).unwrap(),
        ..rescuer()
    };
    let others = [0, 1, 2, 3].map(|n| start(&subject, handlers::<Work>(nothing), hasty(n)));
    let (begun, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, ends) = (Arc::clone(&begun), Arc::clone(&may_end));
    let worker = works(&subject, move |_what: String, _context: Context| {
        let (begins, ends) = (Arc::clone(&begins), Arc::clone(&ends));
        async move {
            begins.notify_one();
            ends.notified().await;
            Ok(())
        }
    });
    let id = enqueue(&subject, "a").await;
    begun.notified().await;
    let was = row(&subject, id).await.leased_until;
    stands_still(&subject).await;
    let is_renewed = || async { row(&subject, id).await.leased_until > was };
    eventually("the lease is renewed", LONG, is_renewed).await;
    // Leases that nobody renews are over again by then.
    hold("leases are prolonged", LEASE).await;
    may_end.notify_one();
    let done = becomes(&subject, id, State::Completed).await;
    assert_eq!((done.attempt, done.lost_leases), (1, 0));
    worker.stop().await;
    for other in others {
        other.stop().await;
    }
}

const SLOW_FOR: Duration = Duration::from_millis(300);
/// It takes so long until a claim that has begun takes what it finds.
const SLOW: &str = "
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END$$;
CREATE TRIGGER slow BEFORE UPDATE ON stanchion_jobs.jobs EXECUTE FUNCTION slow();
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_is_slow_gives_a_whole_lease() {
    let (subject, database) = crate::databases::postgres().await;
    enqueue(&subject, "suspect").await;
    crash(&subject, 1).await;
    enqueue(&subject, "plain").await;
    database.psql(SLOW).await;
    let holder = || Holder {
        worker: Worker::new("slow").unwrap(),
        lease: LeaseId(subject.ids.next()),
        lease_for: LEASE,
    };
    let quota = Quota {
        queue: queue("main"),
        priority: Priority::NORMAL,
        jobs: 1,
    };
    let claim = Claim {
        holder: holder(),
        quotas: vec![quota],
        most: 1,
        starts: true,
    };
    let mut claimed = subject.port.claim(claim).await.unwrap();
    let alone = subject.port.claim_alone(vec![queue("main")], holder());
    claimed.extend(alone.await.unwrap());
    assert_eq!(claimed.len(), 2);
    for one in claimed {
        let until = row(&subject, one.fence.job).await.leased_until;
        let whole = one.claimed_at.saturating_add(SLOW_FOR + LEASE);
        assert!(until >= Some(whole), "{until:?}, not {whole:?}");
    }
}
