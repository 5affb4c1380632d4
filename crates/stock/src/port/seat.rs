use sqlx::Postgres;
use sqlx::pool::PoolConnection;

/// A connection that a lane keeps from one batch to the next while batches follow each other.
///
/// A pool lends its connections in turn, and the server's process behind each has caches of its own to warm. It is kept
/// only while the pool has others to lend, so that nobody waits for it.
#[derive(Debug, Default)]
pub struct Seat(pub(super) Option<PoolConnection<Postgres>>);
