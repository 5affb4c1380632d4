use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use stanchion_kernel::Clock;

use crate::endpoints::metrics::TEXT_FORMAT;
use crate::runtime_metrics::RuntimeMetrics;

#[derive(Clone)]
struct Shown {
    prometheus: PrometheusHandle,
    runtime: Arc<RuntimeMetrics>,
}

/// `/metrics` and nothing else, for a process that has no other routes.
pub fn metrics_router(prometheus: PrometheusHandle, clock: Clock) -> Router {
    let runtime = Arc::new(RuntimeMetrics::new(clock));
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(Shown {
            prometheus,
            runtime,
        })
}

async fn metrics(State(shown): State<Shown>) -> ([(HeaderName, &'static str); 1], String) {
    shown.runtime.sample();
    ([(CONTENT_TYPE, TEXT_FORMAT)], shown.prometheus.render())
}
