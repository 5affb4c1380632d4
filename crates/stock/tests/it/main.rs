//! Every strategy on both databases, the wrong ports that the suite must reject, and what a strategy promises alone.
#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps what is not there has failed"
)]

mod audits;
mod broken;
mod databases;
mod lanes;
mod lost_answers;
mod lost_requests;
mod postgres;
mod properties;
mod sqlite;
