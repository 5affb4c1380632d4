//! What happened, in order.

use std::time::Duration;

use crate::recorder::{self, Recorder as Of};

/// Everything that happened under a seed.
#[derive(Debug)]
pub struct History {
    /// The seed.
    pub seed: u64,
    /// The promise of each bucket.
    pub rules: Vec<Rule>,
    /// Millionths of a microsecond that the faster node's clock counts in each microsecond, one million at least: the
    /// rate is one of a node's clock.
    pub fastest: u64,
    /// Whether there were no faults at all.
    pub is_calm: bool,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// What a bucket promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Tokens of a full bucket.
    pub burst: u64,
    /// Tokens in every second.
    pub rate: u64,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A call was answered, or its caller knows that it will not be.
    Call(Call),
    /// The wall clock of a node was stepped.
    Stepped {
        /// When, in true time.
        at: Duration,
        /// By how many microseconds, forward or back.
        by_us: i64,
    },
    /// A node was promoted.
    Promoted {
        /// Which.
        node: usize,
        /// When, in true time.
        at: Duration,
        /// Why.
        why: &'static str,
    },
    /// Something went wrong.
    Fault(&'static str),
    /// From here on nothing goes wrong any more, and everything must be answered.
    Quiet,
    /// All servers ask one bucket for more than its rate from full on, between two moments of true time.
    Demanded {
        /// The bucket.
        bucket: usize,
        /// When it began.
        since: Duration,
        /// When it ended.
        until: Duration,
    },
}

/// A call and its answer.
#[derive(Clone, Debug)]
pub struct Call {
    /// At which server.
    pub server: usize,
    /// What for.
    pub purpose: Purpose,
    /// Which buckets were asked.
    pub parts: Vec<Part>,
    /// When it was sent, in true time.
    pub sent: Duration,
    /// When it was answered, in true time.
    pub decided: Duration,
    /// The answer.
    pub outcome: Outcome,
}

/// What is asked of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The bucket.
    pub bucket: usize,
    /// How many tokens.
    pub cost: u64,
}

/// Why a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is a client's.
    Work,
    /// To see that the server admits again.
    Life,
    /// To see that a bucket has become full again: nothing is missing that nobody has.
    Whole,
    /// To see that demand gets what there is.
    Demand,
}

/// What a caller heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All tokens are the caller's.
    Admitted,
    /// None are.
    Denied,
    /// The buckets could not be reached.
    Failed,
}

impl History {
    /// A number that is another one as soon as anything is different.
    #[must_use]
    pub fn digest(&self) -> u64 {
        recorder::digest(self)
    }

    /// The last of the first `end` events, one a line.
    #[must_use]
    pub fn until(&self, end: usize, count: usize) -> String {
        recorder::lines(&self.events, end, count)
    }
}

/// Where events are written down.
pub(super) type Recorder = Of<Event>;
