use std::collections::HashSet;
use std::time::Duration;

use stanchion_store::Backend;

use super::{LONG, Subject, ids, priority, queue, retry};
use crate::model::{JobId, NewJob, Outcome, RunAt};
use crate::port::{Claim, Quota};

pub(super) async fn every_job_is_claimed_once_by_two_servers(subject: Subject) {
    let jobs: Vec<NewJob> = (0..400)
        .map(|n| subject.work(&format!("job {n}")))
        .collect();
    let all: HashSet<JobId> = jobs.iter().map(|job| job.id).collect();
    subject.enqueue(jobs).await;
    let empty = async |port: &dyn crate::port::Port| {
        let mut mine = Vec::new();
        // A locked row is passed by: an empty answer is believed when it comes again and again.
        let mut idle = 0;
        while idle < 20 {
            let claimed = port.claim(subject.wish(7, LONG)).await.expect("claimed");
            idle = if claimed.is_empty() { idle + 1 } else { 0 };
            mine.extend(ids(&claimed));
        }
        mine
    };
    let (one, two) = tokio::join!(empty(&*subject.port), empty(&*subject.other));
    let both: Vec<JobId> = one.into_iter().chain(two).collect();
    let distinct: HashSet<JobId> = both.iter().copied().collect();
    assert_eq!(both.len(), distinct.len(), "claimed twice");
    assert_eq!(distinct, all);
}

pub(super) async fn what_was_due_first_is_claimed_first(subject: Subject) {
    let mut expected = Vec::new();
    for n in 0..10 {
        expected.push(subject.enqueue_one(&format!("job {n}")).await);
    }
    let mut claimed = Vec::new();
    for _ in 0..4 {
        claimed.extend(ids(&subject.claim(3, LONG).await));
    }
    assert_eq!(claimed, expected);
}

pub(super) async fn no_more_than_its_quota_is_claimed_of_a_lane(subject: Subject) {
    let lanes = [("main", 0), ("main", 9), ("aside", 0), ("aside", 9)];
    for (name, level) in lanes {
        let jobs = (0..5).map(|n| NewJob {
            queue: queue(name),
            priority: priority(level),
            ..subject.work(&format!("{name} {level} {n}"))
        });
        subject.enqueue(jobs.collect()).await;
    }
    let quota = |(name, level): (&str, u8), jobs| Quota {
        queue: queue(name),
        priority: priority(level),
        jobs,
    };
    let claim = Claim {
        holder: subject.holder(LONG),
        quotas: vec![
            quota(lanes[0], 2),
            quota(lanes[1], 0),
            quota(lanes[2], 9),
            quota(("nobody", 4), 9),
        ],
        most: 99,
        starts: false,
    };
    let claimed = subject.port.claim(claim).await.expect("claimed");
    let of = |(name, level): (&str, u8)| {
        let lane = (queue(name), priority(level));
        let mine = claimed.iter();
        mine.filter(|one| (one.queue.clone(), one.priority) == lane)
            .count()
    };
    assert_eq!(lanes.map(of), [2, 0, 5, 0]);
    assert_eq!(claimed.len(), 7);
}

pub(super) async fn quotas_are_filled_in_their_order_up_to_the_most(subject: Subject) {
    for level in [1, 5, 8] {
        let jobs = (0..3).map(|n| NewJob {
            priority: priority(level),
            ..subject.work(&format!("{level} {n}"))
        });
        subject.enqueue(jobs.collect()).await;
    }
    let claim = |most| Claim {
        most,
        quotas: [8, 5, 1]
            .map(|level| Quota {
                queue: queue("main"),
                priority: priority(level),
                jobs: 2,
            })
            .into(),
        ..subject.wish(0, LONG)
    };
    for expected in [&[8, 8, 5][..], &[8, 5, 5], &[1, 1]] {
        // Those that were cut are found by a later claim.
        let mut levels = Vec::new();
        while levels.len() < expected.len() {
            let most = expected.len() - levels.len();
            let most = u32::try_from(most).expect("a small number");
            let claimed = subject.port.claim(claim(most)).await.expect("claimed");
            levels.extend(claimed.iter().map(|one| one.priority.level()));
        }
        levels.sort_by_key(|level| std::cmp::Reverse(*level));
        assert_eq!(levels, expected);
    }
}

pub(super) async fn a_delayed_job_is_claimed_when_its_moment_has_come(subject: Subject) {
    let past = NewJob {
        run_at: RunAt::At(stanchion_kernel::Timestamp::from_micros(1)),
        ..subject.work("past")
    };
    let at_once = past.id;
    subject.enqueue(vec![past]).await;
    assert_eq!(subject.claim_one().await.fence.job, at_once);
    let now = subject.port.now().await.expect("a clock");
    let delay = Duration::from_millis(60);
    let delayed = NewJob {
        run_at: RunAt::After(delay),
        ..subject.work("delayed")
    };
    let timed = NewJob {
        run_at: RunAt::At(now.saturating_add(delay)),
        ..subject.work("timed")
    };
    let far = NewJob {
        run_at: RunAt::After(LONG),
        ..subject.work("far")
    };
    let expected: HashSet<JobId> = [delayed.id, timed.id].into();
    subject.enqueue(vec![delayed, timed, far]).await;
    let mut claimed = HashSet::new();
    while claimed.len() < expected.len() {
        for one in subject.claim(9, LONG).await {
            assert!(
                one.claimed_at >= one.run_at,
                "claimed before its moment: {one:?}"
            );
            assert!(one.claimed_at >= now.saturating_add(delay));
            claimed.insert(one.fence.job);
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(claimed, expected);
}

pub(super) async fn a_job_whose_transaction_was_slow_is_claimed(subject: Subject) {
    // On SQLite nobody writes beside an open transaction.
    if matches!(subject.store.backend(), Backend::Sqlite(_)) {
        return;
    }
    let slow = subject.work("slow");
    let id = slow.id;
    let mut tx = subject.store.begin().await.expect("begun");
    let enqueued = subject.port.enqueue(Some(&mut tx), vec![slow]).await;
    enqueued.expect("enqueued");
    let later = subject.enqueue_one("later").await;
    // Both servers are past the moment of the slow one.
    assert_eq!(subject.claim_one().await.fence.job, later);
    let nothing = subject.other.claim(subject.wish(9, LONG)).await;
    assert!(nothing.expect("an answer").is_empty());
    tx.commit().await.expect("committed");
    assert_eq!(subject.claim_one().await.fence.job, id);
}

pub(super) async fn what_comes_back_to_its_place_is_claimed(subject: Subject) {
    let first = subject.enqueue_one("first").await;
    let second = subject.enqueue_one("second").await;
    let mine = subject.claim(2, LONG).await;
    assert_eq!(ids(&mine), [first, second]);
    // Another server gives it back than looks for it.
    let elsewhere = subject.other.claim(subject.wish(1, LONG)).await;
    assert!(elsewhere.expect("an answer").is_empty());
    subject.end(mine[0].fence, Outcome::GiveBack).await;
    subject.end(mine[1].fence, retry(Duration::ZERO)).await;
    let mut again = HashSet::new();
    for _ in 0..10_000 {
        let claimed = subject.other.claim(subject.wish(2, LONG)).await;
        again.extend(ids(&claimed.expect("an answer")));
        if again.len() == 2 {
            break;
        }
    }
    assert_eq!(again, [first, second].into());
}
