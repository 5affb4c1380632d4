use std::sync::OnceLock;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

const STATUSES: usize = 500;

/// Rate, errors and duration of one route. Handles are looked up once and kept.
pub(crate) struct RouteMetrics {
    method: &'static str,
    route: String,
    duration: Histogram,
    by_status: Box<[OnceLock<Counter>]>,
}

impl RouteMetrics {
    pub(crate) fn new(method: &'static str, route: &str) -> Self {
        let route = route.to_owned();
        let labels = [("method", method.to_owned()), ("route", route.clone())];
        let duration = histogram!("stanchion_http_request_duration_seconds", &labels);
        let by_status = (0..STATUSES).map(|_| OnceLock::new()).collect();
        Self {
            method,
            route,
            duration,
            by_status,
        }
    }

    pub(crate) fn record(&self, status: StatusCode, took: Duration) {
        self.duration.record(took.as_secs_f64());
        let place = usize::from(status.as_u16().saturating_sub(100)).min(STATUSES - 1);
        self.by_status[place]
            .get_or_init(|| self.counter(status))
            .increment(1);
    }

    fn counter(&self, status: StatusCode) -> Counter {
        let labels = [
            ("method", self.method.to_owned()),
            ("route", self.route.clone()),
            ("status", status.as_str().to_owned()),
        ];
        counter!("stanchion_http_requests_total", &labels)
    }
}

/// What is counted over all routes.
pub(crate) struct SharedMetrics {
    pub(crate) in_flight: Gauge,
    pub(crate) streams: Gauge,
    pub(crate) downloads: Gauge,
    pub(crate) refused: Counter,
    pub(crate) abandoned: Counter,
    pub(crate) panics: Counter,
}

impl SharedMetrics {
    pub(crate) fn new() -> Self {
        describe();
        Self {
            in_flight: gauge!("stanchion_http_requests_in_flight"),
            streams: gauge!("stanchion_http_streams_in_flight"),
            downloads: gauge!("stanchion_http_downloads_in_flight"),
            refused: counter!("stanchion_http_requests_refused_total", "reason" => "overloaded"),
            abandoned: counter!("stanchion_http_requests_abandoned_total"),
            panics: counter!("stanchion_http_panics_total"),
        }
    }
}

fn describe() {
    describe_counter!(
        "stanchion_http_requests_total",
        Unit::Count,
        "Requests answered, by method, route and status"
    );
    describe_histogram!(
        "stanchion_http_request_duration_seconds",
        Unit::Seconds,
        "Time until the head of the answer, by method and route"
    );
    describe_gauge!(
        "stanchion_http_requests_in_flight",
        Unit::Count,
        "Requests being answered; `server.max_in_flight` is the most"
    );
    describe_gauge!(
        "stanchion_http_streams_in_flight",
        Unit::Count,
        "Imports and exports under way; `server.max_streams` is the most"
    );
    describe_gauge!(
        "stanchion_http_downloads_in_flight",
        Unit::Count,
        "Renditions being sent; `server.max_downloads` is the most"
    );
    describe_counter!(
        "stanchion_http_requests_refused_total",
        Unit::Count,
        "Requests refused because there was too much to do"
    );
    describe_counter!(
        "stanchion_http_requests_abandoned_total",
        Unit::Count,
        "Requests whose client went away before the answer"
    );
    describe_counter!(
        "stanchion_http_panics_total",
        Unit::Count,
        "Handlers that panicked and were answered with 500"
    );
}
