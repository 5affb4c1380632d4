use sqlx::Postgres as Pg;
use stanchion_kernel::Clock;

use crate::feed::Hint;
use crate::{Postgres, SqliteTx, StoreError};

/// A transaction that several crates write in, and that its caller ends.
///
/// Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    kind: TxKind,
    hint: Hint,
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
    pub(crate) fn new(kind: TxKind, hint: Hint) -> Self {
        Self { kind, hint }
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
        match self.kind {
            TxKind::Sqlite(tx, _) => tx.commit().await?,
            TxKind::Postgres(tx) => Postgres::commit(tx).await?,
        }
        self.hint.give();
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
