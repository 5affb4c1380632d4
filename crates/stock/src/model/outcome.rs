use serde::{Deserialize, Serialize};
use stanchion_kernel::Uuid;
use utoipa::ToSchema;

use super::{Reservation, StockRow};

/// What became of a command. It is kept with the command's idempotency key and given again to a retry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The pieces are held.
    Reserved(Reservation),
    /// The reservation is settled as asked for.
    Settled(Reservation),
    /// The row after the change.
    Changed(StockRow),
    /// Nothing changed.
    Refused(Refusal),
}

/// A line that could not be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Short {
    /// The SKU.
    pub sku: String,
    /// How many pieces were asked for.
    pub requested: i64,
    /// How many there are to be had.
    pub available: i64,
}

/// Why nothing changed. What it tells was read under the lock of the row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// Fewer pieces are available than were asked for.
    #[error("not enough pieces: {}", list(.lines))]
    Insufficient {
        /// Each line that is short.
        lines: Vec<Short>,
    },
    /// These SKUs have no stock row.
    #[error("unknown SKUs: {}", .skus.join(", "))]
    UnknownSkus {
        /// Which.
        skus: Vec<String>,
    },
    /// There is no such reservation.
    #[error("there is no reservation {id}")]
    NoReservation {
        /// Which.
        id: Uuid,
    },
    /// The reservation was settled in another way before.
    #[error("the reservation is {} already", .reservation.state)]
    Settled {
        /// What it is.
        reservation: Reservation,
    },
    /// A commit names a SKU that is not reserved, or more pieces than are.
    #[error("no more than is reserved can be committed: {}", list(.lines))]
    MoreThanReserved {
        /// Each line that is too large, with what is reserved as `available`.
        lines: Vec<Short>,
    },
    /// The row has another version than the caller demands.
    #[error("the stock of {} is at version {}", .current.sku, .current.version)]
    VersionConflict {
        /// What it is.
        current: StockRow,
    },
    /// The change would leave fewer pieces than are reserved, or more than there can be.
    #[error("{} pieces are on hand and {} of them reserved", .current.on_hand, .current.reserved)]
    OutOfBounds {
        /// What the row is.
        current: StockRow,
    },
    /// The idempotency key was used with another request.
    #[error("the idempotency key was used with another request")]
    KeyReused,
}

impl Refusal {
    /// Its name in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Insufficient { .. } => "insufficient",
            Self::UnknownSkus { .. } => "unknown_skus",
            Self::NoReservation { .. } => "no_reservation",
            Self::Settled { .. } => "settled",
            Self::MoreThanReserved { .. } => "more_than_reserved",
            Self::VersionConflict { .. } => "version_conflict",
            Self::OutOfBounds { .. } => "out_of_bounds",
            Self::KeyReused => "key_reused",
        }
    }
}

fn list(lines: &[Short]) -> String {
    let each = lines.iter().map(|line| {
        let Short {
            sku,
            requested,
            available,
        } = line;
        format!("{sku}: {requested} asked for, {available} to be had")
    });
    each.collect::<Vec<_>>().join("; ")
}
