//! A layer for axum, tonic and any other service of HTTP: asks the limits that an [`Extract`] finds in a request, all or
//! nothing, and lets the request through or answers it.
//!
//! ```
//! use axum::Router;
//! use axum::extract::Request;
//! use axum::routing::get;
//! use stanchion_kernel::Clock;
//! use stanchion_limiter::port::{Memory, MemoryConfig};
//! use stanchion_limiter::tower::LimitLayer;
//! use stanchion_limiter::{Limit, Limiter, Question, Rate};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let buckets = Memory::new(MemoryConfig::default(), Clock::system());
//! let limiter = Limiter::new(Arc::new(buckets));
//! let per_tenant = Arc::new(Limit::new("tenant", Rate::per_second(100), 200)?);
//! let in_all = Arc::new(Limit::new("all", Rate::per_second(5_000), 5_000)?);
//!
//! // The name of the tenant is put there by whatever authenticates; what a client says of itself limits nobody.
//! #[derive(Clone)]
//! struct Tenant(Arc<str>);
//! let extract = move |request: &Request| {
//!     let tenant = request.extensions().get::<Tenant>();
//!     let tenant = tenant.map(|Tenant(name)| Question::new(&per_tenant, Arc::clone(name)));
//!     tenant.into_iter().chain([Question::new(&in_all, "all")]).collect()
//! };
//! let app: Router = Router::new()
//!     .route("/", get(async || "hello"))
//!     .layer(LimitLayer::new(limiter, extract));
//! # Ok(())
//! # }
//! ```
//!
//! With tonic it is `Server::builder().layer(…)`. A call of gRPC that is refused gets the status `RESOURCE_EXHAUSTED` (8).

mod refusal;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use tower::{Layer, Service};

use crate::{Limiter, LimiterError, Question, Verdict};

/// `RateLimit-Policy`: the limits of a resource.
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// `RateLimit`: what is left of them.
pub const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Finds what a request asks for. A function from a request to questions is one.
pub trait Extract<B>: Send + Sync + 'static {
    /// The questions of a request; a request without any is let through.
    fn questions(&self, request: &Request<B>) -> Vec<Question>;
}

impl<B, F> Extract<B> for F
where
    F: Fn(&Request<B>) -> Vec<Question> + Send + Sync + 'static,
{
    fn questions(&self, request: &Request<B>) -> Vec<Question> {
        self(request)
    }
}

/// Puts limits in front of a service.
///
/// The answer to a limited request has the fields [`POLICY`] and [`STATE`]. A refused one is answered with 429, `Retry-After`
/// and an empty body; one that cannot be judged with 503: what limits say then is the matter of
/// [`WithFallback`](crate::port::WithFallback). Such an answer carries its [`Refusal`] as an extension, for a layer further
/// out that wants to say more.
#[derive(Debug)]
pub struct LimitLayer<E> {
    limiter: Limiter,
    extract: Arc<E>,
}

/// Why a request was not let through.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The limits said no.
    Limits(Verdict),
    /// The limits could not be asked.
    Error(LimiterError),
}

impl<E> LimitLayer<E> {
    /// Asks `limiter` what `extract` finds.
    pub fn new(limiter: Limiter, extract: E) -> Self {
        let extract = Arc::new(extract);
        Self { limiter, extract }
    }
}

impl<E> Clone for LimitLayer<E> {
    fn clone(&self) -> Self {
        Self {
            limiter: self.limiter.clone(),
            extract: Arc::clone(&self.extract),
        }
    }
}

impl<S, E> Layer<S> for LimitLayer<E> {
    type Service = Limited<S, E>;

    fn layer(&self, inner: S) -> Limited<S, E> {
        let layer = self.clone();
        Limited { inner, layer }
    }
}

/// A service behind limits.
#[derive(Debug)]
pub struct Limited<S, E> {
    inner: S,
    layer: LimitLayer<E>,
}

impl<S: Clone, E> Clone for Limited<S, E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S, E, B, R> Service<Request<B>> for Limited<S, E>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    E: Extract<B>,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let questions = self.layer.extract.questions(&request);
        let limiter = self.layer.limiter.clone();
        Box::pin(async move {
            if questions.is_empty() {
                return inner.call(request).await;
            }
            match limiter.judge(questions).await {
                Ok(verdict) if verdict.is_allowed() => {
                    let mut response = inner.call(request).await?;
                    add_fields(&verdict, response.headers_mut());
                    Ok(response)
                }
                Ok(verdict) => Ok(refusal::answer(&request, Refusal::Limits(verdict))),
                Err(error) => Ok(refusal::answer(&request, Refusal::Error(error))),
            }
        })
    }
}

/// Adds the fields of a verdict to the headers of an answer, behind those that are there.
pub fn add_fields(verdict: &Verdict, headers: &mut HeaderMap) {
    for (name, value) in [
        (POLICY, verdict.policy_field()),
        (STATE, verdict.state_field()),
    ] {
        if !value.is_empty()
            && let Ok(value) = HeaderValue::try_from(value)
        {
            headers.append(name, value);
        }
    }
}
