//! Jobs that come as fast as they are done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use stanchion_jobs::{Context, Handlers, Jobs, JobsError};
use stanchion_kernel::Clock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::place::{BULK, Nothing, Place, enqueue};
use super::team::{Settings, Working};
use crate::load::number;
use crate::spreading::Spreading;

/// As few as keep a worker busy.
pub(super) const FEW: u64 = 5_000;
/// Plans, caches and the worker have a moment to find themselves.
const WARM_UP: Duration = Duration::from_secs(1);
const WINDOWS: usize = 3;
/// How long who enqueues waits when enough waits.
const PAUSE: Duration = Duration::from_millis(1);

/// A worker, and somebody who enqueues a job for each that it has done.
pub(super) struct Flow {
    done: Arc<AtomicU64>,
    working: Working,
    stop: CancellationToken,
    producing: JoinHandle<Result<(), JobsError>>,
    clock: Clock,
}

impl Flow {
    /// Begins with so many jobs that wait, and keeps them waiting.
    pub(super) async fn start(
        place: &Place,
        settings: Settings,
        waiting: u64,
    ) -> anyhow::Result<Self> {
        place.fill(waiting).await?;
        let done = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&done);
        let count = move |_: u64, _: Context| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Ok(()) }
        };
        let handlers = Handlers::new().with::<Nothing>(count)?;
        let working = Working::start(&place.store, handlers, settings.config("lab")?)?;
        let stop = CancellationToken::new();
        let produce = produce(place.jobs.clone(), Arc::clone(&done), stop.clone());
        let flow = Self {
            done,
            working,
            stop,
            producing: tokio::spawn(produce),
            clock: Clock::system(),
        };
        tokio::time::sleep(WARM_UP).await;
        Ok(flow)
    }

    /// How many have been done since the start.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Jobs done per second, for so long.
    pub(super) async fn rate(&self, seconds: u32) -> f64 {
        let (before, began) = (self.done(), self.clock.monotonic());
        tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        let took = self.clock.monotonic() - began;
        number(self.done() - before) / took.as_secs_f64()
    }

    /// The same in several windows, one after the other.
    pub(super) async fn rates(&self, seconds: u32) -> Vec<f64> {
        let mut rates = Vec::with_capacity(WINDOWS);
        for _ in 0..WINDOWS {
            rates.push(self.rate(seconds).await);
        }
        rates
    }

    /// Stops both.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let produced = self.producing.await?;
        produced.context("jobs could not be enqueued")?;
        self.working.stop().await
    }
}

async fn produce(
    jobs: Jobs,
    done: Arc<AtomicU64>,
    stop: CancellationToken,
) -> Result<(), JobsError> {
    let mut enqueued = 0;
    while !stop.is_cancelled() {
        if enqueued + BULK <= done.load(Ordering::Relaxed) {
            enqueue(&jobs, BULK).await?;
            enqueued += BULK;
        } else {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// A rate, and what the processors did for each job.
pub(super) struct Sustained {
    pub rate: Spreading,
    pub cost: String,
}

/// The rate with so many jobs that wait, on a database of its own.
pub(super) async fn sustained(
    place: &Place,
    settings: Settings,
    waiting: u64,
    seconds: u32,
) -> anyhow::Result<Sustained> {
    let flow = Flow::start(place, settings, waiting).await?;
    let (cost, before) = (place.cost(), flow.done());
    let rate = Spreading::of(&flow.rates(seconds).await);
    let cost = cost.of_each(flow.done() - before);
    flow.stop().await?;
    Ok(Sustained { rate, cost })
}
