use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::HeaderValue;
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use stanchion_catalog::Catalog;
use stanchion_jobs::Jobs;
use stanchion_jobs::desk::Desk;
use stanchion_limiter::registry::Registry;
use stanchion_stock::Stock;
use stanchion_store::Store;
use stanchion_store::keys::Keys;
use tokio::sync::Semaphore;

use crate::assortment::Assortment;
use crate::body::BodyLimits;
use crate::pictures::Pictures;
use crate::runtime_metrics::RuntimeMetrics;

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) catalog: Catalog,
    pub(crate) stock: Stock,
    pub(crate) assortment: Arc<dyn Assortment>,
    pub(crate) pictures: Arc<dyn Pictures>,
    pub(crate) jobs: Jobs,
    pub(crate) desk: Desk,
    /// Places for replays that are under way.
    pub(crate) replays: Arc<Semaphore>,
    /// The longest that a claim waits.
    pub(crate) longest_claim: Duration,
    pub(crate) keys: Keys,
    pub(crate) limits: Registry,
    pub(crate) prometheus: PrometheusHandle,
    pub(crate) runtime: RuntimeMetrics,
    pub(crate) document: Bytes,
    pub(crate) draining: Draining,
    pub(crate) body_limits: BodyLimits,
    pub(crate) public_caching: HeaderValue,
    pub(crate) idempotency_keep: Duration,
    pub(crate) anonymous_read: bool,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Set once, when the server begins to stop: readiness ends, so that balancers send nothing more.
#[derive(Clone, Debug, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// Says that the server is stopping.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the server is stopping.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
