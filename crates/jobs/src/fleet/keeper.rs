//! The part of a fleet that keeps the number of workers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Clock;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::member::{self, End};
use super::nursery::Nursery;
use super::roster::{Order, Roster};
use super::{FleetConfig, Started, Workers};
use crate::model::Worker;
use crate::observe;
use crate::port::Port;

/// How long it may take to learn who has the least to do.
const ASK_WITHIN: Duration = Duration::from_secs(2);

/// Keeps the number of workers that is wanted.
pub(super) struct Keeper {
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
    pub(super) fn new(
        port: Arc<dyn Port>,
        clock: Clock,
        config: &FleetConfig,
        nursery: Nursery,
        shown: watch::Sender<Workers>,
    ) -> Self {
        let most = config.rules.max.max(config.rules.min).max(1);
        Self {
            roster: Roster::new(most, config.restarts),
            port,
            clock,
            patience: config.patience,
            nursery,
            names: HashMap::new(),
            drains: HashMap::new(),
            members: JoinSet::new(),
            shown,
        }
    }

    /// Keeps it until `stop` is given; then drains all.
    pub(super) async fn keep(mut self, mut wanted: watch::Receiver<u32>, stop: CancellationToken) {
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
