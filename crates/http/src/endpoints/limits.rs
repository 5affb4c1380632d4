//! Limits: their administration, and questions to them.

pub(crate) mod check;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod put;
mod representation;
