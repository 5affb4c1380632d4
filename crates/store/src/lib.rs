#![doc = include_str!("../README.md")]

mod config;
mod error;
pub mod feed;
pub mod idempotency;
mod instance;
pub mod keys;
mod migrate;
#[cfg(feature = "objects")]
pub mod objects;
pub mod observe;
mod postgres;
mod sqlite;
mod statement;
mod store;
mod tx;

pub use config::StoreConfig;
pub use error::StoreError;
pub use feed::Listener;
pub use instance::Instance;
pub use migrate::{Migration, Migrations};
pub use postgres::Postgres;
pub use sqlite::{Sqlite, SqliteTx};
pub use statement::{Rendered, Statement};
pub use store::{Backend, MIGRATIONS, Store};
pub use tx::{Tx, TxKind};
