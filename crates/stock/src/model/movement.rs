use stanchion_kernel::Uuid;

/// What moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementKind {
    /// Pieces came in.
    Received,
    /// A correction: a loss, a find, a return.
    Adjusted,
    /// The threshold of low stock was set; nothing moved.
    LowStockSet,
    /// Pieces were held for a reservation.
    Reserved,
    /// Held pieces were sold and left; what was not taken is available again.
    Committed,
    /// Held pieces are available again, since the holder said so.
    Released,
    /// Held pieces are available again, since the time was over.
    Expired,
}

impl MovementKind {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Adjusted => "adjusted",
            Self::LowStockSet => "low_stock_set",
            Self::Reserved => "reserved",
            Self::Committed => "committed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

/// A row of the ledger. Its key is the SKU and the version that it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The SKU.
    pub sku: String,
    /// The version of the SKU's row after the movement.
    pub version: i64,
    /// What moved.
    pub kind: MovementKind,
    /// The change of `on_hand`.
    pub on_hand_delta: i64,
    /// The change of `reserved`.
    pub reserved_delta: i64,
    /// The reservation that it belongs to.
    pub reservation: Option<Uuid>,
    /// Why, in a person's words; of received and adjusted pieces.
    pub reason: Option<String>,
}
