use std::time::Duration;

use crate::model::Priority;

/// A queue's jobs of one priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The place of the queue among those of the worker, from 0.
    pub queue: usize,
    /// The priority.
    pub priority: Priority,
}

/// What is known of a lane.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// What it has had, by its weight, beyond the lane of its queue that has had least.
    pub(super) pass: u64,
    /// It gave all that it was asked for, and so may have more.
    pub(super) waiting: bool,
    /// How long the youngest job that it gave last had waited, and when it gave it: the next one is no older.
    heard: Option<(Duration, Duration)>,
}

impl Known {
    pub(super) fn heard(&mut self, wait: Duration, now: Duration) {
        self.waiting = true;
        self.heard = Some((wait, now));
    }

    pub(super) fn is_empty(&mut self) {
        self.waiting = false;
        self.heard = None;
    }

    /// How long its next job may have waited by now.
    pub(super) fn age(&self, now: Duration) -> Duration {
        self.heard.map_or(Duration::ZERO, |(wait, at)| {
            wait.saturating_add(now.saturating_sub(at))
        })
    }
}
