use std::cell::Cell;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use stanchion_http::TraceContext;
use stanchion_jobs::Traceparent;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

thread_local! {
    /// The ids of the request whose span is being started on this thread.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Gives the exported span of a request the ids that its log lines and its answer have, and the caller's as its parent.
pub(super) fn adopt(span: &Span, context: &TraceContext) {
    let trace = TraceId::from_bytes(context.trace_id);
    NEXT.set(Some((trace, SpanId::from_bytes(context.span_id))));
    let parent = context.parent_id.map(|parent| {
        let flags = if context.sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::default()
        };
        let state = context.state.as_ref().and_then(|state| state.to_str().ok());
        let state: TraceState = state
            .and_then(|state| state.parse().ok())
            .unwrap_or_default();
        SpanContext::new(trace, SpanId::from_bytes(parent), flags, true, state)
    });
    if let Some(parent) = parent {
        // It fails only for a span that is filtered out, and then there is nothing to export.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    // Asking for its context starts the span, here, where its ids are known.
    let _ = span.context();
    NEXT.set(None);
}

/// Has the exported span of a job's attempt continue the trace of who enqueued it.
pub(super) fn adopt_job(span: &Span, parent: &Traceparent) {
    let mut parts = parent.as_str().split('-').skip(1);
    let mut part = || parts.next().unwrap_or_default();
    let (trace, caller) = (TraceId::from_hex(part()), SpanId::from_hex(part()));
    let sampled = u8::from_str_radix(part(), 16).is_ok_and(|flags| flags & 1 == 1);
    let (Ok(trace), Ok(caller)) = (trace, caller) else {
        return;
    };
    let flags = if sampled {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::default()
    };
    let caller = SpanContext::new(trace, caller, flags, true, TraceState::default());
    // It fails only for a span that is filtered out, and then there is nothing to export.
    let _ = span.set_parent(Context::new().with_remote_span_context(caller));
}

/// Takes the ids of a request where there is one, and random ones elsewhere.
#[derive(Debug, Default)]
pub(super) struct RequestIds(RandomIdGenerator);

impl IdGenerator for RequestIds {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get()
            .map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get()
            .map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}
