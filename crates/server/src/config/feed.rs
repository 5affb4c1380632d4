use serde::{Deserialize, Serialize};

use super::key::{Key, Kind};

/// `[feed]`: the change feed that servers tell each other changes by.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedSection {
    /// How often it is asked when nothing hints at a change.
    pub poll_ms: u64,
    /// How long its rows are kept.
    pub retention_seconds: u64,
}

impl Default for FeedSection {
    fn default() -> Self {
        Self {
            poll_ms: 250,
            retention_seconds: 86_400,
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "feed.poll_ms",
        kind: Kind::Integer { min: 10, max: 500 },
        about: "How often the change feed is asked when nothing hints at a change; a revoked key works this long elsewhere.",
    },
    Key {
        name: "feed.retention_seconds",
        kind: Kind::Integer {
            min: 60,
            max: 31_536_000,
        },
        about: "How long changes are kept for consumers that stay away; idle ones are told that they missed some.",
    },
];
