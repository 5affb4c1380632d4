use rusqlite::Connection;
use stanchion_store::{Backend, StoreError};

use super::history::{FORGET, History, PARDON, PRUNE_SUSPECTS, RETAKE, REVIVE};
use super::read::{FIGURES, HOLDERS, PASSED, RECENT, Reads};
use super::{claim, enqueue, settle};
use crate::port::plans::{ROWS, migrated};

const FILL: &str = "
WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
INSERT INTO stanchion_jobs_jobs (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, lease, leased_until_us, alone, created_at_us, run_at_us
)
SELECT randomblob(16), 'q' || (n % 4), 'k' || (n % 3), n % 10,
    CASE WHEN n % 50 = 0 THEN 'running' WHEN n % 70 = 0 THEN 'parked' ELSE 'waiting' END, '1', randomblob(32), 1, 1, 1, 1,
    1, 'full', CASE WHEN n % 50 = 0 THEN randomblob(16) END, CASE WHEN n % 50 = 0 THEN n END, n % 99 = 0, n, n
FROM numbers;
WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
INSERT INTO stanchion_jobs_history (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, failures, lost_leases, alone, created_at_us, run_at_us, finished_at_us, attempts
)
SELECT randomblob(16), 'q' || (n % 4), 'k', n % 10,
    CASE WHEN n % 50 = 0 THEN 'dead' WHEN n % 70 = 0 THEN 'cancelled' ELSE 'completed' END, '1', randomblob(32), 1, 1, 1, 1,
    1, 'full', 1, 0, 0, 0, n, n, n, '[]'
FROM numbers;
WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
INSERT INTO stanchion_jobs_suspects SELECT randomblob(32), 1, n FROM numbers;
WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
INSERT INTO stanchion_jobs_uniques SELECT randomblob(32), randomblob(16) FROM numbers;
";

/// Every statement that must find its rows by an index, whether the tables have been analysed or not.
fn statements() -> Vec<&'static str> {
    let mut statements = vec![
        enqueue::OWNER,
        claim::READY,
        claim::ALONE,
        claim::CRASHES,
        claim::ASIDE,
        claim::TAKE,
        claim::START,
        claim::RENEW,
        claim::HOLD,
        claim::DISOWN,
        settle::HELD,
        settle::END,
        settle::DELETE,
        settle::AGAIN,
        settle::ATTEMPT,
        settle::ACQUIT,
        settle::EXPIRED,
        settle::UNPARK,
        settle::STATE,
        settle::END_STATE,
        settle::ASK,
        FORGET,
        PARDON,
        PRUNE_SUSPECTS,
        RETAKE,
        REVIVE,
        RECENT,
    ];
    let (reads, history) = (Reads::new(), History::new());
    let features: [&[&'static str]; 4] = [&["id"], &["before"], &["before", "queue"], &["state"]];
    for features in features {
        statements.extend(reads.rendered(features).map(|rendered| rendered.sql));
    }
    for features in [&["done"][..], &[], &["queue", "reason"]] {
        statements.extend(history.rendered(features).map(|rendered| rendered.sql));
    }
    statements
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_is_served_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("plans.db").display());
    let store = migrated(&url).await;
    let Backend::Sqlite(sqlite) = store.backend() else {
        panic!("SQLite")
    };
    for after in ["", "ANALYZE"] {
        let fill = move |connection: &Connection| {
            let fill = FILL.replace(":rows", &ROWS.to_string());
            let filled = connection.execute_batch(if after.is_empty() { &fill } else { after });
            filled.map_err(StoreError::from)
        };
        sqlite.write("fill", fill).await.unwrap();
        let plans = |connection: &Connection| -> Result<Vec<(&str, String)>, StoreError> {
            let plans = statements().into_iter();
            plans.map(|sql| Ok((sql, plan(connection, sql)?))).collect()
        };
        for (sql, plan) in sqlite.read("explain", plans).await.unwrap() {
            let walks_in_order = plan.contains("SCAN stanchion_jobs_jobs\n")
                || plan.contains("SCAN stanchion_jobs_history\n");
            let walks_in_order = walks_in_order && sql.contains("ORDER BY id DESC");
            let walks_its_index = sql == RECENT && plan.contains("history_completed");
            let is_searched = !plan.contains("SCAN") && plan.contains("SEARCH");
            let sorts = plan.contains("FOR ORDER BY");
            let is_served = walks_in_order || walks_its_index || is_searched;
            assert!(is_served && !sorts, "{after}\n{sql}\n{plan}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ready_is_found_in_order_in_its_own_index() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("plans.db").display());
    let store = migrated(&url).await;
    let Backend::Sqlite(sqlite) = store.backend() else {
        panic!("SQLite")
    };
    let expected = [
        (
            claim::READY,
            "stanchion_jobs_jobs_ready (queue=? AND priority=? AND run_at_us<?)",
        ),
        (
            claim::ALONE,
            "stanchion_jobs_jobs_alone (queue=? AND run_at_us<?)",
        ),
        (
            settle::EXPIRED,
            "stanchion_jobs_jobs_leased (leased_until_us<?)",
        ),
        (settle::UNPARK, "stanchion_jobs_jobs_parked (kind=?)"),
    ];
    for (sql, index) in expected {
        let plan = move |connection: &Connection| plan(connection, sql);
        let plan = sqlite.read("explain", plan).await.unwrap();
        assert!(
            plan.contains(index) && !plan.contains("TEMP B-TREE"),
            "{sql}\n{plan}"
        );
    }
    for sql in [FIGURES, PASSED, HOLDERS] {
        let plan = |connection: &Connection| plan(connection, sql);
        let plan = sqlite.read("explain", plan).await.unwrap();
        for table in ["stanchion_jobs_jobs", "stanchion_jobs_history"] {
            for line in plan.lines().filter(|line| line.contains(table)) {
                assert!(line.contains(&format!("INDEX {table}_")), "{plan}");
            }
        }
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
