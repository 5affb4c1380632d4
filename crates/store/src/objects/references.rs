//! Who refers to which objects, in both databases.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};
use sqlx::types::time::OffsetDateTime;
use stanchion_kernel::{Timestamp, Uuid};

use super::ObjectKey;
use crate::{StoreError, Tx, TxKind};

const CLAIM_SQLITE: &str = include_str!("claim_sqlite.sql");
const CLAIM_POSTGRES: &str = include_str!("claim_postgres.sql");
const REFER_SQLITE: &str = include_str!("refer_sqlite.sql");
const REFER_POSTGRES: &str = include_str!("refer_postgres.sql");
const REFERS_SQLITE: &str = include_str!("refers_sqlite.sql");
const REFERS_POSTGRES: &str = include_str!("refers_postgres.sql");
const RELEASE_SQLITE: &str = include_str!("release_sqlite.sql");
const RELEASE_POSTGRES: &str = include_str!("release_postgres.sql");
const MARK_SQLITE: &str = include_str!("mark_sqlite.sql");
const MARK_POSTGRES: &str = include_str!("mark_postgres.sql");
const MARKED_SQLITE: &str = include_str!("marked_sqlite.sql");
const MARKED_POSTGRES: &str = include_str!("marked_postgres.sql");
const REFERRED_SQLITE: &str = include_str!("referred_sqlite.sql");
const REFERRED_POSTGRES: &str = include_str!("referred_postgres.sql");
const UNMARK_SQLITE: &str = include_str!("unmark_sqlite.sql");
const UNMARK_POSTGRES: &str = include_str!("unmark_postgres.sql");
const DOOM_SQLITE: &str = include_str!("doom_sqlite.sql");
const DOOM_POSTGRES: &str = include_str!("doom_postgres.sql");
const SPARE_SQLITE: &str = include_str!("spare_sqlite.sql");
const SPARE_POSTGRES: &str = include_str!("spare_postgres.sql");
const FORGET_SQLITE: &str = include_str!("forget_sqlite.sql");
const FORGET_POSTGRES: &str = include_str!("forget_postgres.sql");

/// Who wants an object that is being deleted comes again when it is gone.
const DOOMED: StoreError = StoreError::Busy("an object that is being deleted");

/// Makes `owner` one who refers to the objects, none of which is doomed.
pub(super) async fn hold(tx: &mut Tx, owner: Uuid, keys: &[ObjectKey]) -> Result<(), StoreError> {
    // PostgreSQL claims no row twice in one statement.
    let keys: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    claim(tx, keys.clone()).await?;
    refer(tx, owner, keys).await
}

/// Has rows of the objects without a mark, unless one of them is doomed. It waits for a collector that looks whether to doom one.
pub(super) async fn claim(tx: &mut Tx, keys: Vec<String>) -> Result<(), StoreError> {
    let wanted = keys.len() as u64;
    let claimed = match tx.kind() {
        TxKind::Sqlite(tx, _) => {
            let step = move |connection: &Connection| -> Result<u64, StoreError> {
                let mut claim = connection.prepare_cached(CLAIM_SQLITE)?;
                let mut claimed = 0;
                for key in keys {
                    claimed += claim.execute([key])? as u64;
                }
                Ok(claimed)
            };
            tx.run(step).await?
        }
        TxKind::Postgres(tx) => {
            let claim = sqlx::query(CLAIM_POSTGRES).bind(&keys);
            claim.execute(&mut **tx).await?.rows_affected()
        }
    };
    if claimed < wanted {
        return Err(DOOMED);
    }
    Ok(())
}

/// Makes `owner` one who refers to objects that have rows.
pub(super) async fn refer(tx: &mut Tx, owner: Uuid, keys: Vec<String>) -> Result<(), StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, _) => {
            let step = move |connection: &Connection| -> Result<(), StoreError> {
                let mut refer = connection.prepare_cached(REFER_SQLITE)?;
                for key in keys {
                    refer.execute((owner.as_bytes(), key))?;
                }
                Ok(())
            };
            tx.run(step).await
        }
        TxKind::Postgres(tx) => {
            let refer = sqlx::query(REFER_POSTGRES).bind(owner).bind(&keys);
            refer.execute(&mut **tx).await?;
            Ok(())
        }
    }
}

/// Whether `owner` refers to an object.
pub(super) async fn refers(tx: &mut Tx, owner: Uuid, key: &str) -> Result<bool, StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, _) => {
            let key = key.to_owned();
            let step = move |connection: &Connection| -> Result<bool, StoreError> {
                let mut refers = connection.prepare_cached(REFERS_SQLITE)?;
                Ok(refers.query_row((owner.as_bytes(), key), |row| row.get(0))?)
            };
            tx.run(step).await
        }
        TxKind::Postgres(tx) => {
            let refers = sqlx::query_scalar(REFERS_POSTGRES).bind(owner).bind(key);
            Ok(refers.fetch_one(&mut **tx).await?)
        }
    }
}

/// Has `owner` refer to nothing, and marks what it referred to: whether others do is looked at by whoever collects.
pub(super) async fn release(tx: &mut Tx, owner: Uuid) -> Result<(), StoreError> {
    let keys = match tx.kind() {
        TxKind::Sqlite(tx, _) => {
            let step = move |connection: &Connection| -> Result<Vec<String>, StoreError> {
                let mut release = connection.prepare_cached(RELEASE_SQLITE)?;
                let keys = release.query_map([owner.as_bytes()], |row| row.get(0))?;
                Ok(keys.collect::<Result<_, _>>()?)
            };
            tx.run(step).await?
        }
        TxKind::Postgres(tx) => {
            let release = sqlx::query_scalar(RELEASE_POSTGRES).bind(owner);
            release.fetch_all(&mut **tx).await?
        }
    };
    mark(tx, keys).await
}

/// Marks objects as of now.
pub(super) async fn mark(tx: &mut Tx, keys: Vec<String>) -> Result<(), StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, clock) => {
            let now_us = clock.now().as_micros();
            let step = move |connection: &Connection| -> Result<(), StoreError> {
                let mut mark = connection.prepare_cached(MARK_SQLITE)?;
                for key in keys {
                    mark.execute((key, now_us))?;
                }
                Ok(())
            };
            tx.run(step).await
        }
        TxKind::Postgres(tx) => {
            let mark = sqlx::query(MARK_POSTGRES).bind(&keys);
            mark.execute(&mut **tx).await?;
            Ok(())
        }
    }
}

/// Locks an object that was marked `grace` ago or earlier, if there is one that nobody has locked. One that is doomed comes again
/// when it was doomed `again` ago.
pub(super) async fn marked(
    tx: &mut Tx,
    grace: Duration,
    again: Duration,
) -> Result<Option<String>, StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, clock) => {
            let now = clock.now();
            let before = [grace, again].map(|ago| now.saturating_sub(ago).as_micros());
            let step = move |connection: &Connection| -> Result<Option<String>, StoreError> {
                let mut marked = connection.prepare_cached(MARKED_SQLITE)?;
                Ok(marked.query_row(before, |row| row.get(0)).optional()?)
            };
            tx.run(step).await
        }
        TxKind::Postgres(tx) => {
            let marked = sqlx::query_scalar(MARKED_POSTGRES)
                .bind(grace.as_secs_f64())
                .bind(again.as_secs_f64());
            Ok(marked.fetch_optional(&mut **tx).await?)
        }
    }
}

/// Whether anybody refers to a locked object: nobody can begin to meanwhile.
pub(super) async fn is_referred(tx: &mut Tx, key: &str) -> Result<bool, StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, _) => {
            let key = key.to_owned();
            let step = move |connection: &Connection| -> Result<bool, StoreError> {
                let mut referred = connection.prepare_cached(REFERRED_SQLITE)?;
                Ok(referred.query_row([key], |row| row.get(0))?)
            };
            tx.run(step).await
        }
        TxKind::Postgres(tx) => {
            let referred = sqlx::query_scalar(REFERRED_POSTGRES).bind(key);
            Ok(referred.fetch_one(&mut **tx).await?)
        }
    }
}

/// Takes the mark off an object that is not doomed; says whether there is one.
pub(super) async fn unmark(tx: &mut Tx, key: &str) -> Result<bool, StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, _) => {
            let key = key.to_owned();
            let step = move |connection: &Connection| -> Result<bool, StoreError> {
                Ok(connection.prepare_cached(UNMARK_SQLITE)?.execute([key])? > 0)
            };
            tx.run(step).await
        }
        TxKind::Postgres(tx) => {
            let unmarked = sqlx::query(UNMARK_POSTGRES).bind(key);
            Ok(unmarked.execute(&mut **tx).await?.rows_affected() > 0)
        }
    }
}

/// Dooms a locked object; answers when. Whoever ends that names the moment: somebody else may have doomed it anew.
pub(super) async fn doom(tx: &mut Tx, key: &str) -> Result<Timestamp, StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, clock) => {
            let (key, now_us) = (key.to_owned(), clock.now().as_micros());
            let step = move |connection: &Connection| -> Result<(), StoreError> {
                connection
                    .prepare_cached(DOOM_SQLITE)?
                    .execute((key, now_us))?;
                Ok(())
            };
            tx.run(step).await?;
            Ok(Timestamp::from_micros(now_us))
        }
        TxKind::Postgres(tx) => {
            let doom = sqlx::query_scalar(DOOM_POSTGRES).bind(key);
            let at: OffsetDateTime = doom.fetch_one(&mut **tx).await?;
            Ok(Timestamp::from_datetime(at))
        }
    }
}

/// Forgets a doomed object that is gone.
pub(super) async fn forget(tx: &mut Tx, key: &str, doomed: Timestamp) -> Result<(), StoreError> {
    end(tx, (FORGET_SQLITE, FORGET_POSTGRES), key, doomed).await
}

/// Dooms an object no more, which is there and will be; it is marked as of when it was doomed.
pub(super) async fn spare(tx: &mut Tx, key: &str, doomed: Timestamp) -> Result<(), StoreError> {
    end(tx, (SPARE_SQLITE, SPARE_POSTGRES), key, doomed).await
}

async fn end(
    tx: &mut Tx,
    (sqlite, postgres): (&'static str, &'static str),
    key: &str,
    doomed: Timestamp,
) -> Result<(), StoreError> {
    match tx.kind() {
        TxKind::Sqlite(tx, _) => {
            let key = key.to_owned();
            let step = move |connection: &Connection| -> Result<(), StoreError> {
                let mut end = connection.prepare_cached(sqlite)?;
                end.execute((key, doomed.as_micros()))?;
                Ok(())
            };
            tx.run(step).await
        }
        TxKind::Postgres(tx) => {
            let end = sqlx::query(postgres).bind(key).bind(doomed.to_datetime());
            end.execute(&mut **tx).await?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use stanchion_kernel::{Clock, Entropy};
    use stanchion_testkit::Postgres;

    use super::*;
    use crate::{MIGRATIONS, Store, StoreConfig};

    const FILL: &str = "
    INSERT INTO stanchion_store.objects
    SELECT 'object ' || n, CASE WHEN n % 100 = 0 THEN now() + n * interval '1 second' END
    FROM generate_series(1, 20000) AS n;
    INSERT INTO stanchion_store.object_references
    SELECT gen_random_uuid(), 'object ' || n FROM generate_series(1, 20000) AS n
    ";

    /// What a store that refuses to delete leaves behind.
    async fn an_object_that_was_spared_is_there_for_all(url: &str) {
        let config = StoreConfig::new(url);
        let store = Store::open(config, Clock::system(), Entropy::system()).await;
        let store = store.unwrap();
        store.migrate(&[MIGRATIONS]).await.unwrap();
        let keys = || vec!["spared".to_owned()];
        let mut tx = store.begin().await.unwrap();
        claim(&mut tx, keys()).await.unwrap();
        let doomed = doom(&mut tx, "spared").await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.begin().await.unwrap();
        // Somebody else has doomed it anew meanwhile, or never.
        let another = doomed.saturating_sub(Duration::from_secs(1));
        spare(&mut tx, "spared", another).await.unwrap();
        forget(&mut tx, "spared", another).await.unwrap();
        assert!(!unmark(&mut tx, "spared").await.unwrap());
        spare(&mut tx, "spared", doomed).await.unwrap();
        let again = marked(&mut tx, Duration::ZERO, Duration::from_hours(1)).await;
        assert_eq!(again.unwrap().as_deref(), Some("spared"));
        claim(&mut tx, keys()).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_object_that_was_spared_is_there_for_all_on_both() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("spared.db").display());
        an_object_that_was_spared_is_there_for_all(&url).await;
        let database = Postgres::shared().await.empty_database().await;
        an_object_that_was_spared_is_there_for_all(database.url()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_statement_is_served_by_an_index() {
        let database = Postgres::shared().await.empty_database().await;
        let config = StoreConfig::new(database.url());
        let store = Store::open(config, Clock::system(), Entropy::system()).await;
        store.unwrap().migrate(&[MIGRATIONS]).await.unwrap();
        database.psql(FILL).await;
        database.psql("VACUUM ANALYZE").await;
        let statements = [
            (RELEASE_POSTGRES, "object_references_pkey"),
            (REFERS_POSTGRES, "object_references_"),
            (MARK_POSTGRES, "objects_pkey"),
            (MARKED_POSTGRES, "objects_by_mark"),
            (REFERRED_POSTGRES, "object_references_by_key"),
            (UNMARK_POSTGRES, "objects_pkey"),
            (DOOM_POSTGRES, "objects_pkey"),
            (SPARE_POSTGRES, "objects_pkey"),
            (FORGET_POSTGRES, "objects_pkey"),
        ];
        database
            .is_served(
                &statements,
                &["objects", "objects_pkey", "object_references"],
            )
            .await;
    }
}
