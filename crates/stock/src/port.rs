//! What a database must do for the ledger, and the two that do it.

#[cfg(test)]
pub(crate) mod plans;
pub(crate) mod postgres;
mod seat;
pub(crate) mod sqlite;
mod stored;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::Uuid;
use stanchion_store::{StoreError, Tx};

use crate::audit::{Breach, Finding};
use crate::command::{Batch, Command};
use crate::decide::{Plan, View};
use crate::model::{Outcome, Reservation, StockRow};

pub use crate::decide::Known;
pub use seat::Seat;

/// A database for the ledger.
///
/// Everything that a [`Plan`] holds is written in one transaction or not at all, and answered after its commit. Rows are
/// locked in the order of their SKUs, everywhere. Errors are told apart by what the caller can do. After
/// [`StoreError::CommitUnknown`] it may have happened: look for it. After every other error nothing of it was stored:
/// [`StoreError::Conflict`] and [`StoreError::Unavailable`] (run it again), [`StoreError::Duplicate`] (an effect with the
/// same id or key is there, by another call or a lost one: look for it).
#[async_trait]
pub trait Port: Send + Sync + fmt::Debug {
    /// What a batch is decided by, read without a lock.
    async fn view(&self, batch: &Batch) -> Result<View, StoreError>;

    /// Writes a plan whose rows must still have the versions that it expects; [`StoreError::Conflict`] otherwise.
    async fn apply(&self, plan: Plan) -> Result<(), StoreError>;

    /// Locks the rows of a batch, decides it with [`crate::decide::decide`] on what they are then, writes and commits;
    /// in the caller's transaction, which the caller commits, when there is one.
    async fn decide(&self, tx: Option<&mut Tx>, batch: Batch) -> Result<Vec<Outcome>, StoreError>;

    /// As [`Port::decide`] in a transaction of its own, for batches that follow each other: a connection may stay in
    /// their seat from one to the next.
    async fn decide_next(
        &self,
        _seat: &mut Seat,
        batch: Batch,
    ) -> Result<Vec<Outcome>, StoreError> {
        self.decide(None, batch).await
    }

    /// Reserves a single line by one conditional statement, if the row stays well stocked by it: above its threshold.
    /// `None` means that nothing happened and nothing is known; the locked way finds out why.
    /// Its key's outcome is kept for `keep`. It uses a seat as [`Port::decide_next`] does.
    async fn take(
        &self,
        seat: &mut Seat,
        command: &Command,
        keep: Duration,
    ) -> Result<Option<Reservation>, StoreError>;

    /// The row of a SKU.
    async fn row(&self, sku: &str) -> Result<Option<StockRow>, StoreError>;

    /// The rows of these SKUs, read under their locks: what they are, and not what they were when the wait began.
    async fn locked_rows(&self, skus: Vec<String>) -> Result<Vec<StockRow>, StoreError>;

    /// A reservation, as the caller's transaction sees it when there is one.
    async fn reservation(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
    ) -> Result<Option<Reservation>, StoreError>;

    /// Up to `limit` reservations that are held and whose time is over by the database's clock, the oldest first. Those
    /// that another sweeper is working on may be left out.
    async fn due(&self, limit: u32) -> Result<Vec<Reservation>, StoreError>;

    /// Deletes outcomes of keyed requests whose time is over; answers how many.
    async fn prune_requests(&self) -> Result<u64, StoreError>;

    /// Recomputes the ledger, and answers up to `limit` breaches.
    async fn audit(&self, limit: u32) -> Result<Vec<Finding>, StoreError>;
}

/// A transaction of one database was given to a ledger on the other.
fn foreign_transaction() -> StoreError {
    StoreError::Config("the transaction belongs to another kind of database".to_owned())
}

/// A row, a reservation or a key was not as the plan expects; somebody was faster.
fn outpaced() -> StoreError {
    StoreError::Conflict("another writer was faster".to_owned())
}

/// A key has an outcome already, which the next attempt finds.
fn answered_meanwhile() -> StoreError {
    StoreError::Duplicate("the idempotency key has an outcome".to_owned())
}

pub(crate) fn corrupt(what: impl fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}

fn finding((breach, subject, detail): (String, String, String)) -> Result<Finding, StoreError> {
    let breach = Breach::parse(&breach).ok_or_else(|| corrupt(breach))?;
    Ok(Finding {
        breach,
        subject,
        detail,
    })
}
