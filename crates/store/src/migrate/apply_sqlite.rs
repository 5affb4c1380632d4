use rusqlite::{Connection, OptionalExtension as _};

use super::{Applied, Migration, Migrations, pending};
use crate::{Sqlite, StoreError};

/// `{component}` is a name from this program, never input.
const CREATE: &str = include_str!("create_sqlite.sql");
const APPLIED: &str = include_str!("applied_sqlite.sql");
const RECORD: &str = include_str!("record_sqlite.sql");
const EXISTS: &str = include_str!("exists_sqlite.sql");

pub(super) async fn apply(sqlite: &Sqlite, set: Migrations) -> Result<usize, StoreError> {
    let write = move |connection: &Connection| -> Result<usize, StoreError> {
        connection.execute_batch(&named(CREATE, set))?;
        let missing = pending(set, set.sqlite, &read(connection, set)?)?;
        for step in &missing {
            run(connection, set, step)?;
        }
        Ok(missing.len())
    };
    sqlite.write("migrate", write).await
}

fn run(connection: &Connection, set: Migrations, step: &Migration) -> Result<(), StoreError> {
    connection.execute_batch(step.sql)?;
    connection.execute(
        &named(RECORD, set),
        (step.version, step.name, step.checksum()),
    )?;
    Ok(())
}

pub(super) async fn applied(sqlite: &Sqlite, set: Migrations) -> Result<Vec<Applied>, StoreError> {
    let look = move |connection: &Connection| -> Result<Vec<Applied>, StoreError> {
        let table = format!("stanchion_{}_migrations", set.component);
        let found = connection
            .query_row(EXISTS, [table], |_| Ok(()))
            .optional()?;
        if found.is_some() {
            read(connection, set)
        } else {
            Ok(Vec::new())
        }
    };
    sqlite.read("applied_migrations", look).await
}

fn read(connection: &Connection, set: Migrations) -> Result<Vec<Applied>, StoreError> {
    let mut statement = connection.prepare(&named(APPLIED, set))?;
    let rows = statement
        .query_map([], |row| {
            Ok(Applied {
                version: row.get(0)?,
                checksum: row.get(1)?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(rows)
}

fn named(sql: &str, set: Migrations) -> String {
    sql.replace("{component}", set.component)
}
