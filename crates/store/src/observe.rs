//! How long statements and waits take, as metrics.

use std::time::Duration;

use metrics::{counter, histogram};

/// Records how long the named statement (or group of statements) took, as `stanchion_db_statement_seconds`.
pub fn statement(name: &'static str, took: Duration, ok: bool) {
    histogram!("stanchion_db_statement_seconds", "statement" => name).record(took.as_secs_f64());
    if !ok {
        counter!("stanchion_db_statement_errors_total", "statement" => name).increment(1);
    }
}

/// Records how long a caller waited for a connection, as `stanchion_db_pool_wait_seconds`.
pub(crate) fn pool_wait(lane: &'static str, took: Duration) {
    histogram!("stanchion_db_pool_wait_seconds", "lane" => lane).record(took.as_secs_f64());
}
