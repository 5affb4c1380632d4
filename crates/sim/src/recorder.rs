use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where events are written down. Clones write to the same.
#[derive(Debug)]
pub(crate) struct Recorder<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Recorder<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Recorder<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Recorder<T> {
    pub(crate) fn record(&self, event: T) {
        self.events().push(event);
    }

    /// How many events there are.
    pub(crate) fn position(&self) -> usize {
        self.events().len()
    }

    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.events())
    }

    fn events(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that is another one as soon as anything is different.
pub(crate) fn digest(history: &impl Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{history:?}").hash(&mut hasher);
    hasher.finish()
}

/// The last of the first `end` events, one a line.
pub(crate) fn lines<T: Debug>(events: &[T], end: usize, count: usize) -> String {
    let end = end.min(events.len());
    let lines = events.iter().enumerate().take(end);
    let lines = lines.skip(end.saturating_sub(count));
    lines
        .map(|(at, event)| format!("{at:4} {event:?}\n"))
        .collect()
}
