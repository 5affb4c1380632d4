use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use axum::http::{HeaderName, HeaderValue, Method};
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use stanchion_catalog::Catalog;
use stanchion_jobs::Jobs;
use stanchion_jobs::desk::Desk;
use stanchion_kernel::{Clock, Entropy};
use stanchion_limiter::registry::Registry;
use stanchion_limiter::tower::{POLICY, STATE};
use stanchion_stock::Stock;
use stanchion_store::Store;
use tokio::sync::Semaphore;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::api::{Api, RouteInfo};
use crate::app::{App, Draining, Parts};
use crate::assortment::Assortment;
use crate::auth::Authenticator;
use crate::body::BodyLimits;
use crate::config::HttpConfig;
use crate::envelope::{AdoptContext, Shared};
use crate::limits::RouteLimit;
use crate::pictures::Pictures;
use crate::router;
use crate::runtime_metrics::RuntimeMetrics;

/// The most replays of dead letters under way at once.
const REPLAYS: usize = 4;

/// What the surface stands on. Install the metrics recorder before it is built: metric handles are made once.
pub struct Services {
    /// The database.
    pub store: Store,
    /// The catalogue in it.
    pub catalog: Catalog,
    /// The stock in it.
    pub stock: Stock,
    /// The jobs in it.
    pub jobs: Jobs,
    /// Where workers get their jobs over HTTP.
    pub desk: Desk,
    /// What is for sale.
    pub assortment: Arc<dyn Assortment>,
    /// Pictures, and what they were rendered to.
    pub pictures: Arc<dyn Pictures>,
    /// Who may call.
    pub auth: Authenticator,
    /// The limits that clients may ask.
    pub limits: Registry,
    /// The limits in front of the routes, asked of the limiter of `limits`.
    pub route_limits: Vec<RouteLimit>,
    /// Renders `/metrics`.
    pub prometheus: PrometheusHandle,
    /// Set when the server stops.
    pub draining: Draining,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Told of every request's span and trace.
    pub adopt_context: Option<AdoptContext>,
}

/// An entry of `cors_origins` is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin such as https://shop.example")]
pub struct NotAnOrigin(pub String);

/// Everything that is served.
pub struct Surface {
    /// The public routes.
    pub router: Router,
    /// `/metrics` alone, for a listener of its own.
    pub metrics_router: Router,
    /// The public routes, as a list.
    pub routes: Vec<RouteInfo>,
}

impl Surface {
    /// Puts the routes together. With `metrics_apart`, `/metrics` is not among the public ones.
    ///
    /// # Errors
    /// When an origin of `cors_origins` is none.
    pub fn new(
        config: HttpConfig,
        services: Services,
        metrics_apart: bool,
    ) -> Result<Self, NotAnOrigin> {
        let cors = cors(&config)?;
        let Services {
            store,
            catalog,
            stock,
            jobs,
            desk,
            assortment,
            pictures,
            auth,
            limits,
            route_limits,
            prometheus,
            draining,
            clock,
            entropy,
            adopt_context,
        } = services;
        let parts = Parts {
            keys: auth.keys().clone(),
            store,
            catalog,
            stock,
            jobs,
            desk,
            replays: Arc::new(Semaphore::new(REPLAYS)),
            // Well within the time for a request: what is claimed must not be lost on its way.
            longest_claim: config.request_timeout() * 3 / 4,
            assortment,
            pictures,
            limits,
            prometheus,
            runtime: RuntimeMetrics::new(clock.clone()),
            document: Bytes::from(openapi()),
            draining,
            body_limits: BodyLimits::of(&config),
            public_caching: public_caching(config.product_max_age_seconds),
            idempotency_keep: Duration::from_secs(config.idempotency_keep_seconds),
            anonymous_read: auth.anonymous_read(),
        };
        let limits = (parts.limits.limiter().clone(), route_limits);
        let app = App::new(parts);
        let shared = Shared::new(config, auth, limits, clock, &entropy, adopt_context);
        let shared = Arc::new(shared);
        let (apart, _, _) = router::metrics(Api::new(Some(Arc::clone(&shared)))).finish();
        let mut api = router::public(Api::new(Some(shared)));
        if !metrics_apart {
            api = router::metrics(api);
        }
        let (public, _, routes) = api.finish();
        let public = public.with_state(app.clone());
        Ok(Self {
            router: match cors {
                Some(cors) => public.layer(cors),
                None => public,
            },
            metrics_router: apart.with_state(app),
            routes,
        })
    }
}

/// The OpenAPI 3.1 document of all routes, as JSON.
#[must_use]
pub fn openapi() -> String {
    let (_, document, _) = router::metrics(router::public(Api::new(None))).finish();
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// Every route, without a server that has them.
#[must_use]
pub fn routes() -> Vec<RouteInfo> {
    let (_, _, routes) = router::metrics(router::public(Api::new(None))).finish();
    routes
}

fn public_caching(max_age_seconds: u32) -> HeaderValue {
    let text = format!("public, max-age={max_age_seconds}, must-revalidate");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("no-cache"))
}

fn cors(config: &HttpConfig) -> Result<Option<CorsLayer>, NotAnOrigin> {
    let origins = &config.cors_origins;
    if origins.is_empty() {
        return Ok(None);
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let parsed: Result<Vec<HeaderValue>, NotAnOrigin> =
            origins.iter().map(|origin| parse_origin(origin)).collect();
        AllowOrigin::list(parsed?)
    };
    let custom = HeaderName::from_static;
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            custom("idempotency-key"),
            custom("traceparent"),
            custom("tracestate"),
            custom("x-request-id"),
        ])
        .expose_headers([
            ETAG,
            LOCATION,
            RETRY_AFTER,
            WWW_AUTHENTICATE,
            POLICY,
            STATE,
            custom("x-request-id"),
            custom("traceresponse"),
        ])
        .max_age(Duration::from_secs(config.cors_max_age_seconds));
    Ok(Some(layer))
}

/// Scheme, host and port, and nothing behind them: browsers compare the whole text.
fn parse_origin(origin: &str) -> Result<HeaderValue, NotAnOrigin> {
    let uri: axum::http::Uri = origin.parse().map_err(|_| not_an_origin(origin))?;
    let bare = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some_and(|at| !at.as_str().contains('@'))
        && origin.matches('/').count() == 2
        && !origin.contains(['?', '#']);
    if !bare {
        return Err(not_an_origin(origin));
    }
    HeaderValue::from_str(origin).map_err(|_| not_an_origin(origin))
}

fn not_an_origin(origin: &str) -> NotAnOrigin {
    NotAnOrigin(origin.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_alone() {
        for origin in [
            "https://shop.example",
            "http://localhost:3000",
            "https://[::1]:8443",
        ] {
            assert!(parse_origin(origin).is_ok(), "{origin}");
        }
        for text in [
            "",
            "shop.example",
            "https://shop.example/",
            "https://a@shop.example",
            "ftp://shop.example",
            "https://shop.example?x",
            "null",
        ] {
            assert!(parse_origin(text).is_err(), "{text}");
        }
    }
}
