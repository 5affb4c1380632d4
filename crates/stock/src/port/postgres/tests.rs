use stanchion_testkit::Postgres as Server;

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

/// Tables, and indexes that have all rows of them; none is read from end to end.
const ALL: [&str; 7] = [
    "stock",
    "stock_pkey",
    "reservations",
    "reservations_pkey",
    "stock_movements",
    "requests",
    "requests_pkey",
];

/// Every statement that must find its rows by an index, with the index that matters most.
fn statements() -> Vec<(&'static str, &'static str)> {
    let all = ["rows", "new", "made", "settled", "moved", "kept"];
    vec![
        (Reads::new().rendered(&["locked"]).sql, "stock_pkey"),
        (Reads::new().rendered(&[]).sql, "stock_pkey"),
        (ROW, "stock_pkey"),
        (RESERVATIONS, "reservations_pkey"),
        (REQUESTS, "requests_pkey"),
        (DUE, "reservations_due"),
        (DUE, "Index Cond: (expires_at <= statement_timestamp())"),
        (PRUNE, "requests_by_expiry"),
        (Take::new().rendered(&["keyed"]).sql, "stock_pkey"),
        (Write::new().rendered(&all).sql, "stock_pkey"),
        (Write::new().rendered(&all).sql, "reservations_pkey"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_is_served_by_an_index() {
    let database = Server::shared().await.empty_database().await;
    migrated(database.url()).await;
    database
        .psql(&FILL.replace(":rows", &ROWS.to_string()))
        .await;
    database.psql("VACUUM ANALYZE").await;
    database.is_served(&statements(), &ALL).await;
}
