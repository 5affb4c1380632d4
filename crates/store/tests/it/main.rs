//! The promises of the store, on both databases.
mod databases;
mod feed;
mod idempotency;
mod keys;
mod migrations;
mod postgres;
mod sqlite;
