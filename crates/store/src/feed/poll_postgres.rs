use sqlx::Row as _;
use sqlx::postgres::PgRow;
use stanchion_kernel::Timestamp;

use super::position::{Position, Reading};
use super::{Change, Entry, Kind};
use crate::{Postgres, StoreError};

const NOW: &str = include_str!("now_postgres.sql");
const FIRST_PAGE: &str = include_str!("first_page_postgres.sql");
const NEXT_PAGE: &str = include_str!("next_page_postgres.sql");
const OLDEST: &str = include_str!("oldest_postgres.sql");

pub(super) async fn now(postgres: &Postgres) -> Result<Position, StoreError> {
    at(postgres, NOW).await
}

/// Before the oldest row that is kept.
pub(super) async fn oldest(postgres: &Postgres) -> Result<Position, StoreError> {
    at(postgres, OLDEST).await
}

async fn at(postgres: &Postgres, snapshot: &'static str) -> Result<Position, StoreError> {
    let seen = sqlx::query_scalar(snapshot).fetch_one(postgres.pool());
    let seen: String = postgres.timed("feed_snapshot", seen).await?;
    Ok(Position::Postgres {
        lineage: postgres.lineage(),
        seen,
        reading: None,
    })
}

/// Up to `limit` rows that `seen` does not show, and the position behind them; `None` when some of them were pruned.
pub(super) async fn poll(
    postgres: &Postgres,
    seen: &str,
    reading: Option<&Reading>,
    limit: usize,
) -> Result<Option<(Vec<Entry>, Position)>, StoreError> {
    let rows = match reading {
        None => {
            postgres
                .timed("feed_first_page", first_page(postgres, seen, limit))
                .await?
        }
        Some(reading) => {
            postgres
                .timed("feed_next_page", next_page(postgres, seen, reading, limit))
                .await?
        }
    };
    let snapshot: String = match (reading, rows.first()) {
        (Some(reading), _) => reading.snapshot.clone(),
        (None, Some(row)) if row.try_get("missed")? => return Ok(None),
        (None, Some(row)) => row.try_get("snapshot")?,
        (None, None) => return Err(StoreError::Corrupt("a poll without a snapshot".to_owned())),
    };
    let entries = rows
        .iter()
        .filter_map(|row| entry(row).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let lineage = postgres.lineage();
    let position = match entries.last() {
        Some(last) if entries.len() == limit => Position::Postgres {
            lineage,
            seen: seen.to_owned(),
            reading: Some(Reading {
                snapshot,
                seq: last.seq,
            }),
        },
        _ => Position::Postgres {
            lineage,
            seen: snapshot,
            reading: None,
        },
    };
    Ok(Some((entries, position)))
}

async fn first_page(
    postgres: &Postgres,
    seen: &str,
    limit: usize,
) -> Result<Vec<PgRow>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(sqlx::query(FIRST_PAGE)
        .bind(seen)
        .bind(limit)
        .fetch_all(postgres.pool())
        .await?)
}

async fn next_page(
    postgres: &Postgres,
    seen: &str,
    reading: &Reading,
    limit: usize,
) -> Result<Vec<PgRow>, StoreError> {
    let query = sqlx::query(NEXT_PAGE)
        .bind(seen)
        .bind(&reading.snapshot)
        .bind(reading.seq)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    Ok(query.fetch_all(postgres.pool()).await?)
}

/// `None` for the row that carries the snapshot alone.
fn entry(row: &PgRow) -> Result<Option<Entry>, StoreError> {
    let Some(seq) = row.try_get::<Option<i64>, _>("seq")? else {
        return Ok(None);
    };
    let kind: String = row.try_get("kind")?;
    Ok(Some(Entry {
        seq,
        at: Timestamp::from_datetime(row.try_get("at")?),
        change: Change {
            topic: row.try_get::<String, _>("topic")?.into(),
            key: row.try_get("key")?,
            version: row.try_get("version")?,
            kind: Kind::parse(&kind)
                .ok_or_else(|| StoreError::Corrupt(format!("a feed row of kind {kind}")))?,
        },
    }))
}
