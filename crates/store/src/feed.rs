//! The change feed: an outbox that every write appends to in its own transaction, and that consumers tail.
//!
//! Delivery is at least once and in commit order per key, and misses no commit, in whatever order transactions commit:
//! on PostgreSQL a consumer's position is a snapshot (which transactions it has seen), not a number, so that a slow
//! transaction delays its own rows only. On SQLite writers are serial, and the position is the last row's number.
//! A hint (`NOTIFY`, or a signal within the process) says that there may be something new; the poll is the truth.

mod append;
mod hint;
mod poll_postgres;
mod poll_sqlite;
mod position;
mod prune;
mod tail;

use std::borrow::Cow;

use stanchion_kernel::Timestamp;

pub use append::{append_postgres, append_sqlite};
pub(crate) use hint::Hint;
pub use hint::Listener;
pub use tail::{Consumer, Polled, Start, Tail};

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The row is new.
    Created,
    /// The row has a newer version.
    Updated,
    /// The row is gone; the version is newer than any that it had.
    Deleted,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Created, Self::Updated, Self::Deleted]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// A change to one row, as it is appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind of row it is: `product`, `key`, …
    pub topic: Cow<'static, str>,
    /// Which row, in text.
    pub key: String,
    /// The row's version after the change.
    pub version: i64,
    /// What happened.
    pub kind: Kind,
}

/// A change as a consumer gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the feed. Numbers grow per key; across keys a lower one may arrive later.
    pub seq: i64,
    /// When its transaction began, by the database's clock.
    pub at: Timestamp,
    /// The change.
    pub change: Change,
}
