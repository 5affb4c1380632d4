use stanchion_store::Rendered;
use stanchion_testkit::{Database, Postgres as Server};

use super::PRUNE;
use super::read::{DUE, REQUESTS, RESERVATIONS, ROW, Reads};
use super::take::Take;
use super::write::Write;
use crate::port::plans::{ROWS, migrated};

const FILL: &str = "
INSERT INTO stanchion_stock.stock SELECT 'S-' || n, 100, 1, 2, 0, now() FROM generate_series(1, :rows) AS n;
INSERT INTO stanchion_stock.reservations
SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, CASE WHEN n % 50 = 0 THEN 'held' ELSE 'released' END,
    '[{\"sku\": \"S-1\", \"quantity\": 1}]', now(), now() + n * interval '1 second', CASE WHEN n % 50 = 0 THEN NULL ELSE now() END
FROM generate_series(1, :rows) AS n;
INSERT INTO stanchion_stock.stock_movements SELECT 'S-' || n, 1, 'received', 100, 0, NULL, NULL, now() FROM generate_series(1, :rows) AS n;
INSERT INTO stanchion_stock.requests
SELECT 'c', 'r', 'k' || n, decode(repeat('00', 32), 'hex'), '', now() + n * interval '1 second' FROM generate_series(1, :rows) AS n;
";

/// The plan that serves any values.
async fn plan(database: &Database, sql: &str, parameters: usize) -> String {
    let nulls = vec!["NULL"; parameters].join(", ");
    let values = if parameters == 0 {
        String::new()
    } else {
        format!("({nulls})")
    };
    let explain = format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE it AS {sql}; EXPLAIN EXECUTE it{values}"
    );
    database.psql(&explain).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_is_served_by_an_index() {
    let database = Server::shared().await.empty_database().await;
    migrated(database.url()).await;
    database
        .psql(&FILL.replace(":rows", &ROWS.to_string()))
        .await;
    database.psql("VACUUM ANALYZE").await;
    let all = ["rows", "new", "made", "settled", "moved", "kept"];
    let plain = |sql, parameters: usize| Rendered {
        name: "",
        sql,
        parameters: &["a", "b", "c"][..parameters],
    };
    let statements = [
        (Reads::new().rendered(&["locked"]), "stock_pkey"),
        (Reads::new().rendered(&[]), "stock_pkey"),
        (plain(ROW, 1), "stock_pkey"),
        (plain(RESERVATIONS, 1), "reservations_pkey"),
        (plain(REQUESTS, 3), "requests_pkey"),
        (plain(DUE, 1), "reservations_due"),
        (
            plain(DUE, 1),
            "Index Cond: (expires_at <= statement_timestamp())",
        ),
        (plain(PRUNE, 0), "requests_by_expiry"),
        (Take::new().rendered(&["keyed"]), "stock_pkey"),
        (Write::new().rendered(&all), "stock_pkey"),
        (Write::new().rendered(&all), "reservations_pkey"),
    ];
    for (statement, index) in statements {
        let plan = plan(&database, statement.sql, statement.parameters.len()).await;
        assert!(plan.contains(index), "{}\n{plan}", statement.sql);
        for table in ["stock", "reservations", "stock_movements", "requests"] {
            let scanned = plan.contains(&format!("Seq Scan on {table} "));
            assert!(!scanned, "{}\n{plan}", statement.sql);
        }
    }
}
