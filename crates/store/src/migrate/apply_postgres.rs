use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::{Applied, Migration, Migrations, pending};
use crate::{Postgres, StoreError};

/// `{component}` is a name from this program, never input.
const CREATE: &str = include_str!("create_postgres.sql");
const APPLIED: &str = include_str!("applied_postgres.sql");
const RECORD: &str = include_str!("record_postgres.sql");
const EXISTS: &str = include_str!("exists_postgres.sql");
/// One process migrates at a time; the lock ends with the transaction. No statement is cancelled for its length: an
/// index on a large table takes as long as it takes.
const LOCK: &str = include_str!("lock_postgres.sql");

pub(super) async fn apply(postgres: &Postgres, set: Migrations) -> Result<usize, StoreError> {
    let mut steps = 0;
    loop {
        let mut tx = postgres.begin().await?;
        tx.execute(LOCK).await?;
        tx.execute(AssertSqlSafe(named(CREATE, set))).await?;
        let missing = pending(set, set.postgres, &read(&mut tx, set).await?)?;
        if let Some(step) = missing.first() {
            run(&mut tx, set, step).await?;
            steps += 1;
        }
        tx.commit().await?;
        if missing.len() <= 1 {
            return Ok(steps);
        }
    }
}

async fn run(tx: &mut PgConnection, set: Migrations, step: &Migration) -> Result<(), StoreError> {
    tx.execute(sqlx::raw_sql(step.sql)).await?;
    sqlx::query(AssertSqlSafe(named(RECORD, set)))
        .bind(step.version)
        .bind(step.name)
        .bind(step.checksum())
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn applied(
    postgres: &Postgres,
    set: Migrations,
) -> Result<Vec<Applied>, StoreError> {
    let mut connection = postgres.acquire().await?;
    let table = format!("stanchion_{}.migrations", set.component);
    let exists: bool = sqlx::query_scalar(EXISTS)
        .bind(table)
        .fetch_one(&mut *connection)
        .await?;
    if exists {
        read(&mut connection, set).await
    } else {
        Ok(Vec::new())
    }
}

async fn read(connection: &mut PgConnection, set: Migrations) -> Result<Vec<Applied>, StoreError> {
    let rows: Vec<(i64, String)> = sqlx::query_as(AssertSqlSafe(named(APPLIED, set)))
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(version, checksum)| Applied { version, checksum })
        .collect())
}

fn named(sql: &str, set: Migrations) -> String {
    sql.replace("{component}", set.component)
}
