use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stanchion_kernel::{Clock, Entropy, Ids};
use tokio::sync::{Notify, mpsc};

use super::WorkerConfig;
use super::room::Room;
use super::settler::Ended;
use crate::beat::Beats;
use crate::broker::Broker;
use crate::handler::Handlers;
use crate::work::Weight;

/// What all parts of a worker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) broker: Broker,
    pub(super) handlers: Handlers,
    pub(super) config: WorkerConfig,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) ids: Ids,
    pub(super) beats: Arc<Beats>,
    /// Rings when a place is free.
    pub(super) freed: Notify,
    /// Rings when the broker was told how attempts ended.
    pub(super) told: Notify,
    room: Mutex<Room>,
    ended: mpsc::Sender<Ended>,
}

impl Shared {
    pub(super) fn new(
        runner: super::Runner,
        beats: Arc<Beats>,
        ended: mpsc::Sender<Ended>,
    ) -> Self {
        let config = runner.config;
        let weights = runner.handlers.weights();
        let room = Room::new(config.concurrency, config.capacity, weights);
        Self {
            broker: runner.broker,
            handlers: runner.handlers,
            config,
            clock: runner.clock,
            entropy: runner.entropy,
            ids: runner.ids,
            beats,
            freed: Notify::new(),
            told: Notify::new(),
            room: Mutex::new(room),
            ended,
        }
    }

    pub(super) fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn random(&self) -> u64 {
        u64::from_le_bytes(self.entropy.bytes())
    }

    /// Hands an attempt that is over to the settler; waits while that has more than it can take.
    pub(super) async fn settle(&self, ended: Ended) {
        if let Some(beat) = self.beats.get(&ended.fence()) {
            beat.finish();
        }
        if self.ended.send(ended).await.is_err() {
            tracing::error!("an attempt ended after the worker did; its job will be rescued");
        }
    }
}

/// A job's place among those that run. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    weight: Weight,
}

impl Place {
    /// Takes one, if the job fits in.
    pub(super) fn take(shared: &Arc<Shared>, weight: Weight) -> Option<Self> {
        let mut room = shared.room();
        if !room.fits(weight) {
            return None;
        }
        room.take(weight);
        Some(Self {
            shared: Arc::clone(shared),
            weight,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.room().release(self.weight);
        self.shared.freed.notify_one();
    }
}
