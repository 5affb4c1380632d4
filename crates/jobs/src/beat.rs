//! A job in the hands of this worker, as the thread that renews leases sees it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::ending::Asked;
use crate::model::{Fence, Progress};
use crate::port::Heartbeat;

/// A job that is held.
#[derive(Debug)]
pub(crate) struct Beat {
    fence: Fence,
    cancel: CancellationToken,
    asked: OnceLock<Asked>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// From when on the lease is not renewed, monotonic.
    until: Option<Duration>,
    progress: Option<Progress>,
}

impl Beat {
    pub(crate) fn new(fence: Fence) -> Arc<Self> {
        Arc::new(Self {
            fence,
            cancel: CancellationToken::new(),
            asked: OnceLock::new(),
            state: Mutex::default(),
        })
    }

    pub(crate) fn fence(&self) -> Fence {
        self.fence
    }

    /// Ends the renewal at a moment: the attempt has no more time than that.
    pub(crate) fn begin(&self, until: Duration) {
        self.state().until = Some(until);
    }

    /// Renews the lease for as long as it takes to tell how the attempt ended.
    pub(crate) fn finish(&self) {
        self.state().until = None;
    }

    pub(crate) fn set_progress(&self, progress: Progress) {
        self.state().progress = Some(progress);
    }

    /// What was not stored is for the next sign of life, unless there is news.
    fn restore_progress(&self, progress: Progress) {
        self.state().progress.get_or_insert(progress);
    }

    /// Asks the handler to end. Only the first reason counts.
    pub(crate) fn end(&self, why: Asked) {
        if self.asked.set(why).is_ok() {
            self.cancel.cancel();
        }
    }

    /// Why the handler was asked to end, if it was.
    pub(crate) fn asked(&self) -> Option<Asked> {
        self.asked.get().copied()
    }

    pub(crate) async fn ended(&self) {
        self.cancel.cancelled().await;
    }

    /// The sign of life that is due; none when the time is over, and then the handler is asked to end.
    fn heartbeat(&self, now: Duration) -> Option<Heartbeat> {
        let mut state = self.state();
        if state.until.is_some_and(|until| until <= now) {
            self.end(Asked::TimedOut);
            return None;
        }
        (self.asked() != Some(Asked::Lost)).then(|| Heartbeat {
            fence: self.fence,
            progress: state.progress.take(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that this worker holds.
#[derive(Debug, Default)]
pub(crate) struct Beats(Mutex<HashMap<Fence, Arc<Beat>>>);

impl Beats {
    pub(crate) fn add(&self, beat: Arc<Beat>) {
        self.held().insert(beat.fence, beat);
    }

    pub(crate) fn remove(&self, fence: &Fence) {
        self.held().remove(fence);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held().is_empty()
    }

    pub(crate) fn get(&self, fence: &Fence) -> Option<Arc<Beat>> {
        self.held().get(fence).cloned()
    }

    /// Asks all handlers to end.
    pub(crate) fn end_all(&self, why: Asked) {
        self.held().values().for_each(|beat| beat.end(why));
    }

    /// The signs of life that are due.
    pub(crate) fn heartbeats(&self, now: Duration) -> Vec<Heartbeat> {
        let held: Vec<_> = self.held().values().cloned().collect();
        let due = held.iter().filter_map(|beat| beat.heartbeat(now));
        due.collect()
    }

    /// Takes back signs of life that were not heard.
    pub(crate) fn unheard(&self, beats: Vec<Heartbeat>) {
        for beat in beats {
            if let (Some(held), Some(progress)) = (self.get(&beat.fence), beat.progress) {
                held.restore_progress(progress);
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Fence, Arc<Beat>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
