//! A fleet: worker processes, as many as there is work for.
//!
//! An [`Autoscaler`] says how many there should be, from what the database tells of the load, and the fleet starts and drains
//! processes. One that is to go is told so by SIGTERM, gives back what it has not begun and ends what it has; only when it
//! takes much longer than it may is it killed. One that dies is replaced, after a pause that grows while it keeps dying.
//! The processes of a fleet that is killed itself end as well, when they have called [`end_with_parent`].

mod member;
mod nursery;
mod roster;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Clock;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::autoscale::{Autoscaler, Rules};
use crate::error::JobsError;
use crate::load::Lookout;
use crate::model::{Queue, Worker};
use crate::observe;
use crate::port::Port;
use member::End;
use nursery::Nursery;
use roster::{Order, Roster};

/// How long it may take to learn who has the least to do.
const ASK_WITHIN: Duration = Duration::from_secs(2);

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
        let most = self.config.rules.max.max(self.config.rules.min).max(1);
        let keeper = Keeper {
            roster: Roster::new(most, self.config.restarts),
            port: Arc::clone(&self.port),
            clock: self.clock.clone(),
            patience: self.config.patience,
            nursery,
            names: HashMap::new(),
            drains: HashMap::new(),
            members: JoinSet::new(),
            shown: self.shown,
        };
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

/// Keeps the number of workers that is wanted.
struct Keeper {
    roster: Roster,
    port: Arc<dyn Port>,
    clock: Clock,
    patience: Duration,
    nursery: Nursery,
    /// By place.
    names: HashMap<u32, Worker>,
    drains: HashMap<u32, CancellationToken>,
    members: JoinSet<(u32, End)>,
    shown: watch::Sender<Workers>,
}

impl Keeper {
    async fn keep(mut self, mut wanted: watch::Receiver<u32>, stop: CancellationToken) {
        observe::fleet();
        while !stop.is_cancelled() {
            let workers = *wanted.borrow_and_update();
            self.settle(workers).await;
            self.show(workers);
            let now = self.now();
            let rest = self.roster.rested_at(now);
            tokio::select! {
                () = stop.cancelled() => {}
                _ = wanted.changed() => {}
                Some(ended) = self.members.join_next() => self.note(ended),
                () = rested(rest, now) => {}
            }
        }
        let orders = self.roster.shrink(0, |_| 0);
        self.follow(orders).await;
        self.show(0);
        while let Some(ended) = self.members.join_next().await {
            self.note(ended);
            self.show(0);
        }
    }

    fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    async fn settle(&mut self, wanted: u32) {
        if self.roster.surplus(wanted) > 0 {
            let held = self.held().await;
            let names = &self.names;
            let busy = |place: u32| {
                let held = names.get(&place).and_then(|name| held.get(name));
                held.copied().unwrap_or_default()
            };
            let orders = self.roster.shrink(wanted, busy);
            self.follow(orders).await;
        }
        let orders = self.roster.grow(wanted, self.now());
        self.follow(orders).await;
    }

    /// How many jobs each worker holds; nothing when that cannot be known.
    async fn held(&self) -> HashMap<Worker, u64> {
        let asked = tokio::time::timeout(ASK_WITHIN, self.port.holders()).await;
        match asked {
            Ok(Ok(held)) => held.into_iter().collect(),
            Ok(Err(error)) => {
                observe::failed("holders");
                tracing::warn!(%error, "it is not known who has the least to do");
                HashMap::new()
            }
            Err(_) => HashMap::new(),
        }
    }

    async fn follow(&mut self, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Start(place) => self.start(place).await,
                Order::Drain(place) => {
                    if let Some(drain) = self.drains.get(&place) {
                        drain.cancel();
                    }
                }
            }
        }
    }

    async fn start(&mut self, place: u32) {
        match self.nursery.start(place).await {
            Ok(Started { child, worker }) => {
                tracing::info!(place, %worker, pid = child.id(), "a worker was started");
                let drain = CancellationToken::new();
                self.names.insert(place, worker);
                self.drains.insert(place, drain.clone());
                let patience = self.patience;
                let live = async move { (place, member::live(child, drain, patience).await) };
                self.members.spawn(live);
            }
            Err(error) => {
                let pause = self.roster.ended(place, self.now());
                observe::died("not_started");
                tracing::error!(place, %error, ?pause, "a worker cannot be started");
            }
        }
    }

    fn note(&mut self, ended: Result<(u32, End), tokio::task::JoinError>) {
        let Ok((place, end)) = ended else {
            // None of them is aborted, and none has anything in it that panics.
            tracing::error!("a worker is not watched any more");
            return;
        };
        let pause = self.roster.ended(place, self.now());
        self.drains.remove(&place);
        self.names.remove(&place);
        match end {
            End::Died(status) => {
                observe::died("died");
                tracing::error!(place, ?status, ?pause, "a worker died");
            }
            End::Drained(status) => tracing::info!(place, ?status, "a worker stopped"),
            End::Killed => {
                observe::died("killed");
                tracing::error!(place, "a worker did not stop and was killed");
            }
        }
    }

    fn show(&self, wanted: u32) {
        let (running, draining) = self.roster.counts();
        let workers = Workers {
            wanted,
            running,
            draining,
        };
        observe::workers(workers);
        let changed = |shown: &mut Workers| std::mem::replace(shown, workers) != workers;
        self.shown.send_if_modified(changed);
    }
}

/// Waits for a moment, for ever when there is none.
async fn rested(at: Option<Duration>, now: Duration) {
    match at {
        Some(at) => tokio::time::sleep(at.saturating_sub(now)).await,
        None => std::future::pending().await,
    }
}

/// Lets this process be told to stop, by SIGTERM, when the process that started it dies; `parent` is that one's id, which
/// it hands down. Call it before anything else, from a thread that lives as long as the process, with a handler for SIGTERM
/// in place. It does something on Linux alone.
///
/// # Errors
/// When the parent has died already, or the system refuses.
#[cfg(target_os = "linux")]
pub fn end_with_parent(parent: u32) -> io::Result<()> {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::TERM))?;
    let known = i32::try_from(parent).ok().and_then(Pid::from_raw);
    if known.is_none() || getppid() != known {
        return Err(io::Error::other(
            "the process that started this one is gone",
        ));
    }
    Ok(())
}

/// Does nothing here: a worker whose supervisor was killed goes on until somebody stops it.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn end_with_parent(_parent: u32) -> io::Result<()> {
    Ok(())
}
