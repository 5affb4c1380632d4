use serde::{Deserialize, Serialize};
use stanchion_kernel::Timestamp;

/// The most pieces of one SKU.
pub const MAX_ON_HAND: i64 = 1_000_000_000_000;

/// What there is of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRow {
    /// The SKU.
    pub sku: String,
    /// Pieces that are physically there, reserved ones included; 0 to [`MAX_ON_HAND`].
    pub on_hand: i64,
    /// Pieces that are held for somebody; 0 to `on_hand`.
    pub reserved: i64,
    /// The number of the last movement; each movement raises it by one.
    pub version: i64,
    /// What is available at or below this is announced as low; 0 announces only that nothing is left.
    pub low_stock: i64,
    /// When the last movement was, by the database's clock.
    pub updated_at: Timestamp,
}

impl StockRow {
    /// Pieces that can be reserved.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.on_hand - self.reserved
    }

    /// How much is left, as far as it is announced.
    pub(crate) fn level(&self) -> Level {
        match self.available() {
            0 => Level::SoldOut,
            few if few <= self.low_stock => Level::Low,
            _ => Level::Enough,
        }
    }
}

/// How much is left of a SKU. Another level is announced on the change feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    SoldOut,
    Low,
    Enough,
}
