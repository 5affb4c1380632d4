//! The values of the ledger.

mod lines;
mod movement;
mod outcome;
mod reservation;
mod row;

pub(crate) use lines::is_sku;
pub use lines::{Line, Lines, LinesError, MAX_LINES, MAX_QUANTITY, MAX_SKU};
pub use movement::{Movement, MovementKind};
pub use outcome::{Outcome, Refusal, Short};
pub use reservation::{HeldLine, Reservation, State};
pub use row::{MAX_ON_HAND, StockRow};
