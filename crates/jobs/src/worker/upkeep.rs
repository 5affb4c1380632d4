//! What a worker does besides: forgets history, takes in parked jobs, fires schedules, takes figures.

use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Timestamp;
use stanchion_store::StoreError;

use super::shared::Shared;
use crate::model::{JobId, Kind, NewJob};
use crate::observe::{self, Lanes};
use crate::schedule::Schedule;

/// The most jobs that one call forgets, lets wait again, or offers again.
const BATCH: u32 = 1000;
/// The most such calls in a row.
const CALLS: usize = 20;
/// While there is more of it than that, tidying rests for this many times what it took: it takes a fifth of the time.
const REST: u32 = 4;
const SHORTEST_REST: Duration = Duration::from_millis(1);
/// How far backlogs are counted.
const COUNT_TO: u32 = 10_000;

/// The chores of a worker.
#[derive(Debug)]
pub(super) struct Chores {
    shared: Arc<Shared>,
    schedules: Vec<Schedule>,
}

impl Chores {
    pub(super) fn new(shared: Arc<Shared>, schedules: Vec<Schedule>) -> Self {
        Self { shared, schedules }
    }

    /// Does them for ever.
    pub(super) async fn run(&mut self) {
        observe::worker();
        let schedules = std::mem::take(&mut self.schedules);
        tokio::join!(
            self.tidy(),
            self.recall(),
            self.tick(schedules),
            self.figures()
        );
    }

    async fn tidy(&self) {
        let (clock, every) = (&self.shared.clock, self.shared.config.upkeep.tidy);
        loop {
            let began = clock.monotonic();
            let left = [
                self.noted("unpark", self.unpark().await),
                self.noted("prune", self.prune().await),
            ];
            let is_left = left.contains(&Some(Left::More));
            let took = clock.monotonic() - began;
            let rest = took.saturating_mul(REST).max(SHORTEST_REST).min(every);
            tokio::time::sleep(if is_left { rest } else { every }).await;
        }
    }

    /// Offers jobs again that claims passed by. The port itself bounds what that costs.
    async fn recall(&self) {
        loop {
            let recalled = in_batches(|| self.shared.broker.port().recall(BATCH)).await;
            self.noted("recall", recalled);
            tokio::time::sleep(self.shared.config.scan).await;
        }
    }

    /// Lets jobs of this worker's queues wait again that were parked by who did not know their kind.
    async fn unpark(&self) -> Result<Left, StoreError> {
        let port = self.shared.broker.port();
        let queues = &self.shared.config.queues;
        let kinds: Vec<Kind> = self.shared.handlers.kinds().cloned().collect();
        in_batches(|| port.unpark(queues.clone(), kinds.clone(), BATCH)).await
    }

    async fn prune(&self) -> Result<Left, StoreError> {
        in_batches(|| async {
            let port = self.shared.broker.port();
            let forgotten = port.prune(self.shared.config.retention, BATCH).await?;
            observe::forgotten(forgotten);
            Ok(forgotten)
        })
        .await
    }

    async fn tick(&self, mut schedules: Vec<Schedule>) {
        if schedules.is_empty() {
            return;
        }
        loop {
            for schedule in &mut schedules {
                self.noted("fire", self.fire(schedule).await);
            }
            tokio::time::sleep(self.shared.config.upkeep.ticks).await;
        }
    }

    /// Fires what is due by the database's clock, unless another server has.
    async fn fire(&self, schedule: &mut Schedule) -> Result<(), StoreError> {
        let port = self.shared.broker.port();
        let now = port.now().await?;
        let fired = match schedule.fired {
            Some(fired) => fired,
            // A schedule that was never fired begins now: no tick before it was made is due.
            None => port.last_fired(schedule.name(), now).await?,
        };
        schedule.fired = Some(fired);
        let Some(tick) = schedule.cron().due(fired, now) else {
            return Ok(());
        };
        let job = self.scheduled(schedule, tick);
        if port.fire(schedule.name(), tick, job).await?.is_some() {
            observe::fired();
        }
        schedule.fired = Some(tick);
        Ok(())
    }

    fn scheduled(&self, schedule: &Schedule, tick: Timestamp) -> NewJob {
        tracing::debug!(schedule = schedule.name(), %tick, "a tick has come");
        NewJob {
            id: JobId(self.shared.ids.next()),
            ..schedule.job().clone()
        }
    }

    async fn figures(&self) {
        let mut lanes = Lanes::default();
        loop {
            let figures = self.shared.broker.port().figures(COUNT_TO).await;
            self.noted("figures", figures.map(|figures| lanes.show(&figures)));
            tokio::time::sleep(self.every(self.shared.config.upkeep.figures)).await;
        }
    }

    fn every(&self, pause: Duration) -> Duration {
        pause.max(Duration::from_millis(100))
    }

    fn noted<T>(&self, what: &'static str, done: Result<T, StoreError>) -> Option<T> {
        done.inspect_err(|error| {
            observe::failed(what);
            tracing::warn!(%error, what, "a chore of the queue failed");
        })
        .ok()
    }
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    More,
}

/// Makes a call until it finds less than it may, but a bounded number of times.
async fn in_batches<F: Future<Output = Result<u64, StoreError>>>(
    call: impl Fn() -> F,
) -> Result<Left, StoreError> {
    for _ in 0..CALLS {
        if call().await? < u64::from(BATCH) {
            return Ok(Left::Nothing);
        }
    }
    Ok(Left::More)
}
