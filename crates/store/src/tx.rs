use sqlx::Postgres as Pg;
use stanchion_kernel::Clock;

use crate::{Backend, SqliteTx, Store, StoreError};

/// A transaction that several crates write in, and that its caller ends.
///
/// Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    kind: TxKind,
    store: Store,
}

/// The database that a transaction runs on.
#[derive(Debug)]
pub enum TxKind {
    /// On the writer thread of a SQLite file, with the clock that stands in for the database's.
    Sqlite(SqliteTx, Clock),
    /// On a PostgreSQL connection.
    Postgres(sqlx::Transaction<'static, Pg>),
}

impl Tx {
    pub(crate) fn new(kind: TxKind, store: Store) -> Self {
        Self { kind, store }
    }

    /// The database's own transaction, for a crate that writes in it.
    pub fn kind(&mut self) -> &mut TxKind {
        &mut self.kind
    }

    /// Commits; afterwards everything written in it is on disk, and consumers of the feed are hinted.
    ///
    /// # Errors
    /// [`StoreError::CommitUnknown`] when the connection was lost, or the disk failed, while the commit was under way;
    /// with any other error nothing is stored.
    pub async fn commit(self) -> Result<(), StoreError> {
        match (self.kind, self.store.backend()) {
            (TxKind::Sqlite(tx, _), _) => tx.commit().await?,
            (TxKind::Postgres(tx), Backend::Postgres(postgres)) => postgres.commit(tx).await?,
            (TxKind::Postgres(_), Backend::Sqlite(_)) => {
                return Err(StoreError::Database(
                    "a transaction of another database".to_owned(),
                ));
            }
        }
        self.store.hint();
        Ok(())
    }

    /// Undoes everything written in it.
    ///
    /// # Errors
    /// When the connection is lost; the database undoes it by itself then.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self.kind {
            TxKind::Sqlite(tx, _) => {
                drop(tx);
                Ok(())
            }
            TxKind::Postgres(tx) => Ok(tx.rollback().await?),
        }
    }
}
