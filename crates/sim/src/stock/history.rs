//! What happened, in order.

use std::time::Duration;

use stanchion_kernel::{Timestamp, Uuid};
use stanchion_stock::command::Command;
use stanchion_stock::{Lines, Movement, Outcome, Reservation, StockError, StockRow, Strategy};
use stanchion_store::idempotency::IdempotencyKey;

use crate::recorder::{self, Recorder as Of};

/// Everything that happened under a seed, and what was left in the database.
#[derive(Debug)]
pub struct History {
    /// The seed.
    pub seed: u64,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What is in the database after it.
    pub left: Left,
}

/// What is in the database at the end, when nothing is under way.
#[derive(Debug)]
pub struct Left {
    /// All rows, by SKU.
    pub rows: Vec<StockRow>,
    /// All reservations, by id.
    pub reservations: Vec<Reservation>,
    /// All movements, in the order of their commits.
    pub movements: Vec<Movement>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A client sent a request.
    Asked {
        /// The number of the call, from 0.
        call: usize,
        /// To which server.
        server: usize,
        /// How it is to be decided.
        strategy: Strategy,
        /// What.
        ask: Ask,
    },
    /// A client heard of its request, or knows that it will not.
    Heard {
        /// The number of the call.
        call: usize,
        /// What.
        heard: Heard,
    },
    /// The database decided commands.
    Decided(Decision),
    /// The database read rows under their locks, or one without.
    Read {
        /// What was looked for.
        skus: Vec<String>,
        /// What there was.
        rows: Vec<StockRow>,
    },
    /// A server is gone, with all that it was doing.
    Crashed {
        /// Which.
        server: usize,
    },
    /// A fault that a port met.
    Fault {
        /// At which server.
        server: usize,
        /// What.
        what: &'static str,
    },
    /// From here on nothing goes wrong any more, and everything must be answered.
    Quiet,
}

/// Commands that the database decided, each with its outcome, in order; as it recorded them.
#[derive(Debug)]
pub struct Decision {
    /// For which server.
    pub server: usize,
    /// How many events there were when what decided it was read or, when it changed rows, when it was committed.
    pub position: usize,
    /// Whether it changed rows.
    pub is_commit: bool,
    /// The database's clock, when what decided it was read.
    pub at: Timestamp,
    /// The database's clock at the end of the transaction.
    pub ended: Timestamp,
    /// For how long the outcomes of keys are kept, from `at` on.
    pub keep: Duration,
    /// The commands with their outcomes.
    pub decided: Vec<(Command, Outcome)>,
    /// The rows as they were written.
    pub rows: Vec<StockRow>,
}

/// A request of a client.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The number of the operation that it tries, from 1; several requests may try the same.
    pub operation: u64,
    /// What.
    pub wish: Wish,
    /// Its idempotency key.
    pub key: Option<IdempotencyKey>,
}

/// What a client wants.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Pieces held; for so many microseconds, of which the last three digits are the operation's number.
    Reserve {
        /// What.
        lines: Lines,
        /// For how long.
        ttl_us: u64,
    },
    /// Pieces sold: all, or these.
    Commit {
        /// Of which reservation.
        id: Uuid,
        /// Which.
        lines: Option<Lines>,
    },
    /// Pieces given back.
    Release {
        /// Of which reservation.
        id: Uuid,
    },
    /// Pieces received or lost; the reason is the operation's number.
    Adjust {
        /// The SKU.
        sku: String,
        /// By how many.
        delta: i64,
        /// At which version.
        if_version: Option<i64>,
    },
    /// A threshold set.
    SetLowStock {
        /// The SKU.
        sku: String,
        /// To what.
        threshold: i64,
    },
}

/// What a client heard.
#[derive(Clone, Debug)]
pub enum Heard {
    /// The reservation.
    Reservation(Reservation),
    /// The row.
    Row(StockRow),
    /// An error of the ledger.
    Error(StockError),
    /// Nothing: the server or the connection is gone, or the client went away.
    Nothing,
}

impl History {
    /// A number that is another one as soon as anything is different.
    #[must_use]
    pub fn digest(&self) -> u64 {
        recorder::digest(self)
    }

    /// The last events, one a line.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        self.until(self.events.len(), count)
    }

    /// The last of the first `end` events, one a line.
    #[must_use]
    pub fn until(&self, end: usize, count: usize) -> String {
        recorder::lines(&self.events, end, count)
    }
}

/// Where events are written down.
pub(crate) type Recorder = Of<Event>;
