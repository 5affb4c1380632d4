use std::time::Duration;

use metrics::{counter, gauge};
use tokio::sync::watch;

use super::position::Position;
use super::{Entry, poll_postgres, poll_sqlite};
use crate::StoreError;
use crate::store::{Backend, Store};

const LOAD_SQLITE: &str = include_str!("load_position_sqlite.sql");
const SAVE_SQLITE: &str = include_str!("save_position_sqlite.sql");
const LOAD_POSTGRES: &str = include_str!("load_position_postgres.sql");
const SAVE_POSTGRES: &str = include_str!("save_position_postgres.sql");

/// The most entries that one poll delivers.
const PAGE: usize = 2_000;

/// Where a tail begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first change that commits after this moment.
    Now,
    /// With the oldest row that is still kept.
    Oldest,
}

/// A reader of the change feed that keeps its place in memory.
#[derive(Debug)]
pub struct Tail {
    store: Store,
    name: &'static str,
    position: Position,
    page: usize,
    hints: watch::Receiver<u64>,
}

/// What one poll found.
#[derive(Debug, PartialEq, Eq)]
pub struct Polled {
    /// The changes, in commit order per key; empty when there are none.
    pub entries: Vec<Entry>,
    /// Changes may have been missed: rows were pruned before they were read, or the database was restored or failed
    /// over. Whoever keeps state from the feed must build it anew; the tail goes on from now.
    pub lagged: bool,
}

impl Store {
    /// Begins to read the feed; `name` labels its metrics.
    ///
    /// # Errors
    /// The database's own.
    pub async fn tail(&self, name: &'static str, start: Start) -> Result<Tail, StoreError> {
        let position = position_at(self, start).await?;
        Ok(Tail::at(self, name, position))
    }

    /// Begins, or goes on, to read the feed as the durable consumer `name`: its place is kept in the database and
    /// moves when it acknowledges. Begins with the oldest row when it is new.
    ///
    /// # Errors
    /// The database's own.
    pub async fn consumer(&self, name: &'static str) -> Result<Consumer, StoreError> {
        let saved = load(self, name).await?.and_then(|text| text.parse().ok());
        let position = match saved {
            Some(position) => position,
            None => position_at(self, Start::Oldest).await?,
        };
        Ok(Consumer {
            tail: Tail::at(self, name, position),
        })
    }
}

async fn position_at(store: &Store, start: Start) -> Result<Position, StoreError> {
    match (store.backend(), start) {
        (Backend::Sqlite(sqlite), Start::Now) => poll_sqlite::now(sqlite).await,
        (Backend::Sqlite(sqlite), Start::Oldest) => poll_sqlite::oldest(sqlite).await,
        (Backend::Postgres(postgres), Start::Now) => poll_postgres::now(postgres).await,
        (Backend::Postgres(postgres), Start::Oldest) => poll_postgres::oldest(postgres).await,
    }
}

impl Tail {
    fn at(store: &Store, name: &'static str, position: Position) -> Self {
        // Subscribed before the first poll, so that no hint falls in between.
        let mut hints = store.hints().subscribe();
        hints.mark_changed();
        Self {
            store: store.clone(),
            name,
            position,
            page: PAGE,
            hints,
        }
    }

    /// The most entries of one poll; 1 or more.
    #[must_use]
    pub fn page(mut self, entries: usize) -> Self {
        self.page = entries.max(1);
        self
    }

    /// Waits for a hint, at most for the poll interval, then polls once.
    ///
    /// # Errors
    /// The database's own; the place is kept and the next call tries again.
    pub async fn next(&mut self) -> Result<Polled, StoreError> {
        self.wait().await;
        self.poll().await
    }

    /// Waits until there may be something new: for a hint, at most for the poll interval.
    pub async fn wait(&mut self) {
        let wait = self.store.config().feed_poll;
        // Either way a poll comes next: the hint may be lost, the poll may be early.
        let _ = tokio::time::timeout(wait, self.hints.changed()).await;
    }

    /// Polls once, without waiting.
    ///
    /// # Errors
    /// As for [`Tail::next`].
    pub async fn poll(&mut self) -> Result<Polled, StoreError> {
        self.hints.mark_unchanged();
        let found = match (self.store.backend(), &self.position) {
            (Backend::Sqlite(sqlite), Position::Sqlite { seq }) => {
                poll_sqlite::poll(sqlite, *seq, self.page).await?
            }
            (
                Backend::Postgres(postgres),
                Position::Postgres {
                    lineage,
                    seen,
                    reading,
                },
            ) if *lineage == postgres.lineage() => {
                poll_postgres::poll(postgres, seen, reading.as_ref(), self.page).await?
            }
            _ => None,
        };
        let Some((entries, position)) = found else {
            return self.start_over().await;
        };
        // A full page means that there is more; the next call must not wait for a hint.
        if entries.len() == self.page {
            self.hints.mark_changed();
        }
        self.position = position;
        self.measure(&entries);
        Ok(Polled {
            entries,
            lagged: false,
        })
    }

    async fn start_over(&mut self) -> Result<Polled, StoreError> {
        self.position = position_at(&self.store, Start::Now).await?;
        counter!("stanchion_feed_lagged_total", "consumer" => self.name).increment(1);
        tracing::warn!(
            consumer = self.name,
            "changes may have been missed; the consumer starts over"
        );
        Ok(Polled {
            entries: Vec::new(),
            lagged: true,
        })
    }

    fn measure(&self, entries: &[Entry]) {
        let delivered = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        counter!("stanchion_feed_delivered_total", "consumer" => self.name).increment(delivered);
        let age = entries.first().map_or(Duration::ZERO, |oldest| {
            let age_us = self
                .store
                .clock()
                .now()
                .as_micros()
                .saturating_sub(oldest.at.as_micros());
            Duration::from_micros(u64::try_from(age_us).unwrap_or_default())
        });
        gauge!("stanchion_feed_lag_seconds", "consumer" => self.name).set(age.as_secs_f64());
    }
}

/// A reader of the change feed whose place survives restarts. What was delivered and not acknowledged comes again.
#[derive(Debug)]
pub struct Consumer {
    tail: Tail,
}

impl Consumer {
    /// As [`Tail::next`].
    ///
    /// # Errors
    /// As for [`Tail::next`].
    pub async fn next(&mut self) -> Result<Polled, StoreError> {
        self.tail.next().await
    }

    /// Everything delivered so far has been dealt with.
    ///
    /// # Errors
    /// The database's own; what was delivered comes again after a restart then.
    pub async fn acknowledge(&mut self) -> Result<(), StoreError> {
        let position = self.tail.position.to_string();
        let name = self.tail.name;
        match self.tail.store.backend() {
            Backend::Sqlite(sqlite) => {
                let write = move |connection: &rusqlite::Connection| -> Result<(), StoreError> {
                    connection.execute(SAVE_SQLITE, (name, position))?;
                    Ok(())
                };
                sqlite.write_unhinted("feed_acknowledge", write).await
            }
            Backend::Postgres(postgres) => {
                let save = sqlx::query(SAVE_POSTGRES).bind(name).bind(position);
                let save = save.execute(postgres.pool());
                let saved = postgres.timed("feed_acknowledge", save).await;
                saved.map(|_| ()).map_err(StoreError::of_commit)
            }
        }
    }
}

async fn load(store: &Store, name: &'static str) -> Result<Option<String>, StoreError> {
    match store.backend() {
        Backend::Sqlite(sqlite) => {
            let read = move |connection: &rusqlite::Connection| -> Result<_, StoreError> {
                use rusqlite::OptionalExtension as _;
                Ok(connection
                    .query_row(LOAD_SQLITE, [name], |row| row.get(0))
                    .optional()?)
            };
            sqlite.read("feed_position", read).await
        }
        Backend::Postgres(postgres) => {
            let load = sqlx::query_scalar(LOAD_POSTGRES).bind(name);
            let load = load.fetch_optional(postgres.pool());
            Ok(postgres.timed("feed_position", load).await?)
        }
    }
}
