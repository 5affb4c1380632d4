use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use stanchion_store::Rendered;
use stanchion_testkit::{Database, Plan, Postgres as Server, walk};

use super::claim::{CLAIM, CLAIM_ALONE, HAS_SUSPECTS, HOLD, PASSED_BY, RECALL, RENEW, START};
use super::enqueue::{Enqueue, OWNERS};
use super::figures::FIGURES;
use super::prune::{PRUNE_SUSPECTS, Prune};
use super::read::{HOLDERS, PASSED, RECENT, Reads};
use super::replay::{Letters, REPLAY};
use super::settle::{CANCEL, EXPIRED, PROLONG, STATE, Settle, UNPARK};
use super::{PART, allow, allow_again};
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

/// Tables, and indexes that have all rows of them; none is read from end to end.
const ALL: [&str; 6] = [
    "jobs",
    "jobs_pkey",
    "history",
    "history_pkey",
    "uniques",
    "uniques_pkey",
];

const ONE: Plan = Plan::Custom { elements: 1 };
/// For as many jobs as a worker settles at once.
const BATCH: Plan = Plan::Custom { elements: 2_000 };

/// Statements for a batch of jobs, each with the index that matters most.
fn batches() -> Vec<(&'static str, &'static str)> {
    vec![
        (START, "jobs_pkey"),
        (RENEW, "jobs_pkey"),
        (RECALL, "jobs_pkey"),
        (Settle::new().rendered(&["again"]).sql, "jobs_pkey"),
        (Settle::new().rendered(&[]).sql, "jobs_pkey"),
        (
            Enqueue::new().rendered(&["unique"]).sql,
            "Function Scan on g",
        ),
    ]
}

/// Others that must find their rows by an index.
fn statements() -> Vec<(&'static str, &'static str)> {
    let plain = [
        (CLAIM, "jobs_ready"),
        (CLAIM, "(ROW(run_at, id) > ROW(q.floor_at, q.floor_id))"),
        (CLAIM, "jobs_returned"),
        (CLAIM, "jobs_pkey"),
        (HAS_SUSPECTS, "jobs_alone"),
        (CLAIM_ALONE, "jobs_alone"),
        (PASSED_BY, "jobs_ready"),
        (HOLD, "jobs_pkey"),
        (EXPIRED, "jobs_leased"),
        (PROLONG, "jobs_leased"),
        (UNPARK, "jobs_parked"),
        (CANCEL, "jobs_pkey"),
        (STATE, "history_pkey"),
        (OWNERS, "uniques_pkey"),
        (FIGURES, "jobs_ready"),
        (FIGURES, "jobs_leased"),
        (FIGURES, "jobs_returned"),
        (RECENT, "history_completed"),
        (PASSED, "history_completed"),
        (PASSED, "history_ended"),
        (HOLDERS, "jobs_leased"),
        (REPLAY, "Index Scan using history_"),
        (PRUNE_SUSPECTS, "suspects_by_age"),
    ];
    let reads = Reads::new();
    let found = |features: &[&'static str], live, ended| {
        let [a, b] = reads.rendered(features);
        [(a, live), (b, ended)]
    };
    let rendered: Vec<(Rendered, &str)> = [
        (Prune::new().rendered(&["done"]), "history_completed"),
        (Prune::new().rendered(&[]), "history_ended"),
        (Letters::new().rendered(&[]), "history_by_state"),
        (Letters::new().rendered(&["ids"]), "Scan using history_"),
    ]
    .into_iter()
    .chain(found(&["id"], "jobs_pkey", "history_pkey"))
    .chain(found(&["before"], "jobs_pkey", "history_pkey"))
    .collect();
    let rendered = rendered.into_iter().map(|(one, index)| (one.sql, index));
    plain.into_iter().chain(rendered).collect()
}

/// All of them, each with a plan that it may have.
fn planned(plans: &[Plan]) -> Vec<(Plan, &'static str, &'static str)> {
    let of = |plan: &Plan| {
        let others = if *plan == BATCH {
            Vec::new()
        } else {
            statements()
        };
        let all = batches().into_iter().chain(others);
        let plan = *plan;
        all.map(move |(sql, index)| (plan, sql, index))
    };
    plans.iter().flat_map(of).collect()
}

async fn is_served(database: &Database, when: &str, plans: &[Plan]) {
    for (kind, sql, index) in planned(plans) {
        let plan = database.plan(sql, kind).await;
        let told = || format!("{when}, {kind:?}\n{sql}\n{plan}");
        assert!(plan.contains(index), "{}", told());
        assert_eq!(walk(&plan, &ALL), None, "{}", told());
        if sql == CLAIM {
            assert!(!plan.contains("Sort Key: j.run_at"), "{}", told());
            // What came back is not looked for among all that is ready.
            for index in ["jobs_ready", "jobs_returned"] {
                assert_eq!(plan.matches(index).count(), 1, "{}", told());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_is_served_by_an_index() {
    let database = Server::shared().await.empty_database().await;
    migrated(database.url()).await;
    // Suspects are few at any time; that their index would serve many is seen with many.
    let suspects = FILL.split(';').find(|sql| sql.contains(".suspects"));
    let suspects = suspects.unwrap().replace(":rows", &ROWS.to_string());
    database.psql(&suspects).await;
    // Plans for any values that were made while there was nothing are used until somebody analyses what came. Those for some values
    // are made anew each time, and the planner knows how large a table is.
    is_served(&database, "empty", &[Plan::Generic]).await;
    database.psql("VACUUM ANALYZE").await;
    is_served(&database, "empty and analysed", &[Plan::Generic]).await;
    database
        .psql(
            &FILL
                .replace(":rows", &ROWS.to_string())
                .replace("sha256(n", "sha256((n + 1000000)"),
        )
        .await;
    is_served(&database, "full", &[Plan::Generic, ONE, BATCH]).await;
    database.psql("VACUUM ANALYZE").await;
    is_served(&database, "full and analysed", &[Plan::Generic, ONE, BATCH]).await;
}

async fn allowed(connection: &mut PgConnection) -> String {
    let shown = sqlx::query_scalar("SELECT current_setting('statement_timeout')");
    shown.fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn the_walk_of_a_part_has_a_second_or_less_and_what_follows_has_what_it_had() {
    let database = Server::shared().await.empty_database().await;
    for (before, within) in [("0", "1s"), ("1min", "1s"), ("100ms", "100ms")] {
        let options: PgConnectOptions = database.url().parse().unwrap();
        let options = options.options([("statement_timeout", before)]);
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        let mut tx = connection.begin().await.unwrap();
        allow(&mut tx, PART).await.unwrap();
        assert_eq!(allowed(&mut tx).await, within);
        allow_again(&mut tx).await.unwrap();
        assert_eq!(allowed(&mut tx).await, before);
        allow(&mut tx, PART).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(allowed(&mut connection).await, before);
    }
}
