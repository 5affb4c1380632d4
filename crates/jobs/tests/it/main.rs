//! Every promise of the broker on both databases, and the wrong brokers that the suite must reject.
#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps what is not there has failed"
)]

mod broken;
mod databases;
mod faults;
mod fleet;
mod postgres;
mod properties;
mod rescue;
mod snapshot;
mod sqlite;
mod values;
mod worker;
