use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderName, HeaderValue, Version};
use axum::response::Response;
use tracing::Span;
use tracing::field::Empty;

use super::request_id::{self, RequestId};
use super::{Manner, Route, Shared};
use crate::problem::{self, Problem};
use crate::trace_context::{TraceContext, TraceText};

const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// One request on its way through the envelope.
///
/// When it is dropped unfinished, the client has gone: that is counted.
pub(super) struct Visit {
    shared: Arc<Shared>,
    route: Arc<Route>,
    started: Duration,
    id: RequestId,
    pub(super) trace: TraceText,
    finished: bool,
    pub(super) span: Span,
    pub(super) client: IpAddr,
}

impl Visit {
    pub(super) fn begin(shared: &Arc<Shared>, route: &Arc<Route>, request: &Request) -> Self {
        let headers = request.headers();
        let id = RequestId::of(headers, &shared.ids);
        let context = TraceContext::of(headers, &shared.trace_ids);
        let trace = context.text();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        let client = shared.proxies.client(peer, headers);
        let span = tracing::info_span!(
            "http.request",
            otel.name = route.span_name,
            otel.kind = "server",
            http.request.method = request.method().as_str(),
            http.route = route.path,
            http.response.status_code = Empty,
            url.path = request.uri().path(),
            client.address = %client,
            user_agent.original = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()),
            network.protocol.version = version(request.version()),
            error.type = Empty,
            trace_id = trace.trace_id(),
            request_id = id.as_str(),
        );
        if let Some(adopt) = shared.adopt {
            adopt(&span, &context);
        }
        Self {
            started: shared.clock.monotonic(),
            shared: Arc::clone(shared),
            route: Arc::clone(route),
            id,
            trace,
            finished: false,
            span,
            client,
        }
    }

    /// Measures and logs the answer, and adds what every answer has.
    pub(super) fn finish(mut self, mut response: Response) -> Response {
        self.finished = true;
        let problem = take_problem(&mut response);
        let took = self.shared.clock.monotonic().saturating_sub(self.started);
        self.route.metrics.record(response.status(), took);
        self.span
            .record("http.response.status_code", response.status().as_u16());
        if let Some(problem) = &problem {
            self.span.record("error.type", problem.kind().name());
            *response.body_mut() = Body::from(problem.to_json(self.id.as_str()));
        }
        self.log(&response, problem.as_ref(), took);
        let headers = response.headers_mut();
        headers.insert(request_id::FIELD, self.id.header());
        if let Some(trace) = self.trace.header() {
            headers.insert(TRACE_RESPONSE, trace);
        }
        self.shared.security.add(headers);
        response
    }

    fn log(&self, response: &Response, problem: Option<&Problem>, took: Duration) {
        let _inside = self.span.enter();
        let status = response.status().as_u16();
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let detail = problem.and_then(Problem::detail_text);
        if response.status().is_server_error() {
            tracing::warn!(status, duration_ms, detail, "request failed");
        } else if took > self.shared.config.slow_request() && self.route.manner != Manner::Waiting {
            tracing::info!(status, duration_ms, detail, "request was slow");
        } else {
            tracing::debug!(status, duration_ms, detail, "request");
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.finished {
            self.shared.metrics.abandoned.increment(1);
        }
    }
}

/// The problem of an error answer. One that the framework made becomes a problem with the same status and headers.
fn take_problem(response: &mut Response) -> Option<Problem> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    let problem = Problem::new(problem::of_status(status));
    *response.status_mut() = problem.kind().status();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
    Some(problem)
}

/// As OpenTelemetry's `network.protocol.version` writes it.
fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
