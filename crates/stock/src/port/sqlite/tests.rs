use rusqlite::Connection;
use stanchion_store::{Backend, StoreError};

use super::read::{DUE, REQUEST, RESERVATION, ROW};
use super::write::{SETTLE, TAKE, UPDATE};
use super::{AUDIT, PRUNE};
use crate::port::plans::{ROWS, migrated};

const FILL: &str = "
WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
INSERT INTO stanchion_stock_requests SELECT 'c', 'r', 'k' || n, zeroblob(32), '', n FROM numbers;
WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
INSERT INTO stanchion_stock_stock SELECT 'S-' || n, 100, 0, 1, 0, 0 FROM numbers;
ANALYZE;
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_is_served_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("plans.db").display());
    let store = migrated(&url).await;
    let Backend::Sqlite(sqlite) = store.backend() else {
        panic!("SQLite")
    };
    let fill = |connection: &Connection| {
        let filled = connection.execute_batch(&FILL.replace(":rows", &ROWS.to_string()));
        filled.map_err(StoreError::from)
    };
    sqlite.write("fill", fill).await.unwrap();
    let plans = |connection: &Connection| -> Result<Vec<(&str, String)>, StoreError> {
        let statements = [ROW, RESERVATION, REQUEST, DUE, PRUNE, TAKE, UPDATE, SETTLE];
        let plans = statements.map(|sql| Ok((sql, plan(connection, sql)?)));
        plans.into_iter().collect()
    };
    for (sql, plan) in sqlite.read("explain", plans).await.unwrap() {
        let is_served =
            plan.contains("USING PRIMARY KEY") || plan.contains("INDEX stanchion_stock_");
        assert!(is_served && !plan.contains("SCAN"), "{sql}\n{plan}");
        let sorts = plan.contains("FOR ORDER BY");
        assert!(!sorts, "{sql}\n{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_reads_each_table_in_one_go_and_none_for_each_row_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("plans.db").display());
    let store = migrated(&url).await;
    let Backend::Sqlite(sqlite) = store.backend() else {
        panic!("SQLite")
    };
    let explain = |connection: &Connection| plan(connection, AUDIT);
    let plan = sqlite.read("explain", explain).await.unwrap();
    assert!(plan.contains("MATERIALIZE balance"), "{plan}");
    assert!(!plan.contains("JOIN"), "{plan}");
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
