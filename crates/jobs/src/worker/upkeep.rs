//! What a worker does besides: forgets history, takes in parked jobs, fires schedules, takes figures.

use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Timestamp;
use stanchion_store::StoreError;

use super::shared::Shared;
use crate::model::{JobId, Kind, NewJob};
use crate::observe::{self, Lanes};
use crate::schedule::Schedule;

/// The most jobs that one call forgets, or lets wait again.
const BATCH: u32 = 1000;
/// The most such calls in a row.
const CALLS: usize = 20;
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
        tokio::join!(self.tidy(), self.tick(schedules), self.figures());
    }

    async fn tidy(&self) {
        loop {
            self.noted("unpark", self.unpark().await);
            self.noted("prune", self.prune().await);
            tokio::time::sleep(self.shared.config.upkeep.tidy).await;
        }
    }

    /// Lets jobs wait again that were parked by who did not know their kind.
    async fn unpark(&self) -> Result<(), StoreError> {
        let kinds: Vec<Kind> = self.shared.handlers.kinds().cloned().collect();
        for _ in 0..CALLS {
            let port = self.shared.broker.port();
            if port.unpark(kinds.clone(), BATCH).await? < u64::from(BATCH) {
                break;
            }
        }
        Ok(())
    }

    async fn prune(&self) -> Result<(), StoreError> {
        for _ in 0..CALLS {
            let port = self.shared.broker.port();
            let forgotten = port.prune(self.shared.config.retention, BATCH).await?;
            observe::forgotten(forgotten);
            if forgotten < u64::from(BATCH) {
                break;
            }
        }
        Ok(())
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
            None => port.last_fired(schedule.name()).await?.unwrap_or(now),
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

    fn noted(&self, what: &'static str, done: Result<(), StoreError>) {
        if let Err(error) = done {
            observe::failed(what);
            tracing::warn!(%error, what, "a chore of the queue failed");
        }
    }
}
