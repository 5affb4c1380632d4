#![doc = include_str!("../README.md")]

pub mod adaptive;
mod audit;
pub mod command;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod decide;
mod engine;
mod error;
pub mod lane;
mod model;
mod observe;
pub mod port;
mod request;
mod stock;
mod strategy;

pub use audit::{Breach, Finding};
pub use config::StockConfig;
pub use decide::TOPIC;
pub use error::{Invalid, StockError};
pub use model::{
    HeldLine, Line, Lines, LinesError, MAX_LINES, MAX_ON_HAND, MAX_QUANTITY, MAX_SKU, Movement,
    MovementKind, Outcome, Refusal, Reservation, Short, State, StockRow,
};
pub use request::{Adjust, MAX_REASON, Reserve, SetLowStock};
pub use stock::{MIGRATIONS, Stock};
pub use strategy::{Strategy, UnknownStrategy};
