use serde::{Deserialize, Serialize};
use stanchion_stock::Strategy;

use super::key::{Key, Kind};

/// `[stock]`: stock and reservations.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StockSection {
    /// How changes of stock are decided.
    pub strategy: Strategy,
    /// Lanes of batches; each has one under way at most.
    pub lanes: usize,
    /// Changes that may wait in a lane.
    pub lane_queue: usize,
    /// Lines of a batch.
    pub batch_lines: usize,
    /// How long a change may wait or be tried again.
    pub deadline_ms: u64,
    /// How often a change is tried.
    pub attempts: u32,
    /// How often reservations are looked for whose time is over.
    pub sweep_ms: u64,
}

impl Default for StockSection {
    fn default() -> Self {
        Self {
            strategy: Strategy::Adaptive,
            lanes: 8,
            lane_queue: 4096,
            batch_lines: 1000,
            deadline_ms: 2_000,
            attempts: 10,
            sweep_ms: 500,
        }
    }
}

const fn between(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "stock.strategy",
        kind: Kind::Choice(&["optimistic", "pessimistic", "atomic", "batched", "adaptive"]),
        about: "How changes of stock are decided; all are safe beside each other. `docs/locking.md` says when which is best.",
    },
    Key {
        name: "stock.lanes",
        kind: between(1, 1_000),
        about: "Lanes of batches: each has one batch, and so one connection, under way at most.",
    },
    Key {
        name: "stock.lane_queue",
        kind: between(1, 1_000_000),
        about: "Changes that may wait in a lane; more get 503 with `Retry-After`.",
    },
    Key {
        name: "stock.batch_lines",
        kind: between(1, 10_000),
        about: "Lines that are decided in one transaction at most.",
    },
    Key {
        name: "stock.deadline_ms",
        kind: between(10, 60_000),
        about: "How long a change may wait in its lane, and for how long it is tried again.",
    },
    Key {
        name: "stock.attempts",
        kind: between(1, 1_000),
        about: "How often a change is tried when others are faster; then 409 with what the stock is.",
    },
    Key {
        name: "stock.sweep_ms",
        kind: between(10, 60_000),
        about: "How often reservations are looked for whose time is over.",
    },
];
