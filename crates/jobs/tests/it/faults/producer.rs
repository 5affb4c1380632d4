//! Who enqueues, and remembers of which jobs it was told that they are there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stanchion_jobs::{JobId, JobsError};
use stanchion_store::StoreError;

use super::history::Asked;
use super::scene::Scene;
use super::work::{Desk, Plan, Task, open};

/// How many jobs are enqueued together.
const BATCH: u64 = 200;
/// How many jobs may wait before more come.
const ENOUGH: u32 = 1_000;

pub(super) struct Producer {
    desk: Desk,
    asked: Mutex<BTreeMap<JobId, Asked>>,
    may_end: AtomicBool,
}

impl Producer {
    pub(super) async fn open(url: &str, max_bytes: u64) -> Arc<Self> {
        let store = open(url, max_bytes).await.expect("a database");
        Arc::new(Self {
            desk: Desk::at(store),
            asked: Mutex::default(),
            may_end: AtomicBool::new(false),
        })
    }

    /// Lets it end as soon as there were as many as it should enqueue.
    pub(super) fn leave_off(&self) {
        self.may_end.store(true, Ordering::SeqCst);
    }

    pub(super) fn asked(&self) -> BTreeMap<JobId, Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Enqueues at least so many jobs, and more until it is told that it may end, so that there always is work.
    pub(super) async fn produce(self: Arc<Self>, scene: Scene, at_least: u64) {
        let (mut next, mut acknowledged) = (0, 0);
        let mut pace = tokio::time::interval(Duration::from_millis(50));
        while acknowledged < at_least || !self.may_end.load(Ordering::SeqCst) {
            pace.tick().await;
            if matches!(scene.backlog(ENOUGH).await, Ok(backlog) if backlog < ENOUGH.into()) {
                acknowledged += self.enqueue(next..next + BATCH).await;
                next += BATCH;
            }
        }
    }

    /// What fails is gone, unless nobody knows whether it was stored. Answers how many are there for certain.
    async fn enqueue(&self, numbers: Range<u64>) -> u64 {
        let jobs = numbers.clone().map(|number| {
            let job = self.desk.jobs.job::<Task>(&number);
            job.expect("a job within its bounds")
        });
        let jobs: Vec<_> = jobs.collect();
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        let acknowledged = match self.desk.jobs.enqueue_all(None, jobs).await {
            Ok(_) => true,
            Err(JobsError::Store(StoreError::CommitUnknown(_))) => false,
            Err(_) => return 0,
        };
        let mut asked = self.asked.lock().expect("no panic");
        for (id, number) in ids.into_iter().zip(numbers) {
            let plan = Plan::of(number);
            asked.insert(id, Asked { plan, acknowledged });
        }
        if acknowledged { BATCH } else { 0 }
    }
}
