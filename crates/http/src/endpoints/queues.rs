//! Queues: how they stand, and what workers take from them.

pub(crate) mod claim;
pub(crate) mod list;
