//! SQLite: reader threads, one writer thread, and the connections that they own.

mod connection;
mod lookup;
mod reader;
mod session;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use stanchion_kernel::Clock;

pub use session::SqliteTx;

use crate::feed::Hint;
use crate::{StoreConfig, StoreError, observe};
use connection::{Role, open};
use lookup::Lookups;
use reader::Readers;
use writer::Writer;

/// One SQLite file, shared with any number of other processes on the host.
///
/// Reads run on reader threads, each with its own connection. Writes run on one writer thread: what arrives while a
/// transaction commits is decided together in the next one (group commit), each write under its own savepoint, so
/// that one failure undoes one write. A write is answered after its commit is on disk (`synchronous = FULL`).
#[derive(Clone, Debug)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    config: StoreConfig,
    clock: Clock,
    lookups: Lookups,
    readers: Readers,
    writer: Writer,
    hint: Hint,
}

/// Connections for lookups. All connections of a process share the locks of the file's log, so that many would only wait
/// for each other there.
const LOOKUPS: usize = 2;

impl Sqlite {
    /// Opens, or creates, the file at `path` and starts the threads.
    ///
    /// # Errors
    /// When the file cannot be opened or is no SQLite database.
    pub(crate) fn open(
        path: &Path,
        config: &StoreConfig,
        clock: &Clock,
        hint: Hint,
    ) -> Result<Self, StoreError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(|error| {
                StoreError::Unavailable(format!("cannot create {}: {error}", folder.display()))
            })?;
        }
        let writer = Writer::start(open(path, config, Role::Writer)?, config, clock);
        let readers = (0..config.max_connections.max(1))
            .map(|_| open(path, config, Role::Reader))
            .collect::<Result<Vec<_>, _>>()?;
        let lookups = (0..LOOKUPS)
            .map(|_| open(path, config, Role::Reader))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            config: config.clone(),
            clock: clock.clone(),
            lookups: Lookups::new(lookups, config, clock)?,
            readers: Readers::start(readers, config, clock)?,
            writer,
            hint,
        })))
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Runs `read` on a reader thread, in a read transaction of its own: it sees one state of the database.
    ///
    /// # Errors
    /// What `read` answers, [`StoreError::Busy`] when the queue of reads is full, or the database's own.
    pub async fn read<T, E, F>(&self, name: &'static str, read: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let started = self.0.clock.monotonic();
        let result = self.0.readers.run(read).await;
        observe::statement(
            name,
            self.0.clock.monotonic().saturating_sub(started),
            result.is_ok(),
        );
        result
    }

    /// Runs `read`, one statement that finds a few rows by their keys, on the calling thread if a connection is free
    /// there, and on a reader thread otherwise: handing it over would cost more than the read.
    ///
    /// # Errors
    /// As for [`Sqlite::read`].
    pub async fn look_up<T, E, F>(&self, name: &'static str, read: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&Connection) -> Result<T, E> + Send + 'static,
    {
        let started = self.0.clock.monotonic();
        let Some(result) = self.0.lookups.run(&read) else {
            return self.read(name, read).await;
        };
        let took = self.0.clock.monotonic().saturating_sub(started);
        observe::statement(name, took, result.is_ok());
        result
    }

    /// Runs `write` on the writer thread; the answer comes after the commit, and consumers of the feed are hinted.
    ///
    /// When `write` fails, what it did is undone and nothing else is.
    ///
    /// # Errors
    /// What `write` answers, [`StoreError::Busy`] when the queue is full or another process keeps the lock for longer
    /// than `acquire_timeout`, or the database's own.
    pub async fn write<T, E, F>(&self, name: &'static str, write: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let result = self.write_unhinted(name, write).await;
        if result.is_ok() {
            self.0.hint.give();
        }
        result
    }

    /// As [`Sqlite::write`], for a write that leaves the feed alone, or whose caller hints by
    /// [`Store::hint`](crate::Store::hint).
    ///
    /// # Errors
    /// As for [`Sqlite::write`].
    pub async fn write_unhinted<T, E, F>(&self, name: &'static str, write: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let started = self.0.clock.monotonic();
        let result = self.0.writer.run(write).await;
        observe::statement(
            name,
            self.0.clock.monotonic().saturating_sub(started),
            result.is_ok(),
        );
        result
    }

    /// Runs a read that may take long, on a thread and a connection of its own: it sees one state of the database, no
    /// deadline ends it, and what it sorts goes to temporary files, so that its memory is bounded.
    ///
    /// # Errors
    /// What `read` answers, or the database's own.
    pub async fn survey<T, F>(&self, name: &'static str, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let started = self.0.clock.monotonic();
        let inner = Arc::clone(&self.0);
        let survey = move || {
            let connection = open(&inner.path, &inner.config, Role::Reader)?;
            connection.pragma_update(None, "temp_store", "FILE")?;
            let snapshot = connection.unchecked_transaction()?;
            read(&snapshot)
        };
        let result = tokio::task::spawn_blocking(survey)
            .await
            .unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())));
        observe::statement(
            name,
            self.0.clock.monotonic().saturating_sub(started),
            result.is_ok(),
        );
        result
    }

    /// Begins a transaction that the caller holds; other writes wait until it ends.
    ///
    /// # Errors
    /// As for [`Sqlite::write`].
    pub async fn begin(&self) -> Result<SqliteTx, StoreError> {
        self.0.writer.begin().await
    }
}
