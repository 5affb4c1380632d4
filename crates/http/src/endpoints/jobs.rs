//! Jobs: enqueued, looked at, ended, and done by workers over HTTP.

pub(crate) mod cancel;
pub(crate) mod complete;
pub(crate) mod enqueue;
pub(crate) mod fail;
mod fence;
pub(crate) mod get;
pub(crate) mod heartbeat;
pub(crate) mod list;
mod policy;
mod representation;
pub(crate) mod retry;

pub(crate) use representation::{ReasonName, raw};
