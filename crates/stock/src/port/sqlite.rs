mod read;
#[cfg(test)]
mod tests;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use stanchion_kernel::{Clock, Timestamp, Uuid};
use stanchion_store::{Sqlite, Store, StoreError, Tx, TxKind};

use super::{Port, Seat, finding, foreign_transaction};
use crate::audit::Finding;
use crate::command::{Batch, Command};
use crate::decide::{Plan, View, decide};
use crate::model::{Outcome, Reservation, StockRow};

const PRUNE: &str = include_str!("sqlite/prune.sql");
const AUDIT: &str = include_str!("sqlite/audit.sql");

/// The ledger on a SQLite file. Its writer is serial, and so whoever writes holds every lock there is.
#[derive(Debug)]
pub(crate) struct SqliteLedger {
    store: Store,
    sqlite: Sqlite,
    clock: Clock,
}

impl SqliteLedger {
    pub(crate) fn new(store: Store, sqlite: Sqlite) -> Self {
        let clock = store.clock().clone();
        Self {
            store,
            sqlite,
            clock,
        }
    }

    /// Runs a write, and hints the feed when it says that it announced something.
    async fn write<T, F>(&self, name: &'static str, write: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Timestamp) -> Result<(T, bool), StoreError> + Send + 'static,
    {
        let clock = self.clock.clone();
        let write = move |connection: &Connection| write(connection, clock.now());
        let (answer, announced) = self.sqlite.write_unhinted(name, write).await?;
        if announced {
            self.store.hint();
        }
        Ok(answer)
    }
}

/// Decides and writes. Answers whether the feed has grown.
fn decide_on(
    connection: &Connection,
    now: Timestamp,
    batch: &Batch,
) -> Result<(Vec<Outcome>, bool), StoreError> {
    let view = read::view(connection, now, batch)?;
    let (outcomes, plan) = decide(view, batch);
    write::write(connection, &plan)?;
    Ok((outcomes, !plan.changes.is_empty()))
}

#[async_trait]
impl Port for SqliteLedger {
    async fn view(&self, batch: &Batch) -> Result<View, StoreError> {
        let (batch, now) = (batch.clone(), self.clock.now());
        let read = move |connection: &Connection| read::view(connection, now, &batch);
        self.sqlite.read("stock_view", read).await
    }

    async fn apply(&self, plan: Plan) -> Result<(), StoreError> {
        self.write("stock_apply", move |connection, _| {
            write::write(connection, &plan)?;
            Ok(((), !plan.changes.is_empty()))
        })
        .await
    }

    async fn decide(&self, tx: Option<&mut Tx>, batch: Batch) -> Result<Vec<Outcome>, StoreError> {
        let decide = move |connection: &Connection, now| decide_on(connection, now, &batch);
        match tx.map(Tx::kind) {
            None => self.write("stock_decide", decide).await,
            Some(TxKind::Sqlite(tx, clock)) => {
                let clock = clock.clone();
                let step = move |connection: &Connection| decide(connection, clock.now());
                let (outcomes, _) = tx.run(step).await?;
                Ok(outcomes)
            }
            Some(TxKind::Postgres(_)) => Err(foreign_transaction()),
        }
    }

    async fn take(
        &self,
        _seat: &mut Seat,
        command: &Command,
        keep: Duration,
    ) -> Result<Option<Reservation>, StoreError> {
        let command = command.clone();
        self.write("stock_take", move |connection, now| {
            Ok((write::take(connection, now, &command, keep)?, false))
        })
        .await
    }

    async fn row(&self, sku: &str) -> Result<Option<StockRow>, StoreError> {
        let sku = sku.to_owned();
        let read = move |connection: &Connection| read::row(connection, &sku);
        self.sqlite.read("stock_row", read).await
    }

    async fn locked_rows(&self, skus: Vec<String>) -> Result<Vec<StockRow>, StoreError> {
        let write = move |connection: &Connection| read::rows(connection, &skus);
        self.sqlite.write_unhinted("stock_locked_rows", write).await
    }

    async fn reservation(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
    ) -> Result<Option<Reservation>, StoreError> {
        let read = move |connection: &Connection| read::reservation(connection, id);
        match tx.map(Tx::kind) {
            None => self.sqlite.read("stock_reservation", read).await,
            Some(TxKind::Sqlite(tx, _)) => tx.run(read).await,
            Some(TxKind::Postgres(_)) => Err(foreign_transaction()),
        }
    }

    async fn due(&self, limit: u32) -> Result<Vec<Reservation>, StoreError> {
        let now = self.clock.now();
        let read = move |connection: &Connection| read::due(connection, now, limit);
        self.sqlite.read("stock_due", read).await
    }

    async fn prune_requests(&self) -> Result<u64, StoreError> {
        self.write("stock_prune", |connection, now| {
            let pruned = connection
                .prepare_cached(PRUNE)?
                .execute([now.as_micros()])?;
            Ok((u64::try_from(pruned).unwrap_or(u64::MAX), false))
        })
        .await
    }

    async fn audit(&self, limit: u32) -> Result<Vec<Finding>, StoreError> {
        let survey = move |connection: &Connection| {
            let mut statement = connection.prepare(AUDIT)?;
            let rows =
                statement.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.map(|row| finding(row?)).collect()
        };
        self.sqlite.survey("stock_audit", survey).await
    }
}
