use sqlx::pool::PoolConnection;
use stanchion_store::{Postgres, StoreError};

/// A connection that a lane keeps from one batch to the next while batches follow each other.
///
/// A pool lends its connections in turn, and the server's process behind each has caches of its own to warm. It is kept
/// only while the pool has others to lend, so that nobody waits for it for long.
#[derive(Debug, Default)]
pub struct Seat(Option<PoolConnection<sqlx::Postgres>>);

impl Seat {
    /// Whether a connection is kept.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.0.is_some()
    }

    /// The connection that was kept, or one of the pool. After an error it is for the pool to look at.
    pub(super) async fn sit(
        &mut self,
        postgres: &Postgres,
    ) -> Result<PoolConnection<sqlx::Postgres>, StoreError> {
        match self.0.take() {
            Some(kept) => Ok(kept),
            None => postgres.acquire().await,
        }
    }

    /// Keeps a connection that nothing went wrong on, unless the pool has no other one left.
    pub(super) fn keep(&mut self, postgres: &Postgres, connection: PoolConnection<sqlx::Postgres>) {
        self.0 = postgres.has_spare().then_some(connection);
    }
}
