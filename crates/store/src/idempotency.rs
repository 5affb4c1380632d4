//! Idempotency keys: the first answer to a request, kept in the transaction of its effect and given again to a retry.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};
use sqlx::PgConnection;

use crate::store::{Backend, Store};
use crate::{StoreError, Tx, TxKind};

const CLAIM_SQLITE: &str = include_str!("idempotency/claim_sqlite.sql");
const CLAIM_POSTGRES: &str = include_str!("idempotency/claim_postgres.sql");
const SELECT_SQLITE: &str = include_str!("idempotency/select_sqlite.sql");
const SELECT_POSTGRES: &str = include_str!("idempotency/select_postgres.sql");
const ANSWER_SQLITE: &str = include_str!("idempotency/answer_sqlite.sql");
const ANSWER_POSTGRES: &str = include_str!("idempotency/answer_postgres.sql");
const PRUNE_SQLITE: &str = include_str!("idempotency/prune_sqlite.sql");
const PRUNE_POSTGRES: &str = include_str!("idempotency/prune_postgres.sql");

/// Who asked what under which key. A key is scoped to its caller and route.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// The caller: an API key's id, a token's subject.
    pub caller: String,
    /// Method and route: `POST /v1/products`.
    pub route: String,
    /// The key that the client chose, 1 to 255 bytes.
    pub key: String,
    /// A hash of the request's body, to tell a retry from another request under the same key.
    pub fingerprint: [u8; 32],
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status, 100 to 599.
    pub status: u16,
    /// The headers to give again, as a JSON object of strings.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What is known of a key when a request arrives with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody used it: do the work, then [`IdempotencyKey::answer`] in the same transaction.
    Fresh,
    /// It was answered: give the same answer again, change nothing.
    Answered(StoredAnswer),
    /// It was used with another body.
    Mismatch,
}

type StoredRow = (Vec<u8>, Option<i64>, Option<String>, Option<Vec<u8>>);

impl IdempotencyKey {
    /// Claims the key for `keep`, counted by the database's clock; on PostgreSQL it waits for a concurrent holder of
    /// the same key to finish.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when a concurrent holder does not finish within the lock timeout; the database's own.
    pub async fn claim(&self, tx: &mut Tx, keep: Duration) -> Result<Claim, StoreError> {
        let keep_us = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
        match tx.kind() {
            TxKind::Sqlite(tx, clock) => {
                let (key, now) = (self.clone(), clock.now().as_micros());
                tx.run(move |connection| key.claim_sqlite(connection, now, keep_us))
                    .await
            }
            TxKind::Postgres(tx) => self.claim_postgres(tx, keep_us).await,
        }
    }

    fn claim_sqlite(
        &self,
        connection: &Connection,
        now: i64,
        keep: i64,
    ) -> Result<Claim, StoreError> {
        let id = (&self.caller, &self.route, &self.key);
        let claimed = connection.prepare_cached(CLAIM_SQLITE)?.execute((
            id.0,
            id.1,
            id.2,
            self.fingerprint,
            now,
            now.saturating_add(keep),
        ))?;
        if claimed == 1 {
            return Ok(Claim::Fresh);
        }
        let row: Option<StoredRow> = connection
            .prepare_cached(SELECT_SQLITE)?
            .query_row(id, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        self.judge(row)
    }

    async fn claim_postgres(
        &self,
        connection: &mut PgConnection,
        keep_us: i64,
    ) -> Result<Claim, StoreError> {
        let claimed = sqlx::query(CLAIM_POSTGRES)
            .bind(&self.caller)
            .bind(&self.route)
            .bind(&self.key)
            .bind(self.fingerprint.as_slice())
            .bind(keep_us)
            .execute(&mut *connection)
            .await?;
        if claimed.rows_affected() == 1 {
            return Ok(Claim::Fresh);
        }
        let row: Option<StoredRow> = sqlx::query_as(SELECT_POSTGRES)
            .bind(&self.caller)
            .bind(&self.route)
            .bind(&self.key)
            .fetch_optional(connection)
            .await?;
        self.judge(row)
    }

    fn judge(&self, row: Option<StoredRow>) -> Result<Claim, StoreError> {
        let Some((fingerprint, status, headers, body)) = row else {
            return Err(StoreError::Conflict(
                "the idempotency key was pruned meanwhile".to_owned(),
            ));
        };
        if fingerprint != self.fingerprint {
            return Ok(Claim::Mismatch);
        }
        match (
            status.and_then(|status| u16::try_from(status).ok()),
            headers,
            body,
        ) {
            (Some(status), Some(headers), Some(body)) => Ok(Claim::Answered(StoredAnswer {
                status,
                headers,
                body,
            })),
            _ => Err(StoreError::Corrupt(
                "a committed idempotency key without an answer".to_owned(),
            )),
        }
    }

    /// Keeps the answer to a freshly claimed key; call it in the transaction of the claim, before its commit.
    ///
    /// # Errors
    /// The database's own.
    pub async fn answer(&self, tx: &mut Tx, answer: &StoredAnswer) -> Result<(), StoreError> {
        match tx.kind() {
            TxKind::Sqlite(tx, _) => {
                let (key, answer) = (self.clone(), answer.clone());
                let step = move |connection: &Connection| -> Result<(), StoreError> {
                    connection.prepare_cached(ANSWER_SQLITE)?.execute((
                        key.caller,
                        key.route,
                        key.key,
                        answer.status,
                        answer.headers,
                        answer.body,
                    ))?;
                    Ok(())
                };
                tx.run(step).await
            }
            TxKind::Postgres(tx) => {
                sqlx::query(ANSWER_POSTGRES)
                    .bind(&self.caller)
                    .bind(&self.route)
                    .bind(&self.key)
                    .bind(i64::from(answer.status))
                    .bind(&answer.headers)
                    .bind(&answer.body)
                    .execute(&mut **tx)
                    .await?;
                Ok(())
            }
        }
    }
}

impl Store {
    /// Deletes idempotency keys whose time is over; answers how many.
    ///
    /// # Errors
    /// The database's own.
    pub async fn prune_idempotency_keys(&self) -> Result<u64, StoreError> {
        match self.backend() {
            Backend::Sqlite(sqlite) => {
                let now = self.clock().now().as_micros();
                let write = move |connection: &Connection| -> Result<u64, StoreError> {
                    let rows = connection.execute(PRUNE_SQLITE, [now])?;
                    Ok(u64::try_from(rows).unwrap_or(u64::MAX))
                };
                sqlite.write_unhinted("idempotency_prune", write).await
            }
            Backend::Postgres(postgres) => {
                let prune = sqlx::query(PRUNE_POSTGRES).execute(postgres.pool());
                let pruned = postgres.timed("idempotency_prune", prune).await;
                Ok(pruned.map_err(StoreError::of_commit)?.rows_affected())
            }
        }
    }
}
