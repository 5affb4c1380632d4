//! The gRPC surface: Envoy's rate limit service over the limiter, and KEDA's external scaler over the queue, each with
//! reflection and health.
//!
//! ```no_run
//! use stanchion_http::grpc::{RateLimit, RateLimitConfig, Rule, RuleEntry, Rules};
//! use stanchion_http::{HttpConfig, Listener};
//! use stanchion_limiter::Limiter;
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn serve(limiter: Limiter, stop: CancellationToken) -> Result<(), Box<dyn std::error::Error>> {
//! let by_address = Rule {
//!     domain: "shop".to_owned(),
//!     entries: vec![RuleEntry { key: "remote_address".to_owned(), value: None }],
//!     limit: "addresses".to_owned(),
//!     by: None,
//! };
//! let service = RateLimit::new(limiter, Rules::new(vec![by_address])?, RateLimitConfig::default());
//! let listener = Listener::bind("127.0.0.1:8081".parse()?, &HttpConfig::default()).await?;
//! service.serve(listener, stop.clone(), stop).await;
//! # Ok(())
//! # }
//! ```

mod gate;
mod health;
pub mod keda;
pub mod messages;
mod question;
mod reflection;
mod rules;
mod should_rate_limit;
mod status;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use stanchion_limiter::Limiter;
use stanchion_limiter::port::MAX_ASKS;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic_health::server::health_reporter;

use crate::listener::{Drained, Listener};
use gate::{Gate, pass};

pub use rules::{InvalidRules, MAX_RULE_ENTRIES, MAX_RULES, Rule, RuleEntry, Rules};

/// Counts the calls that were refused.
const REFUSED: &str = "stanchion_rls_refused_total";

/// The bounds of the service. Connections, their streams, headers and idle time are bounded by the listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// The largest message of a request, in bytes.
    pub max_message_bytes: usize,
    /// The most descriptors of a request; what the limiter takes in one call, 16, bounds it too.
    pub max_descriptors: usize,
    /// The most entries of a descriptor.
    pub max_entries: usize,
    /// The longest domain, key or value, in bytes.
    pub max_text_bytes: usize,
    /// The most requests being answered at a time; one more is refused with `RESOURCE_EXHAUSTED` at once. 1 or more.
    pub max_in_flight: usize,
    /// The most calls of health and reflection at a time, streams among them, refused in the same way. 1 or more.
    pub max_watchers: usize,
    /// The longest that an answer may take, from the first byte of the request; then it is `DEADLINE_EXCEEDED`.
    pub timeout_ms: u64,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            max_message_bytes: 64 * 1024,
            max_descriptors: MAX_ASKS,
            max_entries: MAX_RULE_ENTRIES,
            max_text_bytes: 4 * 1024,
            max_in_flight: 1_024,
            max_watchers: 256,
            timeout_ms: 2_000,
        }
    }
}

impl RateLimitConfig {
    fn descriptors(&self) -> usize {
        self.max_descriptors.min(MAX_ASKS)
    }
}

/// Envoy's rate limit service. Cheap to clone.
///
/// * All descriptors of a request are admitted, or none; two that are about one bucket cost their sum.
/// * A descriptor that no rule is for is not limited.
/// * A cost beyond the burst is `OVER_LIMIT`, and takes nothing.
/// * A limit that a descriptor brings along (`limit`) is ignored: the limits of this server hold.
/// * When no answer can be given the call fails, with `UNAVAILABLE` where the buckets are out of reach, and the proxy decides
///   by its `failure_mode_deny`.
#[derive(Clone, Debug)]
pub struct RateLimit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limiter: Limiter,
    rules: Rules,
    config: RateLimitConfig,
}

impl RateLimit {
    /// A service that asks `limiter` by `rules`.
    #[must_use]
    pub fn new(limiter: Limiter, rules: Rules, config: RateLimitConfig) -> Self {
        gate::describe(REFUSED);
        should_rate_limit::describe();
        Self(Arc::new(Inner {
            limiter,
            rules,
            config,
        }))
    }

    /// Serves until `stop`, then lets calls in flight finish, as [`Listener::serve`] does.
    ///
    /// From the moment of `draining`, and at `stop` at the latest, health is `NOT_SERVING`, so that balancers send their
    /// calls elsewhere; they are still answered.
    pub async fn serve(
        self,
        listener: Listener,
        draining: CancellationToken,
        stop: CancellationToken,
    ) -> Drained {
        let (reporter, health) = health_reporter();
        health::begin(&reporter, messages::SERVICE).await;
        let watched = Gate::new(self.0.config.max_watchers, self.timeout(), REFUSED);
        let described = Router::new()
            .route_service("/grpc.health.v1.Health/{method}", health)
            .merge(reflection::router(
                &reflection::files(),
                self.0.config.max_message_bytes,
            ))
            .layer(from_fn_with_state(watched, pass));
        let asked = Gate::new(self.0.config.max_in_flight, self.timeout(), REFUSED);
        let router = Router::new()
            .route(
                messages::SHOULD_RATE_LIMIT,
                post(should_rate_limit::should_rate_limit),
            )
            .layer(from_fn_with_state(asked, pass))
            .with_state(self)
            .merge(described)
            .fallback(unknown);
        let (drained, ()) = tokio::join!(
            listener.serve(router, stop.clone()),
            health::end(reporter, messages::SERVICE, draining, stop)
        );
        drained
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.0.config.timeout_ms)
    }

    fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    fn rules(&self) -> &Rules {
        &self.0.rules
    }

    fn config(&self) -> &RateLimitConfig {
        &self.0.config
    }
}

async fn unknown() -> Response {
    Status::unimplemented("there is no such method").into_http()
}
