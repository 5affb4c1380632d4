use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::key::{Key, Kind};
use super::redact::redact_url;

/// `[database]`: where the data is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSection {
    /// The database.
    pub url: ServerUrl,
    /// Whether `serve` brings an old PostgreSQL schema up to date.
    pub auto_migrate: bool,
    /// PostgreSQL: connections of this process. SQLite: reader threads.
    pub max_connections: u32,
    /// The longest wait for a connection or a lock.
    pub acquire_timeout_ms: u64,
    /// The longest run of one statement.
    pub statement_timeout_ms: u64,
    /// The longest that a transaction may sit idle.
    pub idle_transaction_timeout_ms: u64,
    /// SQLite: writes that may wait for the writer.
    pub write_queue: usize,
    /// SQLite: largest size of the file; 0 for the disk's own bound.
    pub max_bytes: u64,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self {
            url: ServerUrl::new("sqlite:stanchion-data/stanchion.db"),
            auto_migrate: false,
            max_connections: 8,
            acquire_timeout_ms: 5_000,
            statement_timeout_ms: 10_000,
            idle_transaction_timeout_ms: 10_000,
            write_queue: 1024,
            max_bytes: 0,
        }
    }
}

/// The URL of a database or another server; every way to print it hides its password.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// Takes the URL as it is.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL with its password, for the driver alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact_url(&self.0))
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", redact_url(&self.0))
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

const TIMEOUT: Kind = Kind::Integer {
    min: 10,
    max: 3_600_000,
};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "database.url",
        kind: Kind::DatabaseUrl,
        about: "The database: an SQLite file, made when it is missing, or a PostgreSQL server.",
    },
    Key {
        name: "database.auto_migrate",
        kind: Kind::Boolean,
        about: "Lets `serve` bring an old PostgreSQL schema up to date; SQLite always does.",
    },
    Key {
        name: "database.max_connections",
        kind: Kind::Integer { min: 2, max: 1000 },
        about: "PostgreSQL: connections of this process. SQLite: reader threads.",
    },
    Key {
        name: "database.acquire_timeout_ms",
        kind: TIMEOUT,
        about: "The longest wait for a connection or a lock; then 503 with `Retry-After`.",
    },
    Key {
        name: "database.statement_timeout_ms",
        kind: TIMEOUT,
        about: "The longest run of one statement; the database cancels it then.",
    },
    Key {
        name: "database.idle_transaction_timeout_ms",
        kind: TIMEOUT,
        about: "The longest that a transaction may sit idle before it is rolled back.",
    },
    Key {
        name: "database.write_queue",
        kind: Kind::Integer {
            min: 1,
            max: 1_000_000,
        },
        about: "SQLite: writes that may wait for the writer; more get 503 with `Retry-After`.",
    },
    Key {
        name: "database.max_bytes",
        kind: Kind::Integer {
            min: 0,
            max: 1 << 50,
        },
        about: "SQLite: largest size of the file; writes beyond get 507. 0: the disk's own bound.",
    },
];
