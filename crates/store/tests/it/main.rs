//! The promises of the store, on both databases.
#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps what is not there has failed"
)]

mod databases;
mod feed;
mod idempotency;
mod keys;
mod migrations;
mod objects;
mod postgres;
mod sqlite;
