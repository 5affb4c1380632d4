//! The one middleware around every route: admission, identity, time, panics, problems, headers, metrics and the span.
//!
//! One layer instead of one per concern: a request pays for one box, and the order of the steps can be read here.

mod admission;
mod metrics;
mod request_id;
mod security_headers;
mod visit;

use std::any::Any;
use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_limiter::Limiter;
use tower::{Layer, Service, ServiceExt as _};
use tracing::{Instrument as _, Span};

use crate::auth::{Access, Authenticator};
use crate::client_addr::TrustedProxies;
use crate::config::HttpConfig;
use crate::held::{Held, Timely};
use crate::limits::{Bound, RouteLimit, Said};
use crate::problem::{Problem, ProblemKind};
use crate::trace_context::TraceContext;
use admission::{Admission, Place};
use metrics::{RouteMetrics, SharedMetrics};
use security_headers::SecurityHeaders;
use visit::Visit;

/// Told of every request's span and trace, so that an exporter can take over the caller's context.
pub type AdoptContext = fn(&Span, &TraceContext);

/// What the envelopes of all routes share.
pub(crate) struct Shared {
    clock: Clock,
    ids: Ids,
    trace_ids: Entropy,
    auth: Authenticator,
    limiter: Limiter,
    route_limits: Vec<RouteLimit>,
    proxies: TrustedProxies,
    requests: Admission,
    streams: Admission,
    downloads: Admission,
    metrics: SharedMetrics,
    security: SecurityHeaders,
    adopt: Option<AdoptContext>,
    config: HttpConfig,
}

impl Shared {
    pub(crate) fn new(
        config: HttpConfig,
        auth: Authenticator,
        (limiter, route_limits): (Limiter, Vec<RouteLimit>),
        clock: Clock,
        entropy: &Entropy,
        adopt: Option<AdoptContext>,
    ) -> Self {
        let metrics = SharedMetrics::new();
        // Ids of requests and traces are no secrets: a seeded stream spares a system call for each.
        let trace_ids = Entropy::seeded(u64::from_le_bytes(entropy.bytes()));
        Self {
            ids: Ids::new(clock.clone(), trace_ids.clone()),
            clock,
            trace_ids,
            auth,
            limiter,
            route_limits,
            proxies: TrustedProxies::new(config.trusted_proxies.clone(), config.forwarded_header),
            requests: Admission::new(config.max_in_flight, metrics.in_flight.clone()),
            streams: Admission::new(config.max_streams, metrics.streams.clone()),
            downloads: Admission::new(config.max_downloads, metrics.downloads.clone()),
            metrics,
            security: SecurityHeaders::new(&config),
            adopt,
            config,
        }
    }

    /// The limits in front of a route. Nothing limits probes: an orchestrator that is refused would end the server.
    pub(crate) fn limits_of(&self, method: &str, path: &str, manner: Manner) -> Bound {
        let limits = match manner {
            Manner::Probe => &[],
            Manner::Ordinary | Manner::Waiting | Manner::Stream | Manner::Download => {
                self.route_limits.as_slice()
            }
        };
        Bound::new(limits, method, path)
    }
}

/// How a route is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Bounded in number and time.
    Ordinary,
    /// As an ordinary one, and may wait for something to answer.
    Waiting,
    /// Bounded in number, also while its body is being sent; not in time.
    Stream,
    /// As an ordinary one until its head is answered; then its body is bounded in number, and in how slowly it may be taken.
    Download,
    /// For probes: answered also when there is too much to do.
    Probe,
}

/// A place among the requests, and one among the streams or the downloads.
type Places = [Option<Place>; 2];

/// A route as its envelope knows it.
pub(crate) struct Route {
    path: String,
    span_name: String,
    access: Access,
    manner: Manner,
    metrics: RouteMetrics,
    limits: Bound,
}

impl Route {
    pub(crate) fn new(
        method: &'static str,
        path: &str,
        access: Access,
        manner: Manner,
        limits: Bound,
    ) -> Self {
        Self {
            path: path.to_owned(),
            span_name: format!("{method} {path}"),
            access,
            manner,
            metrics: RouteMetrics::new(method, path),
            limits,
        }
    }
}

/// Wraps a route in its envelope.
#[derive(Clone)]
pub(crate) struct EnvelopeLayer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) route: Arc<Route>,
}

impl<S> Layer<S> for EnvelopeLayer {
    type Service = Envelope<S>;

    fn layer(&self, inner: S) -> Envelope<S> {
        Envelope {
            inner,
            layer: self.clone(),
        }
    }
}

/// A route in its envelope.
#[derive(Clone)]
pub(crate) struct Envelope<S> {
    inner: S,
    layer: EnvelopeLayer,
}

impl<S> Service<Request> for Envelope<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let fresh = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, fresh);
        Box::pin(self.layer.clone().handle(ready, request).map(Ok))
    }
}

impl EnvelopeLayer {
    async fn handle<S>(self, inner: S, mut request: Request) -> Response
    where
        S: Service<Request, Response = Response, Error = Infallible> + Send,
        S::Future: Send,
    {
        let visit = Visit::begin(&self.shared, &self.route, &request);
        request.extensions_mut().insert(visit.trace);
        let span = visit.span.clone();
        let answered = self
            .answer(inner, request, visit.client)
            .instrument(span)
            .await;
        visit.finish(answered)
    }

    async fn answer<S>(&self, inner: S, request: Request, client: IpAddr) -> Response
    where
        S: Service<Request, Response = Response, Error = Infallible> + Send,
        S::Future: Send,
    {
        let Some(places) = self.admit() else {
            self.shared.metrics.refused.increment(1);
            return Problem::new(ProblemKind::Overloaded).into_response();
        };
        let work = self.work(inner, request, client);
        let work = AssertUnwindSafe(work).catch_unwind();
        let finished = if self.route.manner == Manner::Stream {
            Ok(work.await)
        } else {
            tokio::time::timeout(self.shared.config.request_timeout(), work).await
        };
        match finished {
            Ok(Ok(response)) => self.keep(response, places),
            Ok(Err(panic)) => self.panicked(panic.as_ref()),
            Err(_) => Problem::new(ProblemKind::DeadlineExceeded).into_response(),
        }
    }

    /// Asks who is calling, then the limits, then the handler. Limits come before a refusal: whoever guesses credentials is
    /// bound as whoever has none.
    async fn work<S>(&self, inner: S, mut request: Request, client: IpAddr) -> Response
    where
        S: Service<Request, Response = Response, Error = Infallible> + Send,
        S::Future: Send,
    {
        let auth = &self.shared.auth;
        let admitted = auth.admit(self.route.access, request.headers(), client);
        let (caller, refusal) = admitted.await;
        let limiter = &self.shared.limiter;
        let fields = match self.route.limits.ask(limiter, &caller).await {
            Said::Go(fields) => fields,
            Said::Stop(problem, fields) => {
                let mut refused = problem.into_response();
                fields.add(&mut refused);
                return refused;
            }
        };
        let mut response = match refusal {
            Some(problem) => problem.into_response(),
            None => {
                request.extensions_mut().insert(caller);
                let Ok(response) = inner.oneshot(request).await;
                response
            }
        };
        fields.add(&mut response);
        response
    }

    /// Has the body keep the places that it needs until its last byte.
    fn keep(&self, response: Response, places: Places) -> Response {
        match self.route.manner {
            Manner::Probe | Manner::Ordinary | Manner::Waiting => response,
            Manner::Stream => Held::hold(response, places),
            Manner::Download => {
                // Slow readers of pictures must not take the places of other requests.
                let [_, download] = places;
                let within = self.shared.config.request_timeout();
                Timely::watch(Held::hold(response, download), within)
            }
        }
    }

    /// Places for the request, or `None` when there is too much to do.
    fn admit(&self) -> Option<Places> {
        match self.route.manner {
            Manner::Probe => Some([None, None]),
            Manner::Ordinary | Manner::Waiting => Some([Some(self.shared.requests.enter()?), None]),
            Manner::Stream => {
                let stream = self.shared.streams.enter()?;
                Some([Some(self.shared.requests.enter()?), Some(stream)])
            }
            Manner::Download => {
                let download = self.shared.downloads.enter()?;
                Some([Some(self.shared.requests.enter()?), Some(download)])
            }
        }
    }

    fn panicked(&self, panic: &(dyn Any + Send)) -> Response {
        self.shared.metrics.panics.increment(1);
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        tracing::error!(panic = message, "a handler panicked");
        Problem::new(ProblemKind::Internal).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AuthConfig;
    use axum::body::Body;
    use stanchion_limiter::port::{Memory, MemoryConfig};
    use stanchion_store::keys::Keys;
    use stanchion_store::{MIGRATIONS, Store, StoreConfig};
    use tower::service_fn;

    async fn envelope(folder: &std::path::Path) -> EnvelopeLayer {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let url = format!("sqlite:{}", folder.join("test.db").display());
        let store = Store::open(StoreConfig::new(url), clock.clone(), entropy.clone())
            .await
            .unwrap();
        store.migrate(&[MIGRATIONS]).await.unwrap();
        store.ready().await.unwrap();
        let keys = Keys::new(&store, Ids::new(clock.clone(), entropy.clone()));
        let auth = Authenticator::open(&AuthConfig::default(), keys, clock.clone())
            .await
            .unwrap();
        let buckets = Memory::new(MemoryConfig::default(), clock.clone());
        let limits = (Limiter::new(Arc::new(buckets)), Vec::new());
        let shared = Shared::new(HttpConfig::default(), auth, limits, clock, &entropy, None);
        let bound = Bound::new(&[], "GET", "/test");
        let route = Route::new("GET", "/test", Access::Open, Manner::Ordinary, bound);
        EnvelopeLayer {
            shared: Arc::new(shared),
            route: Arc::new(route),
        }
    }

    #[tokio::test]
    async fn a_panic_is_answered_as_a_problem_and_tells_nothing_of_itself() {
        let folder = stanchion_testkit::TempDir::new().unwrap();
        let broken = service_fn(|_: Request| async { panic!("a secret") });
        let response = envelope(folder.path())
            .await
            .layer(broken)
            .oneshot(Request::default())
            .await;
        let response = response.unwrap();
        assert_eq!(response.status(), 500);
        let body = crate::body::collect(response.into_body()).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            text.contains("/problems/internal") && !text.contains("secret"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn an_error_that_the_framework_made_becomes_a_problem() {
        let folder = stanchion_testkit::TempDir::new().unwrap();
        let bare = service_fn(|_: Request| async {
            let mut response = Response::new(Body::from("a stack trace"));
            *response.status_mut() = axum::http::StatusCode::BAD_GATEWAY;
            Ok(response)
        });
        let response = envelope(folder.path())
            .await
            .layer(bare)
            .oneshot(Request::default())
            .await;
        let response = response.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(
            response.headers()["content-type"],
            crate::problem::MEDIA_TYPE
        );
        let body = crate::body::collect(response.into_body()).await.unwrap();
        assert!(!String::from_utf8(body.to_vec()).unwrap().contains("stack"));
    }
}
