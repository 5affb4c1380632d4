mod read;
mod take;
#[cfg(test)]
mod tests;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Connection as _, PgConnection};
use stanchion_kernel::Uuid;
use stanchion_store::{Postgres, Statement, Store, StoreError, Tx, TxKind};

use super::{Port, Seat, finding, foreign_transaction};
use crate::audit::Finding;
use crate::command::{Batch, Command};
use crate::decide::{Plan, View, decide};
use crate::model::{Outcome, Reservation, StockRow};
use read::Reads;
use take::Take;
use write::Write;

const PRUNE: &str = include_str!("postgres/prune.sql");
const UNBOUNDED: &str = include_str!("postgres/unbounded.sql");
const AUDIT: &str = include_str!("postgres/audit.sql");

/// How often a command in the caller's transaction is tried again under another savepoint.
const ATTEMPTS_WITHIN: u32 = 3;

type Transaction<'c> = sqlx::Transaction<'c, sqlx::Postgres>;

/// The ledger on a PostgreSQL database.
#[derive(Debug)]
pub(crate) struct PostgresLedger {
    store: Store,
    postgres: Postgres,
    reads: Reads,
    write: Write,
    take: Take,
}

impl PostgresLedger {
    pub(crate) fn new(store: Store, postgres: Postgres) -> Self {
        Self {
            store,
            postgres,
            reads: Reads::new(),
            write: Write::new(),
            take: Take::new(),
        }
    }

    /// Locks, decides and writes in the transaction that is open on `connection`. Answers whether the feed has grown.
    async fn decide_on(
        &self,
        connection: &mut PgConnection,
        batch: &Batch,
    ) -> Result<(Vec<Outcome>, bool), StoreError> {
        let view = self.reads.view(connection, batch, true).await?;
        let (outcomes, plan) = decide(view, batch);
        if !plan.is_empty() {
            self.write.run(connection, &plan).await?;
        }
        Ok((outcomes, !plan.changes.is_empty()))
    }

    async fn decide_seated(
        &self,
        seat: &mut Seat,
        batch: &Batch,
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut connection = seat.sit(&self.postgres).await?;
        let mut tx = connection.begin().await?;
        let (outcomes, announced) = self.decide_on(&mut tx, batch).await?;
        self.commit(tx, announced).await?;
        seat.keep(&self.postgres, connection);
        Ok(outcomes)
    }

    /// In the caller's transaction: under a savepoint, since an attempt that somebody outpaced must leave nothing.
    async fn decide_within(
        &self,
        connection: &mut PgConnection,
        batch: &Batch,
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut attempts = 1..=ATTEMPTS_WITHIN;
        loop {
            let mut savepoint = connection.begin().await?;
            let decided = self.decide_on(&mut savepoint, batch).await;
            match (decided, attempts.next()) {
                (Ok((outcomes, _)), _) => {
                    savepoint.commit().await?;
                    return Ok(outcomes);
                }
                (Err(StoreError::Duplicate(_) | StoreError::Conflict(_)), Some(_)) => {
                    savepoint.rollback().await?;
                }
                (Err(error), _) => return Err(error),
            }
        }
    }

    async fn apply_alone(&self, plan: &Plan) -> Result<(), StoreError> {
        let mut tx = self.postgres.begin().await?;
        // One row is locked by its own update; several are locked in their order before.
        if plan.rows.len() > 1 {
            let skus: Vec<String> = plan.rows.iter().map(|(_, row)| row.sku.clone()).collect();
            self.reads.rows(&mut tx, &skus, true).await?;
        }
        self.write.run(&mut tx, plan).await?;
        self.commit(tx, !plan.changes.is_empty()).await
    }

    /// Most commits leave the feed alone, and its consumers too.
    async fn commit(&self, tx: Transaction<'_>, announced: bool) -> Result<(), StoreError> {
        self.postgres.commit(tx).await?;
        if announced {
            self.store.hint();
        }
        Ok(())
    }
}

fn connection(tx: &mut Tx) -> Result<&mut PgConnection, StoreError> {
    match tx.kind() {
        TxKind::Postgres(tx) => Ok(tx),
        TxKind::Sqlite(..) => Err(foreign_transaction()),
    }
}

/// The statement of a file, made once.
fn statement(name: &'static str, text: &'static str) -> Statement {
    Statement::new(name, text)
}

#[async_trait]
impl Port for PostgresLedger {
    async fn view(&self, batch: &Batch) -> Result<View, StoreError> {
        let mut connection = self.postgres.acquire().await?;
        let view = self.reads.view(&mut connection, batch, false);
        self.postgres.timed("stock_view", view).await
    }

    async fn apply(&self, plan: Plan) -> Result<(), StoreError> {
        let apply = self.apply_alone(&plan);
        self.postgres.timed_commit("stock_apply", apply).await
    }

    async fn decide(&self, tx: Option<&mut Tx>, batch: Batch) -> Result<Vec<Outcome>, StoreError> {
        match tx {
            Some(tx) => self.decide_within(connection(tx)?, &batch).await,
            None => self.decide_next(&mut Seat::default(), batch).await,
        }
    }

    async fn decide_next(&self, seat: &mut Seat, batch: Batch) -> Result<Vec<Outcome>, StoreError> {
        let decide = self.decide_seated(seat, &batch);
        self.postgres.timed_commit("stock_decide", decide).await
    }

    async fn take(
        &self,
        seat: &mut Seat,
        command: &Command,
        keep: Duration,
    ) -> Result<Option<Reservation>, StoreError> {
        let take = async {
            let mut connection = seat.sit(&self.postgres).await?;
            let taken = self.take.run(&mut connection, command, keep).await?;
            seat.keep(&self.postgres, connection);
            Ok(taken)
        };
        self.postgres.timed_commit("stock_take", take).await
    }

    async fn row(&self, sku: &str) -> Result<Option<StockRow>, StoreError> {
        let mut connection = self.postgres.acquire().await?;
        let row = read::row(&mut connection, sku);
        self.postgres.timed("stock_row", row).await
    }

    async fn locked_rows(&self, skus: Vec<String>) -> Result<Vec<StockRow>, StoreError> {
        let read = async {
            let mut tx = self.postgres.begin().await?;
            let (_, rows) = self.reads.rows(&mut tx, &skus, true).await?;
            tx.rollback().await?;
            Ok(rows)
        };
        self.postgres.timed("stock_locked_rows", read).await
    }

    async fn reservation(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
    ) -> Result<Option<Reservation>, StoreError> {
        let (_, found) = match tx {
            Some(tx) => read::reservations(connection(tx)?, vec![id]).await?,
            None => {
                let mut connection = self.postgres.acquire().await?;
                let found = read::reservations(&mut connection, vec![id]);
                self.postgres.timed("stock_reservation", found).await?
            }
        };
        Ok(found.into_iter().next())
    }

    async fn due(&self, limit: u32) -> Result<Vec<Reservation>, StoreError> {
        let mut connection = self.postgres.acquire().await?;
        let due = read::due(&mut connection, limit);
        self.postgres.timed("stock_due", due).await
    }

    async fn prune_requests(&self) -> Result<u64, StoreError> {
        let prune = sqlx::query(PRUNE).execute(self.postgres.pool());
        let pruned = self.postgres.timed("stock_prune", prune).await;
        Ok(pruned.map_err(StoreError::of_commit)?.rows_affected())
    }

    async fn audit(&self, limit: u32) -> Result<Vec<Finding>, StoreError> {
        let mut tx = self.postgres.begin().await?;
        // It reads everything; the bound on statements is meant for requests.
        sqlx::query(UNBOUNDED).execute(&mut *tx).await?;
        let rows: Vec<(String, String, String)> = sqlx::query_as(AUDIT)
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await?;
        tx.rollback().await?;
        rows.into_iter().map(finding).collect()
    }
}
