use rusqlite::Connection;
use sqlx::PgConnection;
use stanchion_kernel::Timestamp;

use super::Change;
use crate::StoreError;

const APPEND_SQLITE: &str = include_str!("append_sqlite.sql");
const APPEND_POSTGRES: &str = include_str!("append_postgres.sql");

/// Appends `changes` in the transaction that is open on `connection`. Call it after the rows are locked or written,
/// so that the numbers of one row's changes grow in commit order.
///
/// # Errors
/// The database's own.
pub fn append_sqlite(
    connection: &Connection,
    now: Timestamp,
    changes: &[Change],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(APPEND_SQLITE)?;
    for change in changes {
        statement.execute((
            &change.topic,
            &change.key,
            change.version,
            change.kind.as_str(),
            now.as_micros(),
        ))?;
    }
    Ok(())
}

/// Appends `changes` in the transaction that is open on `connection`, as [`append_sqlite`] does.
///
/// # Errors
/// The database's own.
pub async fn append_postgres(
    connection: &mut PgConnection,
    changes: &[Change],
) -> Result<(), StoreError> {
    let topics: Vec<&str> = changes.iter().map(|change| change.topic.as_ref()).collect();
    let keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
    let versions: Vec<i64> = changes.iter().map(|change| change.version).collect();
    let kinds: Vec<&str> = changes.iter().map(|change| change.kind.as_str()).collect();
    sqlx::query(APPEND_POSTGRES)
        .bind(topics)
        .bind(keys)
        .bind(versions)
        .bind(kinds)
        .execute(connection)
        .await?;
    Ok(())
}
