//! Logs, metrics and traces of this process.

#[cfg(feature = "otlp")]
mod adopt;
#[cfg(feature = "otlp")]
mod export;
mod layer;
mod line;
mod panics;
mod queue;
mod recorder;

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use stanchion_http::AdoptContext;
use stanchion_jobs::Adopt as AdoptJob;
use stanchion_kernel::Clock;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{FilterExt as _, ParseError, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::TelemetrySection;
use layer::LogLayer;
pub use line::Line;
use queue::LogQueue;

/// What keeps telemetry alive: logs are written, metrics recorded and spans exported until [`Telemetry::stop`].
#[derive(Debug)]
pub struct Telemetry {
    metrics: PrometheusHandle,
    queue: LogQueue,
    #[cfg(feature = "otlp")]
    exporter: Option<export::Exporter>,
}

/// Telemetry cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// `telemetry.level` is not a level and not a list of directives.
    #[error("`telemetry.level` cannot be read: {0}")]
    Level(#[from] ParseError),
    /// Another subscriber or recorder is installed in this process.
    #[error("telemetry is installed already: {0}")]
    Installed(String),
    /// The log's thread cannot be started.
    #[error("the log cannot be written: {0}")]
    Log(#[from] std::io::Error),
    /// Spans cannot be exported.
    #[error("`telemetry.otlp_export` cannot be used: {0}")]
    Export(String),
}

/// How long the last lines and spans may take to leave at the end.
const FLUSH: Duration = Duration::from_secs(2);

impl Telemetry {
    /// Installs logs, metrics, traces and the panic hook for this process.
    ///
    /// Needs a Tokio runtime when spans are exported, since it carries the export.
    ///
    /// # Errors
    /// For a filter that cannot be read, an export that was not built in or is not possible, and at a second call.
    pub fn install(section: &TelemetrySection, clock: Clock) -> Result<Self, TelemetryError> {
        let filter: Targets = section.level.parse()?;
        let metrics = recorder::install()?;
        let queue = LogQueue::start(section.log_queue_lines)?;
        // Spans are kept at every level, since a warning needs the trace id of its request too.
        let filter = filter.or(filter_fn(|event| {
            event.is_span() && *event.level() <= Level::INFO
        }));
        let log = LogLayer::new(section.log, clock, queue.sender()).with_filter(filter);
        let registry = tracing_subscriber::registry();
        #[cfg(feature = "otlp")]
        let (registry, exporter) = {
            let (layer, exporter) = export::layer(section)?.unzip();
            (registry.with(layer), exporter)
        };
        #[cfg(not(feature = "otlp"))]
        refuse_export(section)?;
        registry
            .with(log)
            .try_init()
            .map_err(|error| TelemetryError::Installed(error.to_string()))?;
        panics::log_them();
        Ok(Self {
            metrics,
            queue,
            #[cfg(feature = "otlp")]
            exporter,
        })
    }

    /// The metrics, for `/metrics`.
    #[must_use]
    pub fn metrics(&self) -> &PrometheusHandle {
        &self.metrics
    }

    /// What the HTTP surface calls for every request, so that its span continues the caller's trace when it is exported.
    #[must_use]
    pub fn adopt_context(&self) -> Option<AdoptContext> {
        #[cfg(feature = "otlp")]
        if self.exporter.is_some() {
            return Some(adopt::adopt);
        }
        None
    }

    /// What a worker calls for every attempt, so that its span continues the trace of who enqueued the job.
    #[must_use]
    pub fn adopt_job(&self) -> Option<AdoptJob> {
        #[cfg(feature = "otlp")]
        if self.exporter.is_some() {
            return Some(adopt::adopt_job);
        }
        None
    }

    /// Lets the last spans and lines out, within two seconds each.
    pub fn stop(self) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = &self.exporter {
            exporter.stop(FLUSH);
        }
        self.queue.flush(FLUSH);
    }
}

#[cfg(not(feature = "otlp"))]
fn refuse_export(section: &TelemetrySection) -> Result<(), TelemetryError> {
    match section.otlp_export {
        Some(_) => Err(TelemetryError::Export(
            "this binary was built without the feature `otlp`".to_owned(),
        )),
        None => Ok(()),
    }
}
