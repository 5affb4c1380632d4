use std::time::Duration;

use crate::StoreError;
use crate::store::{Backend, Store};

const PRUNE_SQLITE: &str = include_str!("prune_sqlite.sql");
const PRUNE_POSTGRES: &str = include_str!("prune_postgres.sql");
/// Rows deleted in one transaction, so that writers wait for milliseconds at most.
const CHUNK: i64 = 5_000;

impl Store {
    /// Deletes feed rows older than `feed_retention`, in short transactions; answers how many.
    ///
    /// # Errors
    /// The database's own.
    pub async fn prune_feed(&self) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let chunk = prune_chunk(self, self.config().feed_retention).await?;
            pruned += chunk;
            if chunk < CHUNK.unsigned_abs() {
                return Ok(pruned);
            }
        }
    }
}

async fn prune_chunk(store: &Store, retention: Duration) -> Result<u64, StoreError> {
    let retention_us = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
    match store.backend() {
        Backend::Sqlite(sqlite) => {
            let before = store.clock().now().as_micros().saturating_sub(retention_us);
            let write = move |connection: &rusqlite::Connection| -> Result<u64, StoreError> {
                let rows = connection.execute(PRUNE_SQLITE, (before, CHUNK))?;
                Ok(u64::try_from(rows).unwrap_or(u64::MAX))
            };
            sqlite.write_unhinted("feed_prune", write).await
        }
        Backend::Postgres(postgres) => {
            let prune = sqlx::query_scalar(PRUNE_POSTGRES)
                .bind(retention_us)
                .bind(CHUNK);
            let prune = prune.fetch_one(postgres.pool());
            let rows: Result<i64, _> = postgres.timed("feed_prune", prune).await;
            Ok(rows.map_err(StoreError::of_commit)?.unsigned_abs())
        }
    }
}
