use std::pin::Pin;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use stanchion_catalog::{ProductInput, Status};

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;

/// All products, in the form of the import
///
/// One JSON object a line, by SKU. Importing it elsewhere and exporting again gives the same bytes. When the database
/// fails on the way the connection is broken off, so that half an export cannot be taken for a whole one.
#[utoipa::path(get, path = "/v1/products/export", tag = "catalogue", responses(
    (status = 200, description = "The products", body = ProductInput, content_type = "application/x-ndjson"),
))]
pub(crate) async fn export_products(
    State(app): State<App>,
    caller: Caller,
) -> Result<Response, Problem> {
    let statuses: &[Status] = if caller.sees_everything() {
        &Status::ALL
    } else {
        &[Status::Active]
    };
    let mut chunks: Pin<Box<_>> = Box::pin(app.catalog.export(statuses));
    // The first chunk decides the status: a database that is down is a problem, not an empty export.
    let first: Bytes = chunks.next().await.transpose()?.unwrap_or_default();
    let body = Body::from_stream(stream::iter([Ok(first)]).chain(chunks));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}
