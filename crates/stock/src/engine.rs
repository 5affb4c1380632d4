//! What all strategies share: the database, the bounds, the lanes.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stanchion_kernel::{Backoff, Clock, Entropy, Ids, Jitter};
use stanchion_store::StoreError;
use tokio::sync::Notify;

use crate::adaptive::Adaptive;
use crate::command::{Action, Batch, Command};
use crate::config::StockConfig;
use crate::decide::View;
use crate::error::StockError;
use crate::lane::{Bounds, Lane};
use crate::model::Outcome;
use crate::port::{Port, Seat};
use crate::strategy::batched::Waiting;
use crate::strategy::{Strategy, adaptive, atomic, batched, optimistic, pessimistic};

/// When a caller that was turned away may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) port: Arc<dyn Port>,
    pub(crate) ids: Ids,
    pub(crate) clock: Clock,
    pub(crate) config: StockConfig,
    entropy: Entropy,
    backoff: Backoff,
    lanes: Vec<Mutex<Lane<Waiting>>>,
    bells: Vec<Notify>,
    watches: Vec<Mutex<Adaptive>>,
}

impl Engine {
    pub(crate) fn new(
        port: Arc<dyn Port>,
        ids: Ids,
        clock: Clock,
        entropy: Entropy,
        config: StockConfig,
    ) -> Self {
        let lanes = 0..config.lanes.max(1);
        let bounds = Bounds {
            queue: config.lane_queue,
            batch_lines: config.batch_lines,
        };
        let backoff = Backoff {
            base: config.first_pause,
            cap: config.longest_pause,
            jitter: Jitter::Full,
        };
        let watch = |_| Mutex::new(Adaptive::new(config.remembered_skus));
        Self {
            lanes: lanes
                .clone()
                .map(|_| Mutex::new(Lane::new(bounds)))
                .collect(),
            bells: lanes.clone().map(|_| Notify::new()).collect(),
            watches: lanes.map(watch).collect(),
            port,
            ids,
            clock,
            config,
            entropy,
            backoff,
        }
    }

    /// Decides a command.
    pub(crate) async fn run(
        self: &Arc<Self>,
        command: Command,
        strategy: Option<Strategy>,
    ) -> Result<Outcome, StockError> {
        match strategy.unwrap_or(self.config.strategy) {
            Strategy::Optimistic => optimistic::run(self, command).await,
            Strategy::Pessimistic => pessimistic::run(self, command).await,
            Strategy::Atomic => atomic::run(self, &mut Seat::default(), command).await,
            Strategy::Batched => batched::run(self, command).await.outcome,
            Strategy::Adaptive => adaptive::run(self, command).await,
        }
    }

    pub(crate) fn batch(&self, commands: impl Into<Arc<[Command]>>) -> Batch {
        Batch {
            commands: commands.into(),
            again: false,
            keep: self.config.keep_outcomes,
        }
    }

    /// The moment at which what begins now has to be decided.
    pub(crate) fn until(&self) -> Duration {
        let now = self.clock.monotonic();
        now.saturating_add(self.config.deadline)
    }

    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        let random = u64::from_le_bytes(self.entropy.bytes());
        self.backoff.pause(attempt, random)
    }

    pub(crate) fn busy(&self) -> StockError {
        StockError::Busy {
            retry_after: RETRY_AFTER,
        }
    }

    /// The number of a SKU's lane.
    pub(crate) fn lane_of(&self, sku: &str) -> usize {
        let mut hasher = DefaultHasher::new();
        sku.hash(&mut hasher);
        let lanes = u64::try_from(self.lanes.len()).unwrap_or(u64::MAX);
        usize::try_from(hasher.finish() % lanes).unwrap_or_default()
    }

    pub(crate) fn lane(&self, at: usize) -> MutexGuard<'_, Lane<Waiting>> {
        self.lanes[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Rings when something waits in a lane that is busy.
    pub(crate) fn bell(&self, at: usize) -> &Notify {
        &self.bells[at]
    }

    pub(crate) fn watch(&self, at: usize) -> MutexGuard<'_, Adaptive> {
        self.watches[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome of a batch of one.
    pub(crate) fn only(&self, outcomes: Vec<Outcome>) -> Result<Outcome, StockError> {
        let none = || StoreError::Corrupt("a command without an outcome".to_owned());
        Ok(outcomes.into_iter().next().ok_or_else(none)?)
    }

    /// Goes on to the next attempt, or says what the caller hears.
    pub(crate) async fn check(
        &self,
        next: Result<(), StoreError>,
        batch: &Batch,
    ) -> Result<(), StockError> {
        match next {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failure(error, batch).await),
        }
    }

    /// What the caller hears when there is no other attempt.
    pub(crate) async fn failure(&self, error: StoreError, batch: &Batch) -> StockError {
        match error {
            StoreError::Conflict(_) | StoreError::Duplicate(_) => {
                self.contended(batch).await.unwrap_or_else(StockError::from)
            }
            error => error.into(),
        }
    }

    /// Who hears that others were faster may rely on it that nothing was done for them, also not by another call with
    /// the same key.
    async fn contended(&self, batch: &Batch) -> Result<StockError, StoreError> {
        // When the locks are free, those who held them have ended, and what they did is there to be seen.
        let rows = self.port.locked_rows(batch.skus()).await?;
        let batch = Batch {
            again: true,
            ..batch.clone()
        };
        let view = self.port.view(&batch).await?;
        if batch.commands.iter().any(|command| has(&view, command)) {
            let found = "its effect is there, and was found too late";
            return Err(StoreError::CommitUnknown(found.to_owned()));
        }
        Ok(StockError::Contended { rows })
    }
}

/// Whether a command had its effect: its key has an outcome, or there is the reservation that it makes.
fn has(view: &View, command: &Command) -> bool {
    let is_known = command.key.as_ref().is_some_and(|key| {
        let scope = (&key.caller, &key.route, &key.key);
        let mut known = view.known.iter().map(|known| &known.key);
        known.any(|known| (&known.caller, &known.route, &known.key) == scope)
    });
    let is_made = match command.action {
        Action::Reserve { id, .. } => view.reservations.iter().any(|made| made.id == id),
        Action::Settle { .. } | Action::Adjust { .. } | Action::SetLowStock { .. } => false,
    };
    is_known || is_made
}
