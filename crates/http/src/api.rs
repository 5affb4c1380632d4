//! Puts a route, its access, its envelope and its description together from one declaration.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler as _;
use axum::routing::MethodRouter;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt as _};

use crate::app::App;
use crate::auth::Access;
use crate::describe;
use crate::envelope::{EnvelopeLayer, Manner, Route, Shared};
use crate::problem::{Problem, ProblemKind};

/// Bodies of fewer bytes are sent as they are.
const COMPRESS_ABOVE: u64 = 1024;

/// One route of the surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    /// Its method.
    pub method: &'static str,
    /// Its path, with parameters in braces.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// Whether it is for probes, which nothing limits.
    pub is_probe: bool,
}

/// Gathers the routes. Without what the envelopes share, it only describes them.
pub(crate) struct Api {
    shared: Option<Arc<Shared>>,
    router: OpenApiRouter<App>,
    routes: Vec<RouteInfo>,
}

impl Api {
    pub(crate) fn new(shared: Option<Arc<Shared>>) -> Self {
        let router = OpenApiRouter::with_openapi(describe::document());
        Self {
            shared,
            router,
            routes: Vec::new(),
        }
    }

    /// A route with a small answer.
    pub(crate) fn route(self, access: Access, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(access, Manner::Ordinary, routes)
    }

    /// A route with an answer that is worth compressing.
    pub(crate) fn large(self, access: Access, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(access, Manner::Ordinary, compressed(routes))
    }

    /// A route that streams: no time limit, and it holds its place until the last byte. Not compressed, since that
    /// would hold lines back.
    pub(crate) fn stream(self, access: Access, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(access, Manner::Stream, routes)
    }

    /// A route that streams so much that it is worth compressing.
    pub(crate) fn large_stream(self, access: Access, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(access, Manner::Stream, compressed(routes))
    }

    /// A route whose body is read from somewhere while it is sent: it holds a place of its own until the last byte, and is cut when
    /// its client takes nothing for too long. Not compressed, since pictures are.
    pub(crate) fn download(self, access: Access, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(access, Manner::Download, routes)
    }

    /// A route whose answer may be long in coming, but within the time for a request: that is not slow.
    pub(crate) fn waiting(self, access: Access, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(access, Manner::Waiting, routes)
    }

    /// A route for probes, open to anyone.
    pub(crate) fn probe(self, routes: UtoipaMethodRouter<App>) -> Self {
        self.add(Access::Open, Manner::Probe, routes)
    }

    /// A page for people, open to anyone and not part of the description.
    pub(crate) fn page(mut self, path: &str, handler: MethodRouter<App>) -> Self {
        let handler = handler.route_layer(compression());
        let handler = self.wrap("GET", path, Access::Open, Manner::Ordinary, handler);
        self.router = self.router.route(path, handler);
        self
    }

    fn add(
        mut self,
        access: Access,
        manner: Manner,
        (schemas, mut paths, mut handler): UtoipaMethodRouter<App>,
    ) -> Self {
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                describe::operation(operation, access, manner);
                handler = self.wrap(method, path, access, manner, handler);
            }
        }
        self.router = self.router.routes((schemas, paths, handler));
        self
    }

    fn wrap(
        &mut self,
        method: &'static str,
        path: &str,
        access: Access,
        manner: Manner,
        handler: MethodRouter<App>,
    ) -> MethodRouter<App> {
        self.routes.push(RouteInfo {
            method,
            path: path.to_owned(),
            access,
            is_probe: manner == Manner::Probe,
        });
        match self.envelope(method, path, access, manner) {
            Some(envelope) => handler.route_layer(envelope),
            None => handler,
        }
    }

    fn envelope(
        &self,
        method: &'static str,
        path: &str,
        access: Access,
        manner: Manner,
    ) -> Option<EnvelopeLayer> {
        let shared = Arc::clone(self.shared.as_ref()?);
        let bound = shared.limits_of(method, path, manner);
        let route = Arc::new(Route::new(method, path, access, manner, bound));
        Some(EnvelopeLayer { shared, route })
    }

    /// The routes, with answers for everything else.
    pub(crate) fn finish(self) -> (Router<App>, OpenApi, Vec<RouteInfo>) {
        let unmatched = self.envelope("other", "unmatched", Access::Open, Manner::Ordinary);
        let not_found = async || Problem::new(ProblemKind::NotFound);
        let wrong_method = async || Problem::new(ProblemKind::MethodNotAllowed);
        let (router, document) = self.router.split_for_parts();
        let router = match unmatched {
            Some(unmatched) => router
                .fallback(not_found.layer(unmatched.clone()))
                .method_not_allowed_fallback(wrong_method.layer(unmatched)),
            None => router,
        };
        (router, document, self.routes)
    }
}

/// The operations of a path, with their methods. One handler has one.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
        ("PATCH", &mut item.patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

fn compressed(routes: UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    routes.map(|handler| handler.route_layer(compression()))
}

fn compression() -> CompressionLayer<impl tower_http::compression::Predicate> {
    CompressionLayer::new().compress_when(
        SizeAbove::new(COMPRESS_ABOVE)
            .and(NotForContentType::IMAGES)
            .and(NotForContentType::const_new("text/event-stream")),
    )
}
