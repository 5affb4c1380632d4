use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stanchion_jobs::conformance::Subject;
use stanchion_jobs::share::SHARES_PERMILLE;
use stanchion_jobs::{Context, Failure, Job, NewJob, Priority, State, Weight, WorkerConfig};
use stanchion_testkit::{eventually, hold};

use super::bench::{LONG, Work, becomes, config, handlers, jobs, start};

/// Jobs of each priority that wait.
const EACH: usize = 150;
/// Completions that are looked at: no priority runs dry meanwhile.
const LOOKED_AT: usize = 300;

pub(super) async fn every_priority_gets_its_share_of_the_completions(subject: Subject) {
    let jobs = jobs(&subject);
    for priority in Priority::all() {
        let new = (0..EACH).map(|n| NewJob {
            priority,
            ..jobs.job::<Work>(&format!("{priority} {n}")).unwrap()
        });
        jobs.enqueue_all(None, new.collect()).await.unwrap();
    }
    let done = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&done);
    let worker = start(
        &subject,
        handlers::<Work>(move |_what: String, context: Context| {
            let level = context.claimed().priority.level();
            seen.lock().unwrap().push(level);
            async { Ok(()) }
        }),
        config("one"),
    );
    let enough = || async { done.lock().unwrap().len() >= LOOKED_AT };
    eventually("enough are done", LONG, enough).await;
    worker.stop().await;
    let done = done.lock().unwrap();
    for priority in Priority::all() {
        let mine = done
            .iter()
            .take(LOOKED_AT)
            .filter(|level| **level == priority.level());
        let (mine, share) = (mine.count(), SHARES_PERMILLE[usize::from(priority.level())]);
        let least = LOOKED_AT * usize::try_from(share).unwrap() / 1000;
        // The first claim learns which lanes there are, and each lane may be a turn short.
        assert!(mine + 9 >= least, "priority {priority}: {mine} of {least}");
    }
}

/// Needs half of the memory.
struct Heavy;

impl Job for Heavy {
    const KIND: &'static str = "heavy";
    type Args = u32;

    fn queue() -> &'static str {
        "main"
    }

    fn weight() -> Weight {
        Weight {
            cpu_millis: 10,
            memory_bytes: 512 << 20,
        }
    }
}

pub(super) async fn what_needs_more_than_there_is_waits(subject: Subject) {
    let (running, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (now, highest) = (Arc::clone(&running), Arc::clone(&most));
    let heavy = move |_n: u32, _context: Context| {
        let (now, highest) = (Arc::clone(&now), Arc::clone(&highest));
        async move {
            highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            hold("a heavy job", Duration::from_millis(5)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok::<(), Failure>(())
        }
    };
    let jobs = jobs(&subject);
    let new: Vec<_> = (0..20).map(|n| jobs.job::<Heavy>(&n).unwrap()).collect();
    let ids: Vec<_> = new.iter().map(|job| job.id).collect();
    jobs.enqueue_all(None, new).await.unwrap();
    let wide = WorkerConfig {
        concurrency: 16,
        ..config("one")
    };
    let worker = start(&subject, handlers::<Heavy>(heavy), wide);
    for id in ids {
        assert_eq!(becomes(&subject, id, State::Completed).await.attempt, 1);
    }
    worker.stop().await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
}
