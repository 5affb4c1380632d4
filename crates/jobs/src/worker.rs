//! Works: claims, runs, settles, and gives back.

mod attempt;
mod claimer;
mod config;
mod heart;
mod lifetime;
mod room;
mod settler;
mod shared;
mod upkeep;

pub use config::{Adopt, Upkeep, WorkerConfig};

use std::fmt;

use stanchion_kernel::{Clock, Entropy, Ids};
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;
use crate::error::{Invalid, JobsError};
use crate::handler::Handlers;
use crate::schedule::Schedule;

/// A worker: does jobs until it is told to stop.
///
/// Run one in a process: a suspect, on whose input a process died, runs with nothing beside it in its worker.
pub struct Runner {
    broker: Broker,
    handlers: Handlers,
    schedules: Vec<Schedule>,
    config: WorkerConfig,
    clock: Clock,
    entropy: Entropy,
    ids: Ids,
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("handlers", &self.handlers)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Runner {
    /// A worker with these handlers. Without any it claims nothing, and does the chores: it takes jobs from dead workers, fires
    /// schedules, forgets history and takes figures.
    ///
    /// # Errors
    /// [`Invalid::NoQueue`] when it has handlers and no queue to work on.
    pub fn new(
        broker: Broker,
        handlers: Handlers,
        config: WorkerConfig,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, Invalid> {
        if config.queues.is_empty() && handlers.kinds().next().is_some() {
            return Err(Invalid::NoQueue);
        }
        Ok(Self {
            broker,
            handlers,
            schedules: Vec::new(),
            config,
            ids: Ids::new(clock.clone(), entropy.clone()),
            clock,
            entropy,
        })
    }

    /// Fires these schedules, too. Several workers may have the same: each tick is fired once.
    #[must_use]
    pub fn with_schedules(mut self, schedules: Vec<Schedule>) -> Self {
        self.schedules = schedules;
        self
    }

    /// Works until `stop` is given; then it claims nothing more, waits for its jobs for the grace period, asks those that
    /// still run to end, and gives back what has not ended. Nothing of that costs a job an attempt.
    ///
    /// Dropped before that, it leaves its jobs to be rescued.
    ///
    /// # Errors
    /// [`JobsError::Thread`] when the thread that renews leases cannot be started, or has died.
    pub async fn run(self, stop: CancellationToken) -> Result<(), JobsError> {
        lifetime::run(self, stop).await
    }
}
