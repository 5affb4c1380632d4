//! The HTTP surface: its settings, the routes, the listeners.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use stanchion_catalog::Catalog;
use stanchion_http::auth::Authenticator;
use stanchion_http::grpc::{RateLimit, RateLimitConfig, Rules};
use stanchion_http::{AuthConfig, Drained, Draining, HttpConfig, Listener, Services, Surface};
use stanchion_limiter::Limiter;
use stanchion_stock::Stock;
use stanchion_store::Store;
use stanchion_store::keys::Keys;
use tokio_util::sync::CancellationToken;

use super::jobs::Queues;
use super::limits::Limits;
use super::stock::CatalogAssortment;
use crate::commands::Session;
use crate::config::{self, AuthSection, LimiterSection, ServerSection};
use crate::pictures::Gallery;
use crate::telemetry::Telemetry;

/// The listeners, bound; they accept from here on and are served by [`Listening::serve`].
pub(crate) struct Listening {
    api: Listener,
    metrics: Option<Listener>,
    envoy: Option<(Listener, Rules)>,
    /// Where the API listens, with the port that the system chose.
    pub(crate) address: SocketAddr,
    /// Where `/metrics` listens when it has a listener of its own.
    pub(crate) metrics_address: Option<SocketAddr>,
    /// Where Envoy's rate limit service listens, when it does.
    pub(crate) envoy_address: Option<SocketAddr>,
    /// Whether the API speaks TLS.
    pub(crate) tls: bool,
}

impl Listening {
    /// Binds first, so that a taken address is known before the database is touched.
    pub(crate) async fn bind(
        section: &ServerSection,
        limiter: &LimiterSection,
    ) -> anyhow::Result<Self> {
        let settings = http_config(section);
        let api = Listener::bind(section.listen, &settings).await?;
        let plain = HttpConfig {
            tls_certificate: None,
            tls_key: None,
            ..settings.clone()
        };
        let metrics = match section.metrics_listen {
            Some(address) => Some(Listener::bind(address, &plain).await?),
            None => None,
        };
        let envoy = match limiter.envoy_listen {
            Some(address) => {
                let rules = Rules::new(limiter.envoy_rules.clone())?;
                Some((Listener::bind(address, &plain).await?, rules))
            }
            None => None,
        };
        let envoy_listener = envoy.as_ref().map(|(listener, _)| listener);
        Ok(Self {
            envoy_address: envoy_listener.map(Listener::local_addr).transpose()?,
            envoy,
            address: api.local_addr()?,
            metrics_address: metrics.as_ref().map(Listener::local_addr).transpose()?,
            tls: settings.tls(),
            api,
            metrics,
        })
    }

    /// Serves until `stop`, then drains.
    pub(crate) async fn serve(
        self,
        surface: Surface,
        limiter: Limiter,
        stop: CancellationToken,
    ) -> Drained {
        // Metrics stay readable while the API drains, and end right after it.
        let drained = CancellationToken::new();
        let metrics = async {
            if let Some(listener) = self.metrics {
                listener
                    .serve(surface.metrics_router, drained.clone())
                    .await;
            }
        };
        let envoy = async {
            if let Some((listener, rules)) = self.envoy {
                let service = RateLimit::new(limiter, rules, RateLimitConfig::default());
                service.serve(listener, stop.clone(), stop.clone()).await;
            }
        };
        let api = async {
            let how = self.api.serve(surface.router, stop.clone()).await;
            drained.cancel();
            how
        };
        tokio::join!(api, metrics, envoy).0
    }
}

/// Puts the routes on store and catalogue.
pub(crate) fn surface(
    session: &Session,
    telemetry: &Telemetry,
    (store, stock, jobs, gallery): (&Store, Stock, &Queues, &Gallery),
    (auth, limits): (Authenticator, Limits),
    draining: Draining,
) -> anyhow::Result<Surface> {
    let catalog = Catalog::new(store, session.ids.clone());
    let assortment = CatalogAssortment::new(catalog.clone(), session.clock.clone());
    let services = Services {
        store: store.clone(),
        catalog,
        stock,
        jobs: jobs.jobs.clone(),
        desk: jobs.desk.clone(),
        assortment: Arc::new(assortment),
        pictures: Arc::new(gallery.clone()),
        auth,
        limits: limits.registry,
        route_limits: limits.in_front,
        prometheus: telemetry.metrics().clone(),
        draining,
        clock: session.clock.clone(),
        entropy: session.entropy.clone(),
        adopt_context: telemetry.adopt_context(),
    };
    let section = &session.config.server;
    let apart = section.metrics_listen.is_some();
    Surface::new(http_config(section), services, apart).map_err(anyhow::Error::msg)
}

/// Who may call.
pub(crate) async fn authenticator(
    session: &Session,
    store: &Store,
) -> anyhow::Result<Authenticator> {
    let keys = Keys::new(store, session.ids.clone());
    let settings = auth_config(&session.config.auth);
    let auth = Authenticator::open(&settings, keys, session.clock.clone()).await;
    auth.context("`auth.jwks` cannot be used")
}

fn http_config(section: &ServerSection) -> HttpConfig {
    let section = section.clone();
    HttpConfig {
        tls_certificate: section.tls_certificate,
        tls_key: section.tls_key,
        max_connections: section.max_connections,
        header_read_timeout_ms: section.header_read_timeout_ms,
        idle_timeout_ms: section.idle_timeout_ms,
        max_header_bytes: section.max_header_bytes,
        max_headers: section.max_headers,
        http2_max_streams: section.http2_max_streams,
        max_in_flight: section.max_in_flight,
        max_streams: section.max_streams,
        max_downloads: section.max_downloads,
        max_body_bytes: section.max_body_bytes,
        body_read_timeout_ms: section.body_read_timeout_ms,
        request_timeout_ms: section.request_timeout_ms,
        drain_timeout_ms: section.drain_timeout_ms,
        slow_request_ms: section.slow_request_ms,
        product_max_age_seconds: section.product_max_age_seconds,
        idempotency_keep_seconds: section.idempotency_keep_seconds,
        trusted_proxies: section.trusted_proxies,
        forwarded_header: match section.forwarded_header {
            config::ForwardedHeader::XForwardedFor => {
                stanchion_http::ForwardedHeader::XForwardedFor
            }
            config::ForwardedHeader::Forwarded => stanchion_http::ForwardedHeader::Forwarded,
        },
        cors_origins: section.cors_origins,
        cors_max_age_seconds: section.cors_max_age_seconds,
        hsts_seconds: section.hsts_seconds,
    }
}

fn auth_config(section: &AuthSection) -> AuthConfig {
    let section = section.clone();
    AuthConfig {
        anonymous_read: section.anonymous_read,
        jwks: section.jwks,
        issuer: section.issuer,
        audience: section.audience,
        leeway_seconds: section.leeway_seconds,
        jwks_refresh_seconds: section.jwks_refresh_seconds,
        jwks_unknown_kid_seconds: section.jwks_unknown_kid_seconds,
    }
}
