use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa_swagger_ui::{Config, serve};

use crate::problem::{Problem, ProblemKind};

/// Its scripts are files of this server, none is inline. It sets styles from scripts and draws icons from data URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json")
        .validator_url("none")
        .try_it_out_enabled(true);
    Arc::new(config.query_config_enabled(false))
});

/// Leads to the page, whose files are beside it.
pub(crate) async fn index() -> Redirect {
    Redirect::permanent("/docs/index.html")
}

/// A file of the page, from the binary.
pub(crate) async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    let found = serve(&name, Arc::clone(&CONFIG)).map_err(|error| {
        tracing::error!(%error, name, "a page of the documentation cannot be made");
        Problem::new(ProblemKind::Internal)
    })?;
    let file = found.ok_or_else(|| Problem::new(ProblemKind::NotFound))?;
    let body = match file.bytes {
        Cow::Borrowed(bytes) => Body::from(bytes.to_vec()),
        Cow::Owned(bytes) => Body::from(bytes),
    };
    let headers = [
        (CONTENT_TYPE, file.content_type),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (CACHE_CONTROL, "public, max-age=3600".to_owned()),
    ];
    Ok((headers, body).into_response())
}
