//! Pieces that are held for somebody.

pub(crate) mod commit;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod release;
