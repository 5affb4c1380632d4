//! The catalogue on both databases, and the wrong backends that the suite must reject.
#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps what is not there has failed"
)]

mod broken;
mod databases;
mod postgres;
mod real_products;
mod sqlite;
