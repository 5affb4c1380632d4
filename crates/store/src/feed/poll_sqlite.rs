use rusqlite::{Connection, Row};
use stanchion_kernel::Timestamp;

use super::position::Position;
use super::{Change, Entry, Kind};
use crate::{Sqlite, StoreError};

const POLL: &str = include_str!("poll_sqlite.sql");
const LAST: &str = include_str!("last_sqlite.sql");
const OLDEST: &str = include_str!("oldest_sqlite.sql");

/// The number of the last row ever written, also when it has been pruned since.
pub(super) async fn now(sqlite: &Sqlite) -> Result<Position, StoreError> {
    let last = |connection: &Connection| Ok(connection.query_row(LAST, [], |row| row.get(0))?);
    let seq = sqlite.read::<i64, StoreError, _>("feed_last", last).await?;
    Ok(Position::Sqlite { seq })
}

/// Before the oldest row that is kept.
pub(super) async fn oldest(sqlite: &Sqlite) -> Result<Position, StoreError> {
    let before = |connection: &Connection| -> Result<i64, StoreError> {
        let oldest: Option<i64> = connection.query_row(OLDEST, [], |row| row.get(0))?;
        let last: i64 = connection.query_row(LAST, [], |row| row.get(0))?;
        Ok(oldest.map_or(last, |seq| seq - 1))
    };
    Ok(Position::Sqlite {
        seq: sqlite.read("feed_oldest", before).await?,
    })
}

/// Up to `limit` rows after `seq`; `None` when rows after `seq` have been pruned already.
pub(super) async fn poll(
    sqlite: &Sqlite,
    seq: i64,
    limit: usize,
) -> Result<Option<(Vec<Entry>, Position)>, StoreError> {
    let read = move |connection: &Connection| -> Result<_, StoreError> {
        let oldest: Option<i64> = connection
            .prepare_cached(OLDEST)?
            .query_row([], |row| row.get(0))?;
        let last: i64 = connection
            .prepare_cached(LAST)?
            .query_row([], |row| row.get(0))?;
        // A number beyond the last one comes from a database that has been replaced by an older copy.
        if seq > last || oldest.unwrap_or(last + 1) > seq + 1 {
            return Ok(None);
        }
        let mut statement = connection.prepare_cached(POLL)?;
        let entries = statement
            .query_map((seq, i64::try_from(limit).unwrap_or(i64::MAX)), entry)?
            .collect::<Result<Vec<_>, _>>()?;
        let seq = entries.last().map_or(seq, |entry| entry.seq);
        Ok(Some((entries, Position::Sqlite { seq })))
    };
    sqlite.read("feed_poll", read).await
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let kind: String = row.get("kind")?;
    Ok(Entry {
        seq: row.get("seq")?,
        at: Timestamp::from_micros(row.get("at_us")?),
        change: Change {
            topic: row.get::<_, String>("topic")?.into(),
            key: row.get("key")?,
            version: row.get("version")?,
            kind: Kind::parse(&kind).ok_or(rusqlite::Error::InvalidQuery)?,
        },
    })
}
