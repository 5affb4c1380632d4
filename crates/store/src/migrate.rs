//! Migrations per crate: each crate's tables in a schema of its own (SQLite: behind a prefix), each with its own record.

mod apply_postgres;
mod apply_sqlite;

use crate::StoreError;
use crate::store::{Backend, Store};

/// The schema of one crate, as steps that only expand or contract.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The crate's name; its tables live in the schema `stanchion_<component>`, or begin with it and an underscore.
    pub component: &'static str,
    /// The steps for SQLite, in order.
    pub sqlite: &'static [Migration],
    /// The steps for PostgreSQL, in order.
    pub postgres: &'static [Migration],
}

/// One step, applied once and in a transaction of its own.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3, … without gaps.
    pub version: i64,
    /// What it does, in a word or two.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> String {
        blake3::hash(self.sql.as_bytes()).to_hex().to_string()
    }
}

/// A migration as the database remembers it.
struct Applied {
    version: i64,
    checksum: String,
}

impl Store {
    /// Applies what is missing of `sets`, in order; answers how many steps that were.
    ///
    /// Safe beside other processes that do the same. Steps that this program does not know are left alone: a newer
    /// program has applied them, and the schema only changes in ways that older ones can live with.
    ///
    /// # Errors
    /// [`StoreError::MigrationChanged`] when an applied step is not the one in this program; the database's own.
    pub async fn migrate(&self, sets: &[Migrations]) -> Result<usize, StoreError> {
        let mut applied = 0;
        for set in sets {
            applied += match self.backend() {
                Backend::Sqlite(sqlite) => apply_sqlite::apply(sqlite, *set).await?,
                Backend::Postgres(postgres) => apply_postgres::apply(postgres, *set).await?,
            };
        }
        Ok(applied)
    }

    /// Checks that every step of `sets` has been applied.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooOld`] naming the first crate that lacks one, and as for [`Store::migrate`].
    pub async fn check_schema(&self, sets: &[Migrations]) -> Result<(), StoreError> {
        for set in sets {
            let (steps, applied) = match self.backend() {
                Backend::Sqlite(sqlite) => (set.sqlite, apply_sqlite::applied(sqlite, *set).await?),
                Backend::Postgres(postgres) => {
                    (set.postgres, apply_postgres::applied(postgres, *set).await?)
                }
            };
            if let Some(missing) = pending(*set, steps, &applied)?.last() {
                let found = applied.iter().map(|step| step.version).max().unwrap_or(0);
                return Err(StoreError::SchemaTooOld {
                    component: set.component,
                    found,
                    needed: missing.version,
                });
            }
        }
        Ok(())
    }
}

/// The steps that have not been applied, in order.
fn pending<'a>(
    set: Migrations,
    steps: &'a [Migration],
    applied: &[Applied],
) -> Result<Vec<&'a Migration>, StoreError> {
    let mut missing = Vec::new();
    for step in steps {
        match applied.iter().find(|done| done.version == step.version) {
            Some(done) if done.checksum != step.checksum() => {
                return Err(StoreError::MigrationChanged {
                    component: set.component,
                    version: step.version,
                });
            }
            Some(_) => {}
            None => missing.push(step),
        }
    }
    Ok(missing)
}
