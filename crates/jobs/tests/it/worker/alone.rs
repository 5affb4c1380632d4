use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use stanchion_jobs::conformance::Subject;
use stanchion_jobs::port::{Claim, Holder, Quota, RescueRules, Verdict};
use stanchion_jobs::{
    Context, Failure, Fence, LeaseId, Outcome, Priority, Reason, Settlement, State, Worker,
};
use stanchion_testkit::{eventually, hold};
use tokio::sync::Notify;

use super::bench::{LONG, becomes, enqueue, queue, row, works};

fn holder(subject: &Subject) -> Holder {
    Holder {
        worker: Worker::new("crashing").unwrap(),
        lease: LeaseId(subject.ids.next()),
        lease_for: Duration::from_micros(1),
    }
}

/// A process that takes all that waits, begins it and dies.
pub(super) async fn crash(subject: &Subject, jobs: u32) {
    let quota = Quota {
        queue: queue("main"),
        priority: Priority::NORMAL,
        jobs,
    };
    let claim = Claim {
        holder: holder(subject),
        quotas: vec![quota],
        most: jobs,
        starts: true,
    };
    let claimed = subject.port.claim(claim).await.unwrap();
    assert_eq!(claimed.len(), jobs as usize);
    rescued(subject, jobs as usize).await;
}

async fn rescued(subject: &Subject, jobs: usize) {
    let found = AtomicU32::new(0);
    let all = || async {
        let rescued = subject.port.rescue(RescueRules::default(), 100).await;
        let more = u32::try_from(rescued.unwrap().len()).unwrap();
        found.fetch_add(more, Ordering::SeqCst) + more == u32::try_from(jobs).unwrap()
    };
    eventually("all are rescued", LONG, all).await;
}

/// Counts what runs at once.
#[derive(Debug, Default)]
struct Beside {
    running: AtomicU32,
    most_beside_a_suspect: AtomicU32,
    most: AtomicU32,
}

pub(super) async fn a_suspect_runs_with_nothing_beside_it(subject: Subject) {
    let mut suspects = Vec::new();
    for n in 0..3 {
        suspects.push(enqueue(&subject, &format!("suspect {n}")).await);
    }
    crash(&subject, 3).await;
    let mut others = Vec::new();
    for n in 0..40 {
        others.push(enqueue(&subject, &format!("other {n}")).await);
    }
    let beside = Arc::<Beside>::default();
    let seen = Arc::clone(&beside);
    let worker = works(&subject, move |what: String, _context: Context| {
        let seen = Arc::clone(&seen);
        async move {
            let running = seen.running.fetch_add(1, Ordering::SeqCst) + 1;
            seen.most.fetch_max(running, Ordering::SeqCst);
            let mut most = running;
            let mut ticks = tokio::time::interval(Duration::from_millis(2));
            for _ in 0..10 {
                ticks.tick().await;
                most = most.max(seen.running.load(Ordering::SeqCst));
            }
            if what.starts_with("suspect") {
                seen.most_beside_a_suspect.fetch_max(most, Ordering::SeqCst);
            }
            seen.running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    for id in suspects.into_iter().chain(others) {
        becomes(&subject, id, State::Completed).await;
    }
    worker.stop().await;
    assert_eq!(beside.most_beside_a_suspect.load(Ordering::SeqCst), 1);
    assert!(
        beside.most.load(Ordering::SeqCst) > 1,
        "nothing ever ran beside another"
    );
}

pub(super) async fn two_crashes_on_an_input_make_it_poison_and_its_neighbours_are_done(
    subject: Subject,
) {
    // A worker's process dies of an input that it works on beside another, and then one with that input alone.
    let poison = enqueue(&subject, "poison").await;
    let neighbour = enqueue(&subject, "neighbour").await;
    crash(&subject, 2).await;
    let queues = vec![queue("main")];
    let alone = subject.port.claim_alone(queues, holder(&subject)).await;
    let alone = alone.unwrap().unwrap();
    assert_eq!(alone.fence.job, poison);
    let begun = subject.port.start(vec![alone.fence]).await;
    assert_eq!(begun.unwrap(), [Verdict::Held]);
    rescued(&subject, 1).await;
    // Of another one, processes die that the handler starts.
    let reported = enqueue(&subject, "reported").await;
    let worker = works(&subject, |what: String, _context: Context| async move {
        assert!(what != "poison", "it runs a third time");
        match &*what {
            "reported" => Err(Failure::Crash("signal 11".to_owned())),
            _ => Ok(()),
        }
    });
    let letter = becomes(&subject, poison, State::Dead).await;
    assert_eq!(letter.reason, Some(Reason::Poison));
    becomes(&subject, neighbour, State::Completed).await;
    let letter = becomes(&subject, reported, State::Dead).await;
    assert_eq!((letter.reason, letter.attempt), (Some(Reason::Poison), 2));
    assert_eq!(letter.attempts[0].reason, Reason::Crash);
    // What has the same input is not even begun.
    for what in ["poison", "reported"] {
        let same = enqueue(&subject, what).await;
        let letter = becomes(&subject, same, State::Dead).await;
        let end = (letter.reason, letter.attempt, letter.started_at);
        assert_eq!(end, (Some(Reason::Poison), 1, None));
    }
    worker.stop().await;
}

/// A worker that takes the suspect that waits, and keeps it.
async fn takes_the_suspect(subject: &Subject) -> Fence {
    let holder = Holder {
        lease_for: LONG,
        ..holder(subject)
    };
    let alone = subject.port.claim_alone(vec![queue("main")], holder).await;
    alone.unwrap().unwrap().fence
}

pub(super) async fn a_suspect_that_another_worker_takes_keeps_nobody_from_claiming(
    subject: Subject,
) {
    enqueue(&subject, "suspect").await;
    crash(&subject, 1).await;
    let fence = takes_the_suspect(&subject).await;
    let (begun, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, ends) = (Arc::clone(&begun), Arc::clone(&may_end));
    let worker = works(&subject, move |what: String, _context: Context| {
        let (begins, ends) = (Arc::clone(&begins), Arc::clone(&ends));
        async move {
            if what == "long" {
                begins.notify_one();
                ends.notified().await;
            }
            Ok(())
        }
    });
    let long = enqueue(&subject, "long").await;
    tokio::time::timeout(LONG, begun.notified()).await.unwrap();
    // While the suspect waits, the worker lets all end that it has begun.
    let given_back = Settlement {
        fence,
        outcome: Outcome::GiveBack,
    };
    let verdicts = subject.port.settle(None, vec![given_back]).await;
    assert_eq!(verdicts.unwrap(), [Verdict::Held]);
    hold("the worker sees the suspect", Duration::from_millis(500)).await;
    let other = enqueue(&subject, "other").await;
    hold("the worker claims nothing", Duration::from_millis(300)).await;
    assert_eq!(row(&subject, other).await.state, State::Waiting);
    takes_the_suspect(&subject).await;
    becomes(&subject, other, State::Completed).await;
    assert_eq!(row(&subject, long).await.state, State::Running);
    may_end.notify_one();
    becomes(&subject, long, State::Completed).await;
    worker.stop().await;
}
