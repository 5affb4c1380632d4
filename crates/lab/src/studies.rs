//! One module per study.

pub(crate) mod catalog;
