use std::time::Duration;

/// Where the data lives, and the bounds within which it is used.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `sqlite:PATH` or `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=FILE`.
    pub url: String,
    /// PostgreSQL: the most connections of this process, 2 or more. SQLite: the most reader threads, 1 or more.
    pub max_connections: u32,
    /// The longest wait for a connection, a write lock or a place in a queue before [`StoreError::Busy`](crate::StoreError::Busy).
    pub acquire_timeout: Duration,
    /// The longest that one statement may run before the database cancels it.
    pub statement_timeout: Duration,
    /// The longest that a transaction may sit idle before it is rolled back.
    pub idle_transaction_timeout: Duration,
    /// SQLite: how many writes may wait for the writer thread, 1 or more.
    pub write_queue: usize,
    /// SQLite: the largest size of the database file in bytes; 0 means the file system's own bound.
    pub max_bytes: u64,
    /// How often the change feed is polled when no hint arrives; also the bound on how late a lost hint makes it.
    pub feed_poll: Duration,
    /// How long the feed keeps its rows; a consumer that stays away for longer is told that it missed some.
    pub feed_retention: Duration,
    /// The secret from which keyed hashes and cursor checks are derived; `None` takes the one kept in the database.
    pub secret: Option<Vec<u8>>,
}

impl StoreConfig {
    /// The defaults for a database at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            idle_transaction_timeout: Duration::from_secs(10),
            write_queue: 1024,
            max_bytes: 0,
            feed_poll: Duration::from_millis(250),
            feed_retention: Duration::from_hours(24),
            secret: None,
        }
    }
}
