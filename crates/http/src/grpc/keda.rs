//! KEDA's external scaler over the queue: how many replicas of a worker there should be.
//!
//! Every call is answered from what was seen by the last look at the database, of which there is one every `look_ms`, however
//! many ask. The one metric is the number of replicas that the load needs, by the formula of
//! [`stanchion_jobs::autoscale`], with 1 as its target.

mod board;
mod calls;
mod description;
pub mod messages;
mod wish;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use serde::Deserialize;
use stanchion_jobs::load::Lookout;
use stanchion_jobs::port::Port;
use stanchion_kernel::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic_health::server::health_reporter;

use super::gate::{self, Gate, pass};
use super::{health, reflection, unknown};
use crate::listener::{Drained, Listener};
use board::{Board, Known};
use wish::Wish;

const REFUSED: &str = "stanchion_keda_refused_total";

/// The bounds of the service. Connections, their streams, headers and idle time are bounded by the listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KedaConfig {
    /// How often the load is looked at.
    pub look_ms: u64,
    /// Figures older than this are not told: calls fail with `UNAVAILABLE`.
    pub stale_ms: u64,
    /// The most different sets of settings that are reckoned with; one more is refused.
    pub max_wishes: usize,
    /// The largest message of a request, in bytes.
    pub max_message_bytes: usize,
    /// The most calls being answered at a time; one more is refused with `RESOURCE_EXHAUSTED` at once. 1 or more.
    pub max_in_flight: usize,
    /// The most streams, and calls of health and reflection, at a time, refused in the same way. 1 or more.
    pub max_watchers: usize,
    /// The longest that an answer may take to begin, from the first byte of the request; then it is `DEADLINE_EXCEEDED`.
    pub timeout_ms: u64,
}

impl Default for KedaConfig {
    fn default() -> Self {
        Self {
            look_ms: 1_000,
            stale_ms: 30_000,
            max_wishes: 256,
            max_message_bytes: 64 * 1024,
            max_in_flight: 64,
            max_watchers: 256,
            timeout_ms: 2_000,
        }
    }
}

/// The external scaler. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keda(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    port: Arc<dyn Port>,
    clock: Clock,
    config: KedaConfig,
    board: Board,
    stop: CancellationToken,
}

impl Keda {
    /// A scaler over a queue, until `stop`.
    #[must_use]
    pub fn new(
        port: Arc<dyn Port>,
        clock: Clock,
        config: KedaConfig,
        stop: CancellationToken,
    ) -> Self {
        gate::describe(REFUSED);
        calls::describe();
        Self(Arc::new(Inner {
            port,
            clock,
            board: Board::new(&config),
            config,
            stop,
        }))
    }

    /// Serves until `stop`, then lets calls in flight finish, as [`Listener::serve`] does; streams end.
    pub async fn serve(self, listener: Listener) -> Drained {
        let stop = self.0.stop.clone();
        let (reporter, health) = health_reporter();
        health::begin(&reporter, messages::SERVICE).await;
        let timeout = Duration::from_millis(self.0.config.timeout_ms);
        let watched = Gate::new(self.0.config.max_watchers, timeout, REFUSED);
        let files = description::files();
        let streams = Router::new()
            .route(messages::STREAM_IS_ACTIVE, post(calls::stream_is_active))
            .with_state(self.clone())
            .route_service("/grpc.health.v1.Health/{method}", health)
            .merge(reflection::router(&files, self.0.config.max_message_bytes))
            .layer(from_fn_with_state(watched, pass));
        let asked = Gate::new(self.0.config.max_in_flight, timeout, REFUSED);
        let router = Router::new()
            .route(messages::IS_ACTIVE, post(calls::is_active))
            .route(messages::GET_METRIC_SPEC, post(calls::get_metric_spec))
            .route(messages::GET_METRICS, post(calls::get_metrics))
            .layer(from_fn_with_state(asked, pass))
            .with_state(self.clone())
            .merge(streams)
            .fallback(unknown);
        let (drained, (), _) = tokio::join!(
            listener.serve(router, stop.clone()),
            health::end(reporter, messages::SERVICE, stop.clone(), stop.clone()),
            stop.run_until_cancelled(self.look())
        );
        drained
    }

    /// Looks at the load, for ever.
    async fn look(&self) {
        let mut lookout = Lookout::new(Arc::clone(&self.0.port), self.0.clock.clone());
        loop {
            match lookout.look().await {
                Ok(loads) => self.0.board.put_up(loads),
                Err(error) => tracing::warn!(%error, "the load of the queues is not known"),
            }
            tokio::time::sleep(Duration::from_millis(self.0.config.look_ms)).await;
        }
    }

    fn read(&self, wish: &Wish) -> Result<Known, Status> {
        self.0.board.read(wish, self.0.clock.monotonic())
    }

    fn looks(&self) -> watch::Receiver<()> {
        self.0.board.looks()
    }

    fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    fn config(&self) -> &KedaConfig {
        &self.0.config
    }
}
