//! Worker processes, each started again when it has died.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stanchion_testkit::{Program, Running};
use tokio::task::JoinSet;

type Programs = dyn Fn(usize, &str) -> Program + Send + Sync;

/// The workers. They are killed when this is dropped.
pub(super) struct Crew {
    shared: Arc<Shared>,
    keepers: JoinSet<()>,
}

struct Shared {
    program: Box<Programs>,
    members: Vec<Mutex<Arc<Running>>>,
    deaths: AtomicUsize,
    stopping: AtomicBool,
}

impl Crew {
    /// Starts so many; `program` is told which one it is, and the name of this life of it.
    pub(super) fn start(
        workers: usize,
        program: impl Fn(usize, &str) -> Program + Send + Sync + 'static,
    ) -> Self {
        let member = |worker| Mutex::new(Arc::new(program(worker, &name(worker, 0)).start()));
        let members = (0..workers).map(member).collect();
        let shared = Arc::new(Shared {
            program: Box::new(program),
            members,
            deaths: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let mut keepers = JoinSet::new();
        for worker in 0..workers {
            keepers.spawn(keep(Arc::clone(&shared), worker));
        }
        Self { shared, keepers }
    }

    /// The process that a worker is now.
    pub(super) fn member(&self, worker: usize) -> Arc<Running> {
        self.shared.member(worker)
    }

    /// Whether one of the processes has printed this.
    pub(super) fn has_said(&self, what: &str) -> bool {
        let members = 0..self.shared.members.len();
        let mut said = members.map(|worker| self.member(worker).stdout());
        said.any(|said| said.contains(what))
    }

    /// Asks all to end, and waits for it; answers how many had died before.
    pub(super) async fn stop(mut self) -> usize {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for worker in 0..self.shared.members.len() {
            self.member(worker).terminate();
        }
        while let Some(kept) = self.keepers.join_next().await {
            kept.expect("a worker that is told to stop ends well");
        }
        self.shared.deaths.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn member(&self, worker: usize) -> Arc<Running> {
        let member = self.members[worker].lock();
        Arc::clone(&member.unwrap_or_else(PoisonError::into_inner))
    }
}

/// Each life has a name of its own.
fn name(worker: usize, life: usize) -> String {
    format!("{}{life}", name_of_all_lives(worker))
}

/// What the names of a worker's lives begin with.
pub(super) fn name_of_all_lives(worker: usize) -> String {
    format!("worker-{worker}-")
}

async fn keep(shared: Arc<Shared>, worker: usize) {
    for life in 1.. {
        let status = shared.member(worker).wait(Duration::MAX).await;
        if shared.stopping.load(Ordering::SeqCst) {
            let said = shared.member(worker).stderr();
            assert!(status.success(), "{status}: {said}");
            return;
        }
        shared.deaths.fetch_add(1, Ordering::SeqCst);
        let next = Arc::new((shared.program)(worker, &name(worker, life)).start());
        let mut member = shared.members[worker]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *member = next;
    }
}
