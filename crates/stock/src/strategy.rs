//! The ways to decide a command, each safe beside all others, on any number of servers.

pub(crate) mod adaptive;
pub(crate) mod atomic;
pub(crate) mod attempts;
pub(crate) mod batched;
pub(crate) mod optimistic;
pub(crate) mod pessimistic;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a command is decided. All ways give the same answers; they differ in what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Reads without a lock and writes if nobody was faster, or begins again after a pause. For rare conflicts.
    Optimistic,
    /// Locks the rows, in order, and decides. For several rows at once and moderate conflict.
    Pessimistic,
    /// Reserves a single line by one conditional statement, and decides under a lock what that cannot. For cool rows.
    Atomic,
    /// Waits, while a batch is under way, to be decided together with what waits beside. For hot rows.
    Batched,
    /// [`Strategy::Atomic`] or [`Strategy::Batched`], per SKU, by what is measured.
    #[default]
    Adaptive,
}

/// There is no such strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a strategy is optimistic, pessimistic, atomic, batched or adaptive")]
pub struct UnknownStrategy;

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Optimistic,
        Self::Pessimistic,
        Self::Atomic,
        Self::Batched,
        Self::Adaptive,
    ];

    /// Its name in settings and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Optimistic => "optimistic",
            Self::Pessimistic => "pessimistic",
            Self::Atomic => "atomic",
            Self::Batched => "batched",
            Self::Adaptive => "adaptive",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(text: &str) -> Result<Self, UnknownStrategy> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or(UnknownStrategy)
    }
}
