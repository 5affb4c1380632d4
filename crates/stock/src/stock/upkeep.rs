//! What has to be done from time to time, on any server, or on all.

use stanchion_store::StoreError;

use super::Stock;
use crate::audit::Finding;
use crate::command::{Action, Command, End};
use crate::error::StockError;
use crate::model::{Outcome, Reservation, State};
use crate::observe;
use crate::port::corrupt;
use crate::strategy::attempts::Attempts;

impl Stock {
    /// Ends up to `limit` reservations whose time is over by the database's clock, in one transaction, and answers how
    /// many it ended. Call it again at once while that is `limit`.
    ///
    /// # Errors
    /// [`StockError::Contended`], or the database's own.
    pub async fn expire_due(&self, limit: u32) -> Result<usize, StockError> {
        let due = self.engine.port.due(limit).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let commands = due.iter().map(expiring).collect::<Result<Vec<_>, _>>()?;
        let mut batch = self.engine.batch(commands);
        let mut attempts = Attempts::new(&self.engine, "sweeper", self.engine.until());
        let outcomes = loop {
            batch.again = attempts.begin();
            match self.engine.port.decide(None, batch.clone()).await {
                Ok(outcomes) => break outcomes,
                Err(error) => {
                    let next = attempts.failed(error).await;
                    self.engine.check(next, &batch).await?;
                }
            }
        };
        let ended = outcomes
            .iter()
            .filter(|outcome| is_expired(outcome))
            .count();
        observe::expired(ended);
        Ok(ended)
    }

    /// Deletes outcomes of keyed requests whose time is over, some thousands at most; answers how many.
    ///
    /// # Errors
    /// The database's own.
    pub async fn prune_requests(&self) -> Result<u64, StockError> {
        Ok(self.engine.port.prune_requests().await?)
    }

    /// Recomputes every balance from the movements and every reservation from its lines, in one snapshot, and answers
    /// up to `limit` breaches. It reads everything, in memory that is bounded here and in the database.
    ///
    /// # Errors
    /// The database's own.
    pub async fn audit(&self, limit: u32) -> Result<Vec<Finding>, StockError> {
        Ok(self.engine.port.audit(limit).await?)
    }
}

fn expiring(due: &Reservation) -> Result<Command, StoreError> {
    let action = Action::Settle {
        id: due.id,
        reserved: due.reserved_lines().map_err(corrupt)?,
        end: End::Expire,
    };
    Ok(Command { action, key: None })
}

fn is_expired(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Settled(reservation) if reservation.state == State::Expired)
}
