//! What the studies measure against, and the load that they measure with.

pub(crate) mod bare;
pub(crate) mod pgbench;
pub(crate) mod redis_benchmark;
pub(crate) mod wrk;
