use stanchion_store::Rendered;
use stanchion_testkit::{Database, Postgres as Server};

use super::claim::{CLAIM, CLAIM_ALONE, HAS_SUSPECTS, HOLD, RECALL, RENEW, START};
use super::enqueue::{Enqueue, OWNERS};
use super::figures::FIGURES;
use super::prune::{PRUNE_SUSPECTS, Prune};
use super::read::{HOLDERS, PASSED, RECENT, Reads};
use super::replay::{Letters, REPLAY};
use super::settle::{CANCEL, EXPIRED, STATE, Settle, UNPARK};
use crate::port::plans::{ROWS, migrated};

const FILL: &str = "
INSERT INTO stanchion_jobs.jobs (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, lease, leased_until, alone, created_at, run_at
)
SELECT gen_random_uuid(), 'q' || (n % 4), 'k' || (n % 3), n % 10,
    CASE WHEN n % 50 = 0 THEN 'running' WHEN n % 70 = 0 THEN 'parked' ELSE 'waiting' END, '1',
    sha256(n::text::bytea), 1, 1, 1, 1, 1, 'full', CASE WHEN n % 50 = 0 THEN gen_random_uuid() END,
    CASE WHEN n % 50 = 0 THEN now() + n * interval '1 second' END, n % 99 = 0, now(), now() - n * interval '1 second'
FROM generate_series(1, :rows) AS n;
INSERT INTO stanchion_jobs.history (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, failures, lost_leases, alone, created_at, run_at, finished_at, attempts
)
SELECT gen_random_uuid(), 'q' || (n % 4), 'k', n % 10,
    CASE WHEN n % 50 = 0 THEN 'dead' WHEN n % 70 = 0 THEN 'cancelled' ELSE 'completed' END, '1', sha256(n::text::bytea), 1,
    1, 1, 1, 1, 'full', 1, 0, 0, false, now(), now(), now() + n * interval '1 second', '[]'
FROM generate_series(1, :rows) AS n;
INSERT INTO stanchion_jobs.uniques SELECT sha256(n::text::bytea), gen_random_uuid() FROM generate_series(1, :rows) AS n;
INSERT INTO stanchion_jobs.suspects
SELECT sha256(n::text::bytea), 1, now() + n * interval '1 second' FROM generate_series(1, :rows) AS n;
";

/// Indexes that have all rows of their tables; none of them is walked from end to end.
const ALL: [&str; 3] = [
    "using jobs_pkey",
    "using history_pkey",
    "using uniques_pkey",
];

/// The plan that serves any values.
async fn plan(database: &Database, sql: &str, parameters: usize) -> String {
    let nulls = match parameters {
        0 => String::new(),
        _ => format!("({})", vec!["NULL"; parameters].join(", ")),
    };
    let explain = format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE it AS {sql}; EXPLAIN EXECUTE it{nulls}"
    );
    database.psql(&explain).await
}

/// Every statement that must find its rows by an index, with the index that matters most.
fn statements() -> Vec<(&'static str, usize, &'static str)> {
    let plain = [
        (CLAIM, 10, "jobs_ready"),
        (CLAIM, 10, "(ROW(run_at, id) > ROW(q.floor_at, q.floor_id))"),
        (CLAIM, 10, "jobs_returned"),
        (CLAIM, 10, "jobs_pkey"),
        (HAS_SUSPECTS, 1, "jobs_alone"),
        (CLAIM_ALONE, 4, "jobs_alone"),
        (START, 3, "jobs_pkey"),
        (RECALL, 5, "jobs_ready"),
        (RENEW, 6, "jobs_pkey"),
        (HOLD, 3, "jobs_pkey"),
        (EXPIRED, 2, "jobs_leased"),
        (UNPARK, 2, "jobs_parked"),
        (CANCEL, 2, "jobs_pkey"),
        (STATE, 1, "history_pkey"),
        (OWNERS, 1, "uniques_pkey"),
        (FIGURES, 5, "jobs_ready"),
        (FIGURES, 5, "jobs_leased"),
        (FIGURES, 5, "jobs_returned"),
        (RECENT, 1, "history_completed"),
        (PASSED, 3, "history_completed"),
        (PASSED, 3, "history_ended"),
        (HOLDERS, 1, "jobs_leased"),
        (REPLAY, 4, "Index Scan using history_"),
        (PRUNE_SUSPECTS, 2, "suspects_by_age"),
    ];
    let reads = Reads::new();
    let found = |features: &[&'static str], live, ended| {
        let [a, b] = reads.rendered(features);
        [(a, live), (b, ended)]
    };
    let rendered: Vec<(Rendered, &str)> = [
        (Settle::new().rendered(&["again"]), "jobs_pkey"),
        (Settle::new().rendered(&[]), "jobs_pkey"),
        (Enqueue::new().rendered(&["unique"]), "Function Scan on g"),
        (Prune::new().rendered(&["done"]), "history_completed"),
        (Prune::new().rendered(&[]), "history_ended"),
        (Letters::new().rendered(&[]), "history_by_state"),
        (Letters::new().rendered(&["ids"]), "Scan using history_"),
    ]
    .into_iter()
    .chain(found(&["id"], "jobs_pkey", "history_pkey"))
    .chain(found(&["before"], "jobs_pkey", "history_pkey"))
    .collect();
    let rendered = rendered.into_iter();
    let rendered = rendered.map(|(one, index)| (one.sql, one.parameters.len(), index));
    plain.into_iter().chain(rendered).collect()
}

async fn is_served(database: &Database, when: &str) {
    for (sql, parameters, index) in statements() {
        let plan = plan(database, sql, parameters).await;
        assert!(plan.contains(index), "{when}\n{sql}\n{plan}");
        for table in ["jobs", "history", "uniques"] {
            let scanned = plan.contains(&format!("Seq Scan on {table} "));
            assert!(!scanned, "{when}\n{sql}\n{plan}");
        }
        let lines: Vec<&str> = plan.lines().collect();
        for pair in lines.windows(2) {
            let is_of_all = ALL.iter().any(|index| pair[0].contains(index));
            let walks = is_of_all && !pair[1].contains("Index Cond");
            assert!(!walks, "{when}\n{sql}\n{plan}");
        }
    }
    let claim = plan(database, CLAIM, 10).await;
    let sorts = claim.contains("Sort Key: j.run_at");
    assert!(!sorts, "{when}\n{claim}");
    // What came back is not looked for among all that is ready.
    for index in ["jobs_ready", "jobs_returned"] {
        let times = claim.matches(index).count();
        assert_eq!(times, 1, "{when}\n{claim}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_is_served_by_an_index() {
    let database = Server::shared().await.empty_database().await;
    migrated(database.url()).await;
    // Plans that were made while there was nothing are used until somebody analyses what came.
    for table in ["uniques", "suspects"] {
        let fill = FILL
            .split(';')
            .find(|sql| sql.contains(&format!(".{table}")));
        let fill = fill.unwrap().replace(":rows", &ROWS.to_string());
        database.psql(&fill).await;
    }
    is_served(&database, "empty").await;
    database.psql("VACUUM ANALYZE").await;
    is_served(&database, "empty and analysed").await;
    database
        .psql(
            &FILL
                .replace(":rows", &ROWS.to_string())
                .replace("sha256(n", "sha256((n + 1000000)"),
        )
        .await;
    is_served(&database, "full").await;
    database.psql("VACUUM ANALYZE").await;
    is_served(&database, "full and analysed").await;
}
