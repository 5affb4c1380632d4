//! What there is of a SKU.

pub(crate) mod adjust;
pub(crate) mod get;
pub(crate) mod low_stock;
mod representation;
