//! What an audit finds.

use std::fmt;

use serde::Serialize;

/// A promise of the ledger that the database does not keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which promise.
    pub breach: Breach,
    /// Whose: a SKU, or a reservation's id.
    pub subject: String,
    /// What is there, and what should be.
    pub detail: String,
}

/// The promises that an audit checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Breach {
    /// `on_hand` is the sum of its movements.
    OnHand,
    /// `reserved` is the sum of its movements.
    Reserved,
    /// The versions of a SKU's movements run from 1 to the version of its row, without a gap.
    Versions,
    /// `0 <= reserved <= on_hand`.
    Bounds,
    /// `reserved` is the sum of the lines that are held.
    Held,
    /// A reservation has the movements that its state and its lines call for, and no others.
    Reservation,
}

impl Breach {
    /// The name under which statements report it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnHand => "on_hand",
            Self::Reserved => "reserved",
            Self::Versions => "versions",
            Self::Bounds => "bounds",
            Self::Held => "held",
            Self::Reservation => "reservation",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            Self::OnHand,
            Self::Reserved,
            Self::Versions,
            Self::Bounds,
            Self::Held,
            Self::Reservation,
        ]
        .into_iter()
        .find(|breach| breach.as_str() == text)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}",
            self.breach.as_str(),
            self.subject,
            self.detail
        )
    }
}
