//! Jobs that were given up.

pub(crate) mod replay;
