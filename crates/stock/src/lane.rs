//! Natural batching: what arrives while a batch is under way is the next batch. Pure: no clock, no tasks, no locks.

use std::collections::VecDeque;
use std::time::Duration;

/// A bounded queue in front of one batch at a time.
///
/// What is offered to an idle lane starts at once, and nothing waits for company.
#[derive(Debug)]
pub struct Lane<T> {
    waiting: VecDeque<Waiting<T>>,
    busy: bool,
    bounds: Bounds,
}

/// The bounds of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many may wait, 1 or more.
    pub queue: usize,
    /// How many lines a batch has at most; something larger travels alone.
    pub batch_lines: usize,
}

#[derive(Debug)]
struct Waiting<T> {
    item: T,
    lines: usize,
    until: Duration,
}

/// What became of an offer.
#[derive(Debug, PartialEq, Eq)]
pub enum Offer<T> {
    /// The lane was idle and is busy now: the caller must see to it that [`Lane::next`] is called until it answers `None`.
    Start,
    /// It waits for the batch that is under way.
    Wait,
    /// The queue is full.
    Full(T),
}

/// What comes next, in the order of arrival.
#[derive(Debug, PartialEq, Eq)]
pub struct Next<T> {
    /// To be decided together.
    pub batch: Vec<T>,
    /// What waited until after its deadline; it must not be decided any more.
    pub late: Vec<T>,
}

impl<T> Lane<T> {
    /// An idle lane.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            waiting: VecDeque::new(),
            busy: false,
            bounds,
        }
    }

    /// Takes an item of so many lines, which may wait until the moment `until`.
    pub fn offer(&mut self, item: T, lines: usize, until: Duration) -> Offer<T> {
        if self.waiting.len() >= self.bounds.queue.max(1) {
            return Offer::Full(item);
        }
        self.waiting.push_back(Waiting { item, lines, until });
        if std::mem::replace(&mut self.busy, true) {
            Offer::Wait
        } else {
            Offer::Start
        }
    }

    /// The next batch, once the one before is answered; `None` when nothing waits, and the lane is idle then.
    pub fn next(&mut self, now: Duration) -> Option<Next<T>> {
        if self.waiting.is_empty() {
            self.busy = false;
            return None;
        }
        let (mut batch, mut late) = (Vec::new(), Vec::new());
        let mut room = self.bounds.batch_lines;
        while let Some(first) = self.waiting.pop_front() {
            if first.until <= now {
                late.push(first.item);
            } else if batch.is_empty() || first.lines <= room {
                room = room.saturating_sub(first.lines);
                batch.push(first.item);
            } else {
                self.waiting.push_front(first);
                break;
            }
        }
        Some(Next { batch, late })
    }

    /// Gives up what waits, since nobody works on the lane any more.
    pub fn abandon(&mut self) -> Vec<T> {
        self.busy = false;
        self.waiting.drain(..).map(|waiting| waiting.item).collect()
    }

    /// How many wait.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.waiting.len()
    }
}
