use metrics::{Unit, describe_counter, describe_gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::TelemetryError;

/// Upper bounds for requests, statements and waits, in seconds: from a cached page to the longest timeout.
const SECONDS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 10.0,
];
/// Upper bounds for a question to limits, in seconds: from a bucket in memory to a server far away.
const CHECK_SECONDS: &[f64] = &[
    0.000_000_25,
    0.000_000_5,
    0.000_001,
    0.000_002,
    0.000_005,
    0.000_01,
    0.000_1,
    0.001,
    0.005,
    0.025,
    0.1,
    1.0,
];
/// Upper bounds for what jobs wait and take, in seconds: from a row that is written to a queue that nobody serves.
const JOB_SECONDS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 1_800.0, 10_800.0,
];
/// Upper bounds for the changes of one batch.
const COMMANDS: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1000.0,
];
/// Upper bounds for the writes of one commit.
const WRITES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Installs the Prometheus recorder; every histogram whose name ends in `_seconds` gets buckets.
pub(super) fn install() -> Result<PrometheusHandle, TelemetryError> {
    let installed = |error: metrics_exporter_prometheus::BuildError| {
        TelemetryError::Installed(error.to_string())
    };
    let full = |name: &str| Matcher::Full(name.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(full("stanchion_db_group_commit_writes"), WRITES)
        .map_err(installed)?
        .set_buckets_for_metric(full("stanchion_stock_batch_commands"), COMMANDS)
        .map_err(installed)?
        .set_buckets_for_metric(
            full("stanchion_limiter_check_duration_seconds"),
            CHECK_SECONDS,
        )
        .map_err(installed)?
        .set_buckets_for_metric(full("stanchion_jobs_claim_jobs"), COMMANDS)
        .map_err(installed)?
        .set_buckets_for_metric(full("stanchion_jobs_claim_seconds"), SECONDS)
        .map_err(installed)?
        .set_buckets_for_metric(Matcher::Prefix("stanchion_jobs_".to_owned()), JOB_SECONDS)
        .map_err(installed)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .map_err(installed)?
        .install_recorder()
        .map_err(installed)?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_counter!(
        "stanchion_log_lines_dropped_total",
        Unit::Count,
        "Log lines that were dropped because their reader was too slow"
    );
    describe_counter!(
        "stanchion_panics_total",
        Unit::Count,
        "Panics, caught ones included"
    );
    describe_counter!(
        "stanchion_task_restarts_total",
        Unit::Count,
        "Background tasks that ended and were started again, by task"
    );
    describe_gauge!("stanchion_build_info", "Always 1; the version is a label");
    metrics::gauge!("stanchion_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    show_from_the_start();
}

/// Counters of rare events: one that appears with its first event hides that event from `rate()`.
fn show_from_the_start() {
    for name in [
        "stanchion_panics_total",
        "stanchion_log_lines_dropped_total",
        "stanchion_http_accept_errors_total",
        "stanchion_http_connections_idled_total",
        "stanchion_http_tls_handshakes_failed_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    for consumer in ["keys", "limits"] {
        metrics::counter!("stanchion_feed_lagged_total", "consumer" => consumer).increment(0);
    }
    for outcome in ["ok", "failed"] {
        metrics::counter!("stanchion_auth_jwks_refreshes_total", "outcome" => outcome).increment(0);
    }
    show_stock_from_the_start();
}

fn show_stock_from_the_start() {
    metrics::counter!("stanchion_stock_expired_total").increment(0);
    // A batch is seen with the first hot SKU.
    drop(metrics::histogram!("stanchion_stock_batch_commands"));
    metrics::gauge!("stanchion_stock_lane_depth", "lane" => "0").set(0.0);
    for reason in ["insufficient", "settled", "key_reused"] {
        metrics::counter!("stanchion_stock_refused_total", "reason" => reason).increment(0);
    }
    for strategy in ["optimistic", "pessimistic", "atomic", "batched", "sweeper"] {
        metrics::counter!("stanchion_stock_attempts_total", "strategy" => strategy).increment(0);
        metrics::counter!("stanchion_stock_conflicts_total", "strategy" => strategy).increment(0);
    }
    for scope in ["sku", "lane"] {
        metrics::gauge!("stanchion_stock_batched", "scope" => scope).set(0.0);
        for to in ["direct", "batched"] {
            metrics::counter!("stanchion_stock_switches_total", "scope" => scope, "to" => to)
                .increment(0);
        }
    }
}
