#![doc = include_str!("../README.md")]

mod certificate;
mod ports;
mod postgres;
mod waiting;

pub use certificate::Certificate;
pub use ports::free_port;
pub use postgres::{Database, Postgres, PostgresOptions};
pub use stanchion_kernel::{Clock, ManualClock};
pub use tempfile::TempDir;
pub use waiting::{eventually, hold};
