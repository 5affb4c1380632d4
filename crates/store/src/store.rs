use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use stanchion_kernel::{Clock, Entropy};

use crate::feed::{Hint, Listener};
use crate::migrate::{Migration, Migrations};
use crate::{Instance, Postgres, Sqlite, StoreConfig, StoreError, Tx, TxKind};

/// A database, whichever it is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Backend,
    config: StoreConfig,
    clock: Clock,
    entropy: Entropy,
    hint: Hint,
    instance: OnceLock<Instance>,
}

/// The database behind a [`Store`], for a crate that has statements for each.
#[derive(Clone, Debug)]
pub enum Backend {
    /// A SQLite file.
    Sqlite(Sqlite),
    /// A PostgreSQL database.
    Postgres(Postgres),
}

const PING: &str = include_str!("ping.sql");

/// The tables of this crate: feed, idempotency keys, API keys, references to objects.
pub const MIGRATIONS: Migrations = Migrations {
    component: "store",
    sqlite: &[
        Migration {
            version: 1,
            name: "init",
            sql: include_str!("../migrations/sqlite/0001_init.sql"),
        },
        Migration {
            version: 2,
            name: "objects",
            sql: include_str!("../migrations/sqlite/0002_objects.sql"),
        },
        Migration {
            version: 3,
            name: "doomed",
            sql: include_str!("../migrations/sqlite/0003_doomed.sql"),
        },
    ],
    postgres: &[
        Migration {
            version: 1,
            name: "init",
            sql: include_str!("../migrations/postgres/0001_init.sql"),
        },
        Migration {
            version: 2,
            name: "objects",
            sql: include_str!("../migrations/postgres/0002_objects.sql"),
        },
        Migration {
            version: 3,
            name: "doomed",
            sql: include_str!("../migrations/postgres/0003_doomed.sql"),
        },
    ],
};

impl Store {
    /// Opens the database at `config.url`. The schema may be missing still: [`Store::migrate`] or
    /// [`Store::check_schema`] comes next, then [`Store::ready`].
    ///
    /// # Errors
    /// [`StoreError::Config`] for a URL that is neither, [`StoreError::Unavailable`] when nobody answers.
    pub async fn open(
        config: StoreConfig,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, StoreError> {
        let (backend, hint) = match parse(&config.url)? {
            Location::Sqlite(path) => {
                let hint = Hint::local();
                let sqlite = Sqlite::open(&path, &config, &clock, hint.clone())?;
                (Backend::Sqlite(sqlite), hint)
            }
            Location::Postgres => {
                let postgres = Postgres::open(&config, &clock).await?;
                let hint = Hint::postgres(&postgres);
                (Backend::Postgres(postgres), hint)
            }
        };
        let instance = OnceLock::new();
        Ok(Self(Arc::new(Inner {
            backend,
            config,
            clock,
            entropy,
            hint,
            instance,
        })))
    }

    /// Reads who this database is; needs the schema of [`MIGRATIONS`]. Call it once before use.
    ///
    /// # Errors
    /// The database's own.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let instance = self.read_instance().await?;
        let _ = self.0.instance.set(instance);
        Ok(())
    }

    /// Who this database is.
    ///
    /// # Panics
    /// Before [`Store::ready`] has succeeded.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        self.0
            .instance
            .get()
            .expect("`Store::ready` comes before use")
    }

    /// Begins a transaction that several crates can write in.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when no connection, or not the write lock, comes free in time.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let kind = match &self.0.backend {
            Backend::Sqlite(sqlite) => TxKind::Sqlite(sqlite.begin().await?, self.0.clock.clone()),
            Backend::Postgres(postgres) => TxKind::Postgres(postgres.begin().await?),
        };
        Ok(Tx::new(kind, self.clone()))
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// The database's own.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.0.backend {
            Backend::Sqlite(sqlite) => {
                let read = |connection: &rusqlite::Connection| -> Result<(), StoreError> {
                    Ok(connection.query_row(PING, [], |_| Ok(()))?)
                };
                sqlite.read("ping", read).await
            }
            Backend::Postgres(postgres) => {
                postgres
                    .timed("ping", sqlx::query(PING).execute(postgres.pool()))
                    .await?;
                Ok(())
            }
        }
    }

    /// The database itself.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.0.backend
    }

    /// The settings that it was opened with.
    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.0.config
    }

    /// The clock that stands in for SQLite's and labels measurements.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Says to consumers that the feed may have grown; for a crate that appends to it in a transaction of its own.
    /// Do not call it when nothing was appended: on PostgreSQL a hint costs a commit.
    pub fn hint(&self) {
        self.0.hint.give();
    }

    /// Hears hints from now on, of this process and of others.
    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener::new(&self.0.hint)
    }

    pub(crate) fn entropy(&self) -> &Entropy {
        &self.0.entropy
    }

    pub(crate) fn hints(&self) -> &Hint {
        &self.0.hint
    }
}

enum Location {
    Sqlite(PathBuf),
    Postgres,
}

fn parse(url: &str) -> Result<Location, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => {
            let path = path.strip_prefix("//").unwrap_or(path);
            Ok(Location::Sqlite(PathBuf::from(path)))
        }
        Some(("postgres" | "postgresql", _)) => Ok(Location::Postgres),
        _ => Err(StoreError::Config(
            "a database URL begins with `sqlite:` and a path, or with `postgres://`".to_owned(),
        )),
    }
}
