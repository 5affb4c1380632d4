use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData,
};
use tokio::runtime::Handle;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::registry::LookupSpan;

use super::TelemetryError;
use super::adopt::RequestIds;
use crate::config::TelemetrySection;

/// Spans that may wait for the collector; more are dropped.
const QUEUE_SPANS: usize = 4096;
/// The longest that one batch may take on its way.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends spans to a collector until it is stopped.
#[derive(Debug)]
pub(super) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Sends what is left, within `within`.
    pub(super) fn stop(&self, within: Duration) {
        if let Err(error) = self.0.shutdown_with_timeout(within) {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

/// The layer that exports spans, when the configuration asks for it.
pub(super) fn layer<S>(
    section: &TelemetrySection,
) -> Result<Option<(impl Layer<S> + use<S>, Exporter)>, TelemetryError>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let Some(endpoint) = &section.otlp_export else {
        return Ok(None);
    };
    let provider = provider(endpoint, section)?;
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("stanchion"))
        .with_location(false)
        .with_threads(false)
        .with_filter(LevelFilter::INFO);
    Ok(Some((layer, Exporter(provider))))
}

fn provider(
    endpoint: &str,
    section: &TelemetrySection,
) -> Result<SdkTracerProvider, TelemetryError> {
    let failed = |error: &dyn std::fmt::Display| TelemetryError::Export(error.to_string());
    let handle = Handle::try_current().map_err(|error| failed(&error))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| failed(&error))?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SPANS)
        .build();
    let processor = BatchSpanProcessor::builder(OnRuntime {
        exporter: exporter.into(),
        handle,
    })
    .with_batch_config(batches)
    .build();
    let share = f64::from(section.otlp_sample_percent) / 100.0;
    let resource = Resource::builder()
        .with_service_name(section.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_id_generator(RequestIds::default())
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            share,
        ))))
        .with_resource(resource)
        .with_span_processor(processor)
        .build())
}

/// An exporter whose work runs on the Tokio runtime: the batch processor has a thread of its own, without one.
#[derive(Debug)]
struct OnRuntime {
    exporter: std::sync::Arc<SpanExporter>,
    handle: Handle,
}

impl opentelemetry_sdk::trace::SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exporter = std::sync::Arc::clone(&self.exporter);
        let export = self
            .handle
            .spawn(async move { exporter.export(batch).await });
        export
            .await
            .unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())))
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(exporter) = std::sync::Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}
