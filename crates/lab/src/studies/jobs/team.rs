//! Workers in this process.

use stanchion_jobs::{
    Broker, Handlers, JobsError, Queue, Runner, Weight, Worker as Name, WorkerConfig,
};
use stanchion_kernel::{Clock, Entropy};
use stanchion_store::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How a worker is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settings {
    Default,
    /// It claims and settles more at once.
    Batches,
}

/// How many jobs are under way in a worker with batches.
pub(super) const BATCH: usize = 2_000;

impl Settings {
    pub(super) fn config(self, name: &str) -> anyhow::Result<WorkerConfig> {
        let config = WorkerConfig::new(Name::new(name)?, vec![Queue::new("default")?]);
        Ok(match self {
            Self::Default => config,
            Self::Batches => WorkerConfig {
                concurrency: BATCH,
                // Room for as many jobs that hardly need anything.
                capacity: Weight {
                    cpu_millis: 20_000,
                    memory_bytes: 16 << 30,
                },
                settle_batch: BATCH,
                ..config
            },
        })
    }
}

/// A worker that runs.
pub(super) struct Working {
    stop: CancellationToken,
    task: JoinHandle<Result<(), JobsError>>,
}

impl Working {
    pub(super) fn start(
        store: &Store,
        handlers: Handlers,
        config: WorkerConfig,
    ) -> anyhow::Result<Self> {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let runner = Runner::new(Broker::of(store), handlers, config, clock, entropy)?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(runner.run(stop.clone()));
        Ok(Self { stop, task })
    }

    /// Stops it, and waits for its end.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.task.await??)
    }
}
