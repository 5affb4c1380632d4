//! How a product is sent, and which of its states a client names.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use stanchion_catalog::{Precondition, Product, Revision, Status};
use stanchion_kernel::Timestamp;

use crate::app::App;
use crate::conditional::{ETag, Tags, required_if_match};
use crate::problem::Problem;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The tag of one state of a product: the database's incarnation, the version, and the moment it was written.
pub(super) fn etag(app: &App, revision: Revision) -> ETag {
    let incarnation = app.store.incarnation();
    let at = revision.updated_at.as_micros();
    ETag::new(format_args!(
        "{incarnation:x}.{:x}.{at:x}",
        revision.version
    ))
}

/// The state that a tag of ours stands for; `None` for one of another incarnation, or not ours.
fn revision(app: &App, opaque: &str) -> Option<Revision> {
    let mut parts = opaque.split('.');
    let incarnation = u64::from_str_radix(parts.next()?, 16).ok()?;
    let version = i64::from_str_radix(parts.next()?, 16).ok()?;
    let at = i64::from_str_radix(parts.next()?, 16).ok()?;
    let revision = Revision {
        version,
        updated_at: Timestamp::from_micros(at),
    };
    let ours = incarnation == app.store.incarnation() && parts.next().is_none();
    ours.then_some(revision)
}

/// The states that a change may start from.
///
/// # Errors
/// `precondition-required` without `If-Match`, `bad-request` when it cannot be read.
pub(super) fn precondition(app: &App, headers: &HeaderMap) -> Result<Precondition, Problem> {
    Ok(match required_if_match(headers)? {
        Tags::Any => Precondition::Exists,
        tags => Precondition::OneOf(
            tags.strong()
                .into_iter()
                .flatten()
                .filter_map(|tag| revision(app, tag))
                .collect(),
        ),
    })
}

/// The product as an answer.
pub(super) fn answer(app: &App, status: StatusCode, product: &Product) -> Response {
    match serde_json::to_vec(product) {
        Ok(body) => {
            let mut response = body.into_response();
            *response.status_mut() = status;
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, JSON);
            describe(app, product, headers);
            response
        }
        Err(error) => {
            tracing::error!(%error, id = %product.id, "a product cannot be written as JSON");
            Problem::new(crate::problem::ProblemKind::Internal).into_response()
        }
    }
}

/// Adds the tag, and who may keep the answer: what everyone may see may be kept by everyone.
pub(super) fn describe(app: &App, product: &Product, headers: &mut HeaderMap) {
    headers.insert(ETAG, etag(app, product.revision()).header());
    let caching = if app.anonymous_read && product.status == Status::Active {
        app.public_caching.clone()
    } else {
        HeaderValue::from_static("private, no-cache")
    };
    headers.insert(CACHE_CONTROL, caching);
}
