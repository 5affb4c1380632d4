use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use stanchion_kernel::Timestamp;
use stanchion_store::feed::{Kind, append_postgres};
use stanchion_store::{Postgres, Store, StoreError, TxKind};

use super::row::LimitRow;
use super::shelf::{Shelf, change, may_delete, may_put};
use super::{Precondition, RegistryError, Stored};
use crate::{Limit, LimitName};

const LIST: &str = include_str!("postgres/list.sql");
pub(super) const FIND: &str = include_str!("postgres/find.sql");
const COUNT: &str = include_str!("postgres/count.sql");
pub(super) const BUMP: &str = include_str!("postgres/bump.sql");
const PUT: &str = include_str!("postgres/put.sql");
pub(super) const DELETE: &str = include_str!("postgres/delete.sql");

/// The limits in a PostgreSQL database. Whoever changes one holds the lock of the revision, and so changes are serial.
#[derive(Debug)]
pub(super) struct PostgresShelf {
    postgres: Postgres,
    store: Store,
}

impl PostgresShelf {
    pub(super) fn new(postgres: Postgres, store: Store) -> Self {
        Self { postgres, store }
    }

    /// Runs a change in a transaction of its own. Dropped without a commit, it is rolled back.
    async fn change<T: Send>(
        &self,
        name: &'static str,
        change: impl AsyncFnOnce(&mut PgConnection) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let run = async {
            let mut tx = self.store.begin().await?;
            let TxKind::Postgres(inner) = tx.kind() else {
                return Err(foreign().into());
            };
            let answer = change(inner).await?;
            tx.commit().await?;
            Ok(answer)
        };
        self.postgres.timed_commit(name, run).await
    }
}

#[async_trait]
impl Shelf for PostgresShelf {
    async fn list(&self) -> Result<Vec<Stored>, StoreError> {
        let list = sqlx::query(LIST).fetch_all(self.postgres.pool());
        let rows = self.postgres.timed("limit_list", list).await?;
        rows.iter().map(stored).collect()
    }

    async fn find(&self, name: &LimitName) -> Result<Option<Stored>, StoreError> {
        let find = sqlx::query(FIND).bind(name.as_str());
        let find = find.fetch_optional(self.postgres.pool());
        let row = self.postgres.timed("limit_find", find).await?;
        row.as_ref().map(stored).transpose()
    }

    async fn put(
        &self,
        limit: Limit,
        precondition: Precondition,
    ) -> Result<(Stored, bool), RegistryError> {
        let change =
            async move |connection: &mut PgConnection| put(connection, &limit, &precondition).await;
        self.change("limit_put", change).await
    }

    async fn delete(
        &self,
        name: &LimitName,
        precondition: Precondition,
    ) -> Result<i64, RegistryError> {
        let name = name.clone();
        let change = async move |connection: &mut PgConnection| {
            delete(connection, &name, &precondition).await
        };
        self.change("limit_delete", change).await
    }
}

async fn put(
    connection: &mut PgConnection,
    limit: &Limit,
    precondition: &Precondition,
) -> Result<(Stored, bool), RegistryError> {
    let version = bump(connection).await?;
    let current = version_of(connection, limit.name()).await?;
    let count = sqlx::query_scalar(COUNT).fetch_one(&mut *connection).await;
    may_put(precondition, current, count.map_err(StoreError::from)?)?;
    let row = LimitRow::of(limit)?;
    let put = sqlx::query(PUT)
        .bind(row.name)
        .bind(row.tokens)
        .bind(row.period_us)
        .bind(row.burst)
        .bind(row.fallback)
        .bind(row.servers)
        .bind(row.shadow)
        .bind(row.parts)
        .bind(version);
    let row = put.fetch_one(&mut *connection).await;
    let stored = stored(&row.map_err(StoreError::from)?)?;
    let kind = current.map_or(Kind::Created, |_| Kind::Updated);
    append_postgres(connection, &[change(limit.name(), version, kind)]).await?;
    Ok((stored, current.is_none()))
}

async fn delete(
    connection: &mut PgConnection,
    name: &LimitName,
    precondition: &Precondition,
) -> Result<i64, RegistryError> {
    let version = bump(connection).await?;
    may_delete(precondition, version_of(connection, name).await?)?;
    let deleted = sqlx::query(DELETE).bind(name.as_str());
    let deleted = deleted.execute(&mut *connection).await;
    deleted.map_err(StoreError::from)?;
    append_postgres(connection, &[change(name, version, Kind::Deleted)]).await?;
    Ok(version)
}

/// The version of the change that is under way. Waits for whoever else is changing a limit.
async fn bump(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let bump = sqlx::query_scalar(BUMP).fetch_one(connection);
    Ok(bump.await?)
}

async fn version_of(
    connection: &mut PgConnection,
    name: &LimitName,
) -> Result<Option<i64>, StoreError> {
    let find = sqlx::query(FIND).bind(name.as_str());
    let row = find.fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get("version")).transpose()?)
}

fn stored(row: &PgRow) -> Result<Stored, StoreError> {
    let limit = LimitRow {
        name: row.try_get("name")?,
        tokens: row.try_get("tokens")?,
        period_us: row.try_get("period_us")?,
        burst: row.try_get("burst")?,
        fallback: row.try_get("fallback")?,
        servers: row.try_get("servers")?,
        shadow: row.try_get("shadow")?,
        parts: row.try_get("parts")?,
    };
    Ok(Stored {
        limit: limit.limit()?,
        version: row.try_get("version")?,
        updated_at: Timestamp::from_datetime(row.try_get("updated_at")?),
    })
}

fn foreign() -> StoreError {
    StoreError::Config("the transaction belongs to another kind of database".to_owned())
}
