use std::fmt;

use serde_json::Value;
use stanchion_kernel::Clock;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::line::Line;
use super::queue::LogSender;
use crate::config::LogFormat;

/// The span fields that every line inside the span repeats. More would cost every request for the sake of few lines.
const CONTEXT_FIELDS: &[&str] = &[
    "trace_id",
    "request_id",
    "http.request.method",
    "http.route",
    "task",
];

/// Writes events as log lines.
pub(super) struct LogLayer {
    format: LogFormat,
    clock: Clock,
    out: LogSender,
}

impl LogLayer {
    pub(super) fn new(format: LogFormat, clock: Clock, out: LogSender) -> Self {
        Self { format, clock, out }
    }
}

/// The context fields of one span.
#[derive(Default)]
struct SpanContext(Vec<(&'static str, String)>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = SpanContext::default();
        attributes.record(&mut fields);
        if let (false, Some(span)) = (fields.0.is_empty(), context.span(id)) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = SpanContext::default();
        values.record(&mut fields);
        if let (false, Some(span)) = (fields.0.is_empty(), context.span(id)) {
            let mut extensions = span.extensions_mut();
            match extensions.get_mut::<SpanContext>() {
                Some(known) => known.0.append(&mut fields.0),
                None => extensions.insert(fields),
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let mut inside = Vec::new();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(known) = span.extensions().get::<SpanContext>() {
                inside.extend(known.0.iter().cloned());
            }
        }
        let metadata = event.metadata();
        let line = Line {
            at: self.clock.now(),
            level: *metadata.level(),
            target: metadata.target(),
            message: &fields.message,
            fields: &fields.others,
            context: &inside,
        };
        self.out.send(line.format(self.format));
    }
}

impl Visit for SpanContext {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(name) = CONTEXT_FIELDS.iter().find(|name| **name == field.name()) {
            self.0.push((name, format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(name) = CONTEXT_FIELDS.iter().find(|name| **name == field.name()) {
            self.0.push((name, value.to_owned()));
        }
    }
}

/// The message of an event and its other fields, with their types.
#[derive(Default)]
struct EventFields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl EventFields {
    fn put(&mut self, field: &Field, value: Value) {
        self.others.push((field.name(), value));
    }
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.put(field, value.into());
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, value.to_string().into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}
