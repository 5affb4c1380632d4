//! Redis through partitions, crashes and promotions: the promise over every window of what was admitted by all.
//!
//! Each fault is met by a configuration that the documents call exact, and by one that is not: if that one kept the
//! promise too, the fault would not have happened.

mod acknowledged;
pub(crate) mod fleet;
mod partition;
mod paused;
mod promotion;
mod restart;
