//! A fleet: worker processes, as many as there is work for.
//!
//! An [`Autoscaler`] says how many there should be, from what the database tells of the load, and the fleet starts and drains
//! processes. One that is to go is told so by SIGTERM, gives back what it has not begun and ends what it has; only when it
//! takes much longer than it may is it killed. One that dies is replaced, after a pause that grows while it keeps dying.
//! The processes of a fleet that is killed itself end as well, when they have called [`end_with_parent`].

mod keeper;
mod member;
mod nursery;
mod parent;
mod roster;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Clock;
use tokio::process::Child;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::autoscale::{Autoscaler, Rules};
use crate::error::JobsError;
use crate::load::Lookout;
use crate::model::{Queue, Worker};
use crate::observe;
use crate::port::Port;
use keeper::Keeper;
use nursery::Nursery;

pub use parent::{die_with_parent, end_with_parent};

/// Starts worker processes. Every `FnMut(u32) -> io::Result<Started>` does.
pub trait Starter: Send + 'static {
    /// Starts one, in a place that nobody else has now: a number from 0, smaller than the most workers of the rules. It runs on a
    /// thread of its own, within the fleet's runtime.
    ///
    /// # Errors
    /// When it cannot be started. It is tried again, after pauses.
    fn start(&mut self, place: u32) -> io::Result<Started>;
}

impl<F: FnMut(u32) -> io::Result<Started> + Send + 'static> Starter for F {
    fn start(&mut self, place: u32) -> io::Result<Started> {
        self(place)
    }
}

/// A worker process.
#[derive(Debug)]
pub struct Started {
    /// The process. It stops gracefully on SIGTERM.
    pub child: Child,
    /// The name by which it claims, so that it can be seen what it holds.
    pub worker: Worker,
}

/// The settings of a fleet.
#[derive(Clone, Debug)]
pub struct FleetConfig {
    /// How many workers there should be. No more processes than its `max` live at a time, those included that drain.
    pub rules: Rules,
    /// The queues that they work on, whose load counts.
    pub queues: Vec<Queue>,
    /// How often the load is looked at.
    pub look: Duration,
    /// After what time a worker that was told to stop is killed: longer than its own grace periods.
    pub patience: Duration,
    /// When workers are replaced that died.
    pub restarts: Restarts,
}

/// The pauses before a dead worker is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarts {
    /// The first one. It doubles with each death in the same place.
    pub first_pause: Duration,
    /// The longest one.
    pub longest_pause: Duration,
    /// A worker that lived for so long was well: the pauses begin anew.
    pub well_after: Duration,
}

impl Default for Restarts {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            well_after: Duration::from_mins(1),
        }
    }
}

impl FleetConfig {
    /// The defaults for workers on these queues: the rules' own, a look every second, and 40 s for a worker to stop.
    #[must_use]
    pub fn new(queues: Vec<Queue>) -> Self {
        Self {
            rules: Rules::default(),
            queues,
            look: Duration::from_secs(1),
            patience: Duration::from_secs(40),
            restarts: Restarts::default(),
        }
    }
}

/// How many workers there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// How many there should be.
    pub wanted: u32,
    /// How many run and were not told to stop.
    pub running: u32,
    /// How many were told to stop and have not ended.
    pub draining: u32,
}

/// A supervisor of worker processes.
pub struct Fleet {
    port: Arc<dyn Port>,
    config: FleetConfig,
    clock: Clock,
    starter: Box<dyn Starter>,
    shown: watch::Sender<Workers>,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Fleet {
    /// A fleet that nobody belongs to yet.
    #[must_use]
    pub fn new(
        port: Arc<dyn Port>,
        config: FleetConfig,
        clock: Clock,
        starter: impl Starter,
    ) -> Self {
        Self {
            port,
            config,
            clock,
            starter: Box::new(starter),
            shown: watch::Sender::new(Workers::default()),
        }
    }

    /// Tells how many workers there are, at every change.
    #[must_use]
    pub fn workers(&self) -> watch::Receiver<Workers> {
        self.shown.subscribe()
    }

    /// Keeps as many workers as there is work for until `stop` is given; then it drains all, and ends when they have ended.
    /// While the database cannot be asked the number stays as it is.
    ///
    /// Dropped before that, it leaves its workers: those that called [`end_with_parent`] end gracefully.
    ///
    /// # Errors
    /// [`JobsError::Thread`] when the thread that starts workers cannot be started.
    pub async fn run(self, stop: CancellationToken) -> Result<(), JobsError> {
        let nursery = Nursery::open(self.starter);
        let nursery = nursery.map_err(|error| JobsError::Thread(error.to_string()))?;
        let autoscaler = Autoscaler::new(self.config.rules);
        let (wanted, news) = watch::channel(autoscaler.workers());
        let keeper = Keeper::new(
            Arc::clone(&self.port),
            self.clock.clone(),
            &self.config,
            nursery,
            self.shown,
        );
        let lookout = Lookout::new(self.port, self.clock);
        tokio::select! {
            () = keeper.keep(news, stop) => {}
            () = watch(lookout, autoscaler, &self.config, &wanted) => {}
        }
        Ok(())
    }
}

/// Looks at the load, and tells how many workers it needs, for ever.
async fn watch(
    mut lookout: Lookout,
    mut autoscaler: Autoscaler,
    config: &FleetConfig,
    wanted: &watch::Sender<u32>,
) {
    loop {
        match lookout.look().await {
            Ok(loads) => {
                let workers = autoscaler.observe(&loads.of(&config.queues).seen(loads.at));
                wanted.send_if_modified(|now| std::mem::replace(now, workers) != workers);
            }
            Err(error) => {
                observe::failed("look");
                tracing::warn!(%error, "the load is not known; the number of workers stays");
            }
        }
        tokio::time::sleep(config.look).await;
    }
}
