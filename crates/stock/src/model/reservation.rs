use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stanchion_kernel::{Timestamp, Uuid};
use utoipa::ToSchema;

use super::{Line, Lines, LinesError};

/// What became of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its pieces are held until `expires_at`.
    Held,
    /// Its pieces were sold.
    Committed,
    /// Its holder gave its pieces back.
    Released,
    /// Its time was over.
    Expired,
}

impl State {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Committed => "committed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Held, Self::Committed, Self::Released, Self::Expired]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(())
    }
}

/// A line of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldLine {
    /// The SKU.
    pub sku: String,
    /// How many pieces were reserved.
    pub quantity: i64,
    /// How many of them were sold; only once the reservation is committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committed: Option<i64>,
}

/// Pieces that are held for somebody, or were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reservation {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// What became of it.
    pub state: State,
    /// Its lines, by SKU.
    pub lines: Vec<HeldLine>,
    /// When it was made, by the database's clock.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its pieces are given back, unless it is settled before; by the database's clock.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub settled_at: Option<Timestamp>,
}

impl Reservation {
    pub(crate) fn held(id: Uuid, lines: &Lines, now: Timestamp, expires_at: Timestamp) -> Self {
        let lines = lines.iter().map(|line| HeldLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
            committed: None,
        });
        Self {
            id,
            state: State::Held,
            lines: lines.collect(),
            created_at: now,
            expires_at,
            settled_at: None,
        }
    }

    /// The lines as they were reserved; they never change.
    ///
    /// # Errors
    /// When what is stored is no such thing.
    pub(crate) fn reserved_lines(&self) -> Result<Lines, LinesError> {
        let lines = self.lines.iter().map(|line| Line {
            sku: line.sku.clone(),
            quantity: line.quantity,
        });
        Lines::new(lines.collect())
    }
}
