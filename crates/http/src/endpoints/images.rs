//! Pictures of products: taken, looked at, removed.

pub(crate) mod add;
pub(crate) mod delete;
pub(crate) mod get;
