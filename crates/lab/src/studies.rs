//! One module per study.

pub(crate) mod catalog;
pub(crate) mod stock;
