//! Changes in the caller's transaction: they stand or fall with what else the caller writes in it.

use stanchion_kernel::Uuid;
use stanchion_store::Tx;
use stanchion_store::idempotency::IdempotencyKey;

use super::{Stock, adjusting, reservation, row};
use crate::command::{Command, End};
use crate::error::StockError;
use crate::model::{Lines, Outcome, Reservation, StockRow};
use crate::request::{Adjust, Reserve};

/// These lock their rows until the transaction ends: begin it late, end it soon, and touch SKUs in their order when there
/// are several calls. A refusal leaves the transaction usable. [`StockError::Store`] with
/// [`StoreError::Conflict`](stanchion_store::StoreError::Conflict) asks for the whole transaction again.
impl Stock {
    /// As [`Stock::reserve`], in the caller's transaction.
    ///
    /// # Errors
    /// As for [`Stock::reserve`].
    pub async fn reserve_in(
        &self,
        tx: &mut Tx,
        reserve: Reserve,
    ) -> Result<Reservation, StockError> {
        let command = self.reserving(reserve)?;
        reservation(self.decide_in(tx, command).await?)
    }

    /// As [`Stock::commit`], in the caller's transaction.
    ///
    /// # Errors
    /// As for [`Stock::commit`].
    pub async fn commit_in(
        &self,
        tx: &mut Tx,
        id: Uuid,
        lines: Option<Lines>,
        key: Option<IdempotencyKey>,
    ) -> Result<Reservation, StockError> {
        let end = End::Commit(lines);
        let command = self.settling(Some(&mut *tx), id, end, key).await?;
        reservation(self.decide_in(tx, command).await?)
    }

    /// As [`Stock::release`], in the caller's transaction.
    ///
    /// # Errors
    /// As for [`Stock::release`].
    pub async fn release_in(
        &self,
        tx: &mut Tx,
        id: Uuid,
        key: Option<IdempotencyKey>,
    ) -> Result<Reservation, StockError> {
        let command = self.settling(Some(&mut *tx), id, End::Release, key).await?;
        reservation(self.decide_in(tx, command).await?)
    }

    /// As [`Stock::adjust`], in the caller's transaction.
    ///
    /// # Errors
    /// As for [`Stock::adjust`].
    pub async fn adjust_in(&self, tx: &mut Tx, adjust: Adjust) -> Result<StockRow, StockError> {
        row(self.decide_in(tx, adjusting(adjust)?).await?)
    }

    async fn decide_in(&self, tx: &mut Tx, command: Command) -> Result<Outcome, StockError> {
        let mut batch = self.engine.batch([command]);
        // There is no second attempt from here that could look for the key when it is known already.
        batch.again = true;
        let outcomes = self.engine.port.decide(Some(tx), batch).await?;
        self.engine.only(outcomes)
    }
}
