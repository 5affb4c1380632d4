use metrics::{Unit, describe_counter, describe_gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::TelemetryError;

/// Upper bounds in seconds: from a cached read to the longest timeout, about 2.2 times apart.
const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];

/// Installs the Prometheus recorder; every histogram whose name ends in `_seconds` gets buckets.
pub(super) fn install() -> Result<PrometheusHandle, TelemetryError> {
    let installed = |error: metrics_exporter_prometheus::BuildError| {
        TelemetryError::Installed(error.to_string())
    };
    let handle = PrometheusBuilder::new()
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
    // Shown from the start: a counter that appears with its first event hides that event from `rate()`.
    metrics::counter!("stanchion_panics_total").increment(0);
    metrics::counter!("stanchion_log_lines_dropped_total").increment(0);
}
