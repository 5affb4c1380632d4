//! The limits that are kept in a database, and those that a program was started with, as one set.
//!
//! A change is written together with its announcement on the change feed. Every server follows the feed and reads all
//! limits again when one has changed, so that a change reaches all of them without a restart.

mod postgres;
mod row;
mod shelf;
mod sqlite;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Timestamp;
use stanchion_store::feed::Start;
use stanchion_store::{Backend, Migration, Migrations, Store, StoreError};
use tokio::sync::Mutex;

use crate::{Limit, LimitName, Limiter};
use postgres::PostgresShelf;
use shelf::Shelf;
use sqlite::SqliteShelf;

/// The feed's topic of limits.
pub const TOPIC: &str = "limit";
/// The most limits that are stored; one more is refused.
pub const MAX_STORED: usize = 1_000;
/// After an error the feed and the limits are read again this soon.
const RETRY: Duration = Duration::from_millis(200);

/// The tables of this crate.
pub const MIGRATIONS: Migrations = Migrations {
    component: "limiter",
    sqlite: &[Migration {
        version: 1,
        name: "init",
        sql: include_str!("../migrations/sqlite/0001_init.sql"),
    }],
    postgres: &[Migration {
        version: 1,
        name: "init",
        sql: include_str!("../migrations/postgres/0001_init.sql"),
    }],
};

/// A limit as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The limit.
    pub limit: Limit,
    /// Newer than that of any earlier change of any limit.
    pub version: i64,
    /// When it was written, by the database's clock.
    pub updated_at: Timestamp,
}

/// Which state of a limit may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Whatever is there, also nothing.
    None,
    /// Any that is there.
    Exists,
    /// One with one of these versions.
    OneOf(Vec<i64>),
}

impl Precondition {
    fn allows(&self, current: Option<i64>) -> bool {
        match (self, current) {
            (Self::None, _) | (Self::Exists, Some(_)) => true,
            (Self::OneOf(versions), Some(current)) => versions.contains(&current),
            (_, None) => false,
        }
    }
}

/// Why limits were not changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The program was started with a limit of this name, which is not stored and cannot be changed.
    #[error("the limit is set by the configuration")]
    Fixed,
    /// No limit of this name is stored.
    #[error("there is no such limit")]
    NotFound,
    /// The limit is in another state than the change may start from.
    #[error("the limit has changed")]
    Conflict {
        /// The version that it has; `None` when there is no such limit.
        current: Option<i64>,
    },
    /// As many limits are stored as may be.
    #[error("no more than {MAX_STORED} limits can be stored")]
    Full,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The limits of a server: those that it was started with, and those in the database. Cheap to clone.
///
/// What it holds is what its [`Limiter`] has: after [`Registry::reload`], and while [`Registry::follow`] runs.
#[derive(Clone, Debug)]
pub struct Registry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shelf: Box<dyn Shelf>,
    store: Store,
    limiter: Limiter,
    fixed: Vec<Limit>,
    /// One reload at a time: of two, the one that read first must not have the last word.
    reloading: Mutex<()>,
}

impl Registry {
    /// The limits of `store`, which `limiter` shall have beside the `fixed` ones. Of a fixed and a stored one of the same
    /// name it has the fixed one.
    #[must_use]
    pub fn new(store: &Store, limiter: Limiter, fixed: Vec<Limit>) -> Self {
        let shelf: Box<dyn Shelf> = match store.backend() {
            Backend::Sqlite(sqlite) => Box::new(SqliteShelf::new(sqlite.clone(), store.clone())),
            Backend::Postgres(postgres) => {
                Box::new(PostgresShelf::new(postgres.clone(), store.clone()))
            }
        };
        Self(Arc::new(Inner {
            shelf,
            store: store.clone(),
            limiter,
            fixed,
            reloading: Mutex::default(),
        }))
    }

    /// Whom the limits are for.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// The limits that the program was started with.
    #[must_use]
    pub fn fixed(&self) -> &[Limit] {
        &self.0.fixed
    }

    /// Whether the program was started with a limit of this name.
    #[must_use]
    pub fn is_fixed(&self, name: &LimitName) -> bool {
        self.0.fixed.iter().any(|limit| limit.name() == name)
    }

    /// The stored limits, by name; no more than [`MAX_STORED`].
    ///
    /// # Errors
    /// The database's own.
    pub async fn list(&self) -> Result<Vec<Stored>, StoreError> {
        self.0.shelf.list().await
    }

    /// A stored limit.
    ///
    /// # Errors
    /// The database's own.
    pub async fn get(&self, name: &LimitName) -> Result<Option<Stored>, StoreError> {
        self.0.shelf.find(name).await
    }

    /// Stores a limit in place of the one with its name, if there is one; answers whether it is new. It is in effect here
    /// when this returns, and on other servers when they hear of it.
    ///
    /// # Errors
    /// [`RegistryError`], which says why nothing has changed; the database's own.
    pub async fn put(
        &self,
        limit: Limit,
        precondition: &Precondition,
    ) -> Result<(Stored, bool), RegistryError> {
        if self.is_fixed(limit.name()) {
            return Err(RegistryError::Fixed);
        }
        let put = self.0.shelf.put(limit, precondition.clone()).await?;
        self.reload_soon().await;
        Ok(put)
    }

    /// Removes a limit, as [`Registry::put`] stores one; answers the version of the change.
    ///
    /// # Errors
    /// As for [`Registry::put`], and [`RegistryError::NotFound`].
    pub async fn delete(
        &self,
        name: &LimitName,
        precondition: &Precondition,
    ) -> Result<i64, RegistryError> {
        if self.is_fixed(name) {
            return Err(RegistryError::Fixed);
        }
        let version = self.0.shelf.delete(name, precondition.clone()).await?;
        self.reload_soon().await;
        Ok(version)
    }

    /// Reads the stored limits and hands all to the limiter.
    ///
    /// # Errors
    /// The database's own; the limiter keeps what it has.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.0.reloading.lock().await;
        let stored = self.0.shelf.list().await?;
        let stored = stored.into_iter().map(|stored| stored.limit);
        let stored = stored.filter(|limit| !self.is_fixed(limit.name()));
        self.0.limiter.replace(stored.chain(self.0.fixed.clone()));
        Ok(())
    }

    /// After a change that is stored, whatever comes of this: the follower reads it as well.
    async fn reload_soon(&self) {
        if let Err(error) = self.reload().await {
            tracing::warn!(%error, "changed limits cannot be read; they are in effect a little later");
        }
    }

    /// Follows the change feed for ever, and reads the limits again when one has changed.
    ///
    /// # Errors
    /// When the feed cannot be opened at the start.
    pub async fn follow(&self) -> Result<Infallible, StoreError> {
        let mut tail = self.0.store.tail("limits", Start::Now).await?;
        // What changed before the tail began was not heard of.
        let mut stale = true;
        loop {
            let heard = match tail.poll().await {
                Ok(polled) => {
                    let mut entries = polled.entries.iter();
                    stale |= polled.lagged || entries.any(|entry| entry.change.topic == TOPIC);
                    if stale { self.reload().await } else { Ok(()) }
                }
                Err(error) => Err(error),
            };
            match heard {
                Ok(()) => {
                    stale = false;
                    tail.wait().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "changes of limits cannot be read");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}
