use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use stanchion_kernel::{Timestamp, Uuid};

use super::{KeyRecord, NewKey};
use crate::feed::{self, Change};
use crate::store::{Backend, Store};
use crate::{StoreError, Tx, TxKind};

const FIND_SQLITE: &str = include_str!("find_sqlite.sql");
const FIND_POSTGRES: &str = include_str!("find_postgres.sql");
const INSERT_SQLITE: &str = include_str!("insert_sqlite.sql");
const INSERT_POSTGRES: &str = include_str!("insert_postgres.sql");
const LIST_SQLITE: &str = include_str!("list_sqlite.sql");
const LIST_POSTGRES: &str = include_str!("list_postgres.sql");
const REVOKE_SQLITE: &str = include_str!("revoke_sqlite.sql");
const REVOKE_POSTGRES: &str = include_str!("revoke_postgres.sql");

/// A key that is neither revoked nor expired, and how long it still lives by the database's clock.
pub(super) async fn find_live(
    store: &Store,
    id: Uuid,
) -> Result<Option<(KeyRecord, Option<Duration>)>, StoreError> {
    let (record, now) = match store.backend() {
        Backend::Sqlite(sqlite) => {
            let find = move |connection: &Connection| -> Result<_, StoreError> {
                let mut statement = connection.prepare_cached(FIND_SQLITE)?;
                Ok(statement
                    .query_row([id.as_bytes()], from_sqlite)
                    .optional()?)
            };
            (sqlite.read("key_find", find).await?, store.clock().now())
        }
        Backend::Postgres(postgres) => {
            let find = sqlx::query(FIND_POSTGRES)
                .bind(id)
                .fetch_optional(postgres.pool());
            match postgres.timed("key_find", find).await? {
                Some(row) => (
                    Some(from_postgres(&row)?),
                    Timestamp::from_datetime(row.try_get("now")?),
                ),
                None => (None, Timestamp::default()),
            }
        }
    };
    let Some(record) = record else {
        return Ok(None);
    };
    let Some(expires_at) = record.expires_at else {
        return Ok(Some((record, None)));
    };
    let remaining_us = u64::try_from(expires_at.as_micros() - now.as_micros()).unwrap_or(0);
    Ok((remaining_us > 0).then(|| (record, Some(Duration::from_micros(remaining_us)))))
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: Uuid,
    hash: [u8; 32],
    new: &NewKey,
) -> Result<KeyRecord, StoreError> {
    let new = new.clone();
    match tx.kind() {
        TxKind::Sqlite(tx, clock) => {
            let now = clock.now();
            let step = move |connection: &Connection| -> Result<KeyRecord, StoreError> {
                let row = (
                    id.as_bytes(),
                    new.name,
                    hash,
                    new.scopes.join(" "),
                    now.as_micros(),
                    new.expires_in
                        .map(|life| now.saturating_add(life).as_micros()),
                );
                Ok(connection.query_row(INSERT_SQLITE, row, from_sqlite)?)
            };
            tx.run(step).await
        }
        TxKind::Postgres(tx) => {
            let life = new
                .expires_in
                .map(|life| i64::try_from(life.as_micros()).unwrap_or(i64::MAX));
            let row = sqlx::query(INSERT_POSTGRES)
                .bind(id)
                .bind(new.name)
                .bind(hash.as_slice())
                .bind(new.scopes)
                .bind(life)
                .fetch_one(&mut **tx)
                .await?;
            from_postgres(&row)
        }
    }
}

pub(super) async fn list(
    store: &Store,
    before: Uuid,
    limit: u32,
) -> Result<Vec<KeyRecord>, StoreError> {
    match store.backend() {
        Backend::Sqlite(sqlite) => {
            let read = move |connection: &Connection| -> Result<Vec<KeyRecord>, StoreError> {
                let mut statement = connection.prepare_cached(LIST_SQLITE)?;
                let rows = statement.query_map((before.as_bytes(), limit), from_sqlite)?;
                Ok(rows.collect::<Result<Vec<_>, _>>()?)
            };
            sqlite.read("key_list", read).await
        }
        Backend::Postgres(postgres) => {
            let list = sqlx::query(LIST_POSTGRES)
                .bind(before)
                .bind(i64::from(limit));
            let rows = postgres
                .timed("key_list", list.fetch_all(postgres.pool()))
                .await?;
            rows.iter().map(from_postgres).collect()
        }
    }
}

/// Whether there was a key to revoke.
pub(super) async fn revoke(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, clock) => {
            let now = clock.now().as_micros();
            let step = move |connection: &Connection| -> Result<bool, StoreError> {
                Ok(connection.execute(REVOKE_SQLITE, (id.as_bytes(), now))? == 1)
            };
            tx.run(step).await
        }
        TxKind::Postgres(tx) => {
            let revoked = sqlx::query(REVOKE_POSTGRES)
                .bind(id)
                .execute(&mut **tx)
                .await?;
            Ok(revoked.rows_affected() == 1)
        }
    }
}

pub(super) async fn announce(tx: &mut Tx, change: Change) -> Result<(), StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, clock) => {
            let now = clock.now();
            tx.run(move |connection| feed::append_sqlite(connection, now, &[change]))
                .await
        }
        TxKind::Postgres(tx) => feed::append_postgres(tx, &[change]).await,
    }
}

fn from_sqlite(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let scopes: String = row.get("scopes")?;
    let at = |micros: Option<i64>| micros.map(Timestamp::from_micros);
    Ok(KeyRecord {
        id: Uuid::from_bytes(row.get("id")?),
        name: row.get("name")?,
        hash: row.get("hash")?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        created_at: Timestamp::from_micros(row.get("created_at_us")?),
        expires_at: at(row.get("expires_at_us")?),
        revoked_at: at(row.get("revoked_at_us")?),
    })
}

fn from_postgres(row: &PgRow) -> Result<KeyRecord, StoreError> {
    let hash: Vec<u8> = row.try_get("hash")?;
    let at = |column: &str| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row
            .try_get::<Option<_>, _>(column)?
            .map(Timestamp::from_datetime))
    };
    Ok(KeyRecord {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        hash: hash
            .try_into()
            .map_err(|_| StoreError::Corrupt("a key's hash".to_owned()))?,
        scopes: row.try_get("scopes")?,
        created_at: Timestamp::from_datetime(row.try_get("created_at")?),
        expires_at: at("expires_at")?,
        revoked_at: at("revoked_at")?,
    })
}
