//! One module per study.

pub(crate) mod catalog;
pub(crate) mod jobs;
pub(crate) mod limiter;
pub(crate) mod media;
pub(crate) mod stock;
