//! How an outcome is kept with its key.

use serde::{Deserialize, Serialize};
use stanchion_kernel::Uuid;
use stanchion_store::StoreError;

use super::corrupt;
use crate::model::{Outcome, Refusal, Reservation, State, StockRow};

/// The kept form. A reservation that was made is kept by its id alone: what the answer told of it never changes and
/// stands in its own row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stored {
    Reserved(Uuid),
    Settled(Reservation),
    Changed(StockRow),
    Refused(Refusal),
}

impl Stored {
    pub(super) fn text(outcome: &Outcome) -> Result<String, StoreError> {
        let stored = match outcome.clone() {
            Outcome::Reserved(made) => Self::Reserved(made.id),
            Outcome::Settled(reservation) => Self::Settled(reservation),
            Outcome::Changed(row) => Self::Changed(row),
            Outcome::Refused(refusal) => Self::Refused(refusal),
        };
        serde_json::to_string(&stored).map_err(corrupt)
    }

    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(corrupt)
    }

    /// The reservation that must be read to tell the outcome.
    pub(super) fn made(&self) -> Option<Uuid> {
        match self {
            Self::Reserved(id) => Some(*id),
            Self::Settled(_) | Self::Changed(_) | Self::Refused(_) => None,
        }
    }

    /// The outcome as it was told first. `reservations` holds those that [`Stored::made`] asked for.
    pub(super) fn outcome(self, reservations: &[Reservation]) -> Result<Outcome, StoreError> {
        Ok(match self {
            Self::Reserved(id) => {
                let found = reservations.iter().find(|reservation| reservation.id == id);
                let found = found.ok_or_else(|| corrupt("an outcome without its reservation"))?;
                Outcome::Reserved(as_it_was_made(found))
            }
            Self::Settled(reservation) => Outcome::Settled(reservation),
            Self::Changed(row) => Outcome::Changed(row),
            Self::Refused(refusal) => Outcome::Refused(refusal),
        })
    }
}

fn as_it_was_made(reservation: &Reservation) -> Reservation {
    let mut made = reservation.clone();
    made.state = State::Held;
    made.settled_at = None;
    for line in &mut made.lines {
        line.committed = None;
    }
    made
}
