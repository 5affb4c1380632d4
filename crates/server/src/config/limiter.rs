mod entry;
mod judge;

use serde::{Deserialize, Serialize};

use super::key::{Key, Kind};

pub use entry::{Callers, FallbackWord, LimitEntry, Per, RateText};
pub(super) use judge::objections;

/// `[limiter]`: limits, and those in front of the routes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimiterSection {
    /// Whether limits stand in front of the routes.
    pub enabled: bool,
    /// Where buckets are kept.
    pub backend: BackendWord,
    /// How many buckets that are not full are remembered.
    pub buckets: usize,
    /// The limits.
    pub limits: Vec<LimitEntry>,
}

/// Where buckets are kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendWord {
    /// In the memory of each server.
    #[default]
    Memory,
}

impl Default for LimiterSection {
    fn default() -> Self {
        Self {
            enabled: true,
            backend: BackendWord::Memory,
            buckets: 1_000_000,
            limits: vec![LimitEntry::anonymous()],
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "limiter.enabled",
        kind: Kind::Boolean,
        about: "Whether limits stand in front of the routes; without them they can still be asked.",
    },
    Key {
        name: "limiter.backend",
        kind: Kind::Choice(&["memory"]),
        about: "Where buckets are kept: in the memory of each server, which limits each by itself.",
    },
    Key {
        name: "limiter.buckets",
        kind: Kind::Integer {
            min: 1,
            max: 100_000_000,
        },
        about: "Buckets that are not full and are remembered; more get 503, unless their limits fall back to `allow`.",
    },
    Key {
        name: "limiter.limits",
        kind: Kind::Limits,
        about: "The limits; what is set replaces the default. `docs/limits.md` has their keys.",
    },
];
