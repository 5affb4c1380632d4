//! Which index serves which statement.

use rusqlite::Connection;
use stanchion_kernel::{Clock, Entropy};
use stanchion_store::{Backend, Store, StoreConfig, StoreError};
use stanchion_testkit::{Plan, Postgres as Server};

use super::{MIGRATIONS, postgres, sqlite};

const FILL_SQLITE: &str = "
WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000)
INSERT INTO stanchion_limiter_limits SELECT 'limit-' || n, 1, 1000000, 1, 'deny', NULL, 0, 1, n, 0 FROM numbers;
ANALYZE;
";
const FILL_POSTGRES: &str = "
INSERT INTO stanchion_limiter.limits
SELECT 'limit-' || n, 1, 1000000, 1, 'deny', NULL, false, 1, n, now() FROM generate_series(1, 1000) AS n;
";

async fn migrated(url: &str) -> Store {
    let store = Store::open(StoreConfig::new(url), Clock::system(), Entropy::system())
        .await
        .unwrap();
    let tables = [stanchion_store::MIGRATIONS, MIGRATIONS];
    store.migrate(&tables).await.unwrap();
    store.ready().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_about_one_limit_is_served_by_an_index_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("plans.db").display());
    let store = migrated(&url).await;
    let Backend::Sqlite(database) = store.backend() else {
        panic!("SQLite")
    };
    let plans = |connection: &Connection| -> Result<Vec<(&str, String)>, StoreError> {
        connection.execute_batch(FILL_SQLITE)?;
        let statements = [sqlite::FIND, sqlite::BUMP, sqlite::DELETE];
        let plans = statements.map(|sql| Ok((sql, plan(connection, sql)?)));
        plans.into_iter().collect()
    };
    for (sql, plan) in database.write("explain", plans).await.unwrap() {
        assert!(plan.contains("PRIMARY KEY"), "{sql}\n{plan}");
        assert!(!plan.contains("SCAN"), "{sql}\n{plan}");
    }
}

/// The plan of a statement; unbound parameters do not change it.
fn plan(connection: &Connection, sql: &str) -> Result<String, StoreError> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let mut steps = statement.raw_query();
    let mut plan = String::new();
    while let Some(step) = steps.next()? {
        plan += &step.get::<_, String>(3)?;
        plan.push('\n');
    }
    Ok(plan)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_about_one_limit_is_served_by_an_index_on_postgres() {
    let database = Server::shared().await.empty_database().await;
    migrated(database.url()).await;
    database.psql(FILL_POSTGRES).await;
    database.psql("VACUUM ANALYZE").await;
    for sql in [postgres::FIND, postgres::DELETE] {
        let plan = database.plan(sql, Plan::Generic).await;
        assert!(plan.contains("limits_pkey"), "{sql}\n{plan}");
    }
}
