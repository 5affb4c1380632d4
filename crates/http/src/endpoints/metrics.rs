use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};

use crate::app::App;

pub(crate) const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Metrics in the text form of Prometheus
#[utoipa::path(get, path = "/metrics", tag = "service", responses(
    (status = 200, description = "All metrics", body = String, content_type = "text/plain"),
))]
pub(crate) async fn metrics(State(app): State<App>) -> ([(HeaderName, &'static str); 1], String) {
    app.runtime.sample();
    ([(CONTENT_TYPE, TEXT_FORMAT)], app.prometheus.render())
}
