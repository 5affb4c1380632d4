use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row};
use stanchion_kernel::Timestamp;
use stanchion_store::feed::{Kind, append_sqlite};
use stanchion_store::{Sqlite, Store, StoreError};

use super::row::LimitRow;
use super::shelf::{Shelf, change, may_delete, may_put};
use super::{Precondition, RegistryError, Stored};
use crate::{Limit, LimitName};

const LIST: &str = include_str!("sqlite/list.sql");
pub(super) const FIND: &str = include_str!("sqlite/find.sql");
const COUNT: &str = include_str!("sqlite/count.sql");
pub(super) const BUMP: &str = include_str!("sqlite/bump.sql");
const PUT: &str = include_str!("sqlite/put.sql");
pub(super) const DELETE: &str = include_str!("sqlite/delete.sql");

/// The limits in a SQLite file, whose writer is serial.
#[derive(Debug)]
pub(super) struct SqliteShelf {
    sqlite: Sqlite,
    store: Store,
}

impl SqliteShelf {
    pub(super) fn new(sqlite: Sqlite, store: Store) -> Self {
        Self { sqlite, store }
    }
}

#[async_trait]
impl Shelf for SqliteShelf {
    async fn list(&self) -> Result<Vec<Stored>, StoreError> {
        let read = |connection: &Connection| -> Result<Vec<Stored>, StoreError> {
            let mut statement = connection.prepare_cached(LIST)?;
            let rows = statement.query_map([], from_row)?;
            rows.map(|row| stored(row?)).collect()
        };
        self.sqlite.read("limit_list", read).await
    }

    async fn find(&self, name: &LimitName) -> Result<Option<Stored>, StoreError> {
        let name = name.clone();
        let read = move |connection: &Connection| find(connection, &name);
        self.sqlite.read("limit_find", read).await
    }

    async fn put(
        &self,
        limit: Limit,
        precondition: Precondition,
    ) -> Result<(Stored, bool), RegistryError> {
        let now = self.store.clock().now();
        let put = move |connection: &Connection| put(connection, now, &limit, &precondition);
        self.sqlite.write("limit_put", put).await
    }

    async fn delete(
        &self,
        name: &LimitName,
        precondition: Precondition,
    ) -> Result<i64, RegistryError> {
        let (name, now) = (name.clone(), self.store.clock().now());
        let delete = move |connection: &Connection| -> Result<i64, RegistryError> {
            let current = find(connection, &name)?.map(|stored| stored.version);
            may_delete(&precondition, current)?;
            let version = bump(connection)?;
            connection
                .execute(DELETE, [name.as_str()])
                .map_err(StoreError::from)?;
            append_sqlite(connection, now, &[change(&name, version, Kind::Deleted)])?;
            Ok(version)
        };
        self.sqlite.write("limit_delete", delete).await
    }
}

fn put(
    connection: &Connection,
    now: Timestamp,
    limit: &Limit,
    precondition: &Precondition,
) -> Result<(Stored, bool), RegistryError> {
    let current = find(connection, limit.name())?.map(|stored| stored.version);
    let count = connection
        .query_row(COUNT, [], |row| row.get(0))
        .map_err(StoreError::from)?;
    may_put(precondition, current, count)?;
    let version = bump(connection)?;
    let row = LimitRow::of(limit)?;
    let columns = (
        &row.name,
        row.tokens,
        row.period_us,
        row.burst,
        &row.fallback,
        row.servers,
        row.shadow,
        row.parts,
        version,
        now.as_micros(),
    );
    connection.execute(PUT, columns).map_err(StoreError::from)?;
    let kind = current.map_or(Kind::Created, |_| Kind::Updated);
    append_sqlite(connection, now, &[change(limit.name(), version, kind)])?;
    let stored = Stored {
        limit: limit.clone(),
        version,
        updated_at: now,
    };
    Ok((stored, current.is_none()))
}

fn bump(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row(BUMP, [], |row| row.get(0))?)
}

fn find(connection: &Connection, name: &LimitName) -> Result<Option<Stored>, StoreError> {
    let mut statement = connection.prepare_cached(FIND)?;
    let row = statement.query_row([name.as_str()], from_row).optional()?;
    row.map(stored).transpose()
}

type Columns = (LimitRow, i64, i64);

fn from_row(row: &Row<'_>) -> rusqlite::Result<Columns> {
    let limit = LimitRow {
        name: row.get("name")?,
        tokens: row.get("tokens")?,
        period_us: row.get("period_us")?,
        burst: row.get("burst")?,
        fallback: row.get("fallback")?,
        servers: row.get("servers")?,
        shadow: row.get("shadow")?,
        parts: row.get("parts")?,
    };
    Ok((limit, row.get("version")?, row.get("updated_at_us")?))
}

fn stored((row, version, updated_at_us): Columns) -> Result<Stored, StoreError> {
    Ok(Stored {
        limit: row.limit()?,
        version,
        updated_at: Timestamp::from_micros(updated_at_us),
    })
}
