use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use stanchion_catalog::Product;

use super::representation::{answer, describe, etag};
use crate::app::App;
use crate::auth::Caller;
use crate::conditional::Known;
use crate::extract::Id;
use crate::problem::Problem;

/// One product
///
/// Callers without `catalog:write` see active products only.
#[utoipa::path(get, path = "/v1/products/{id}", tag = "catalogue",
    params(
        ("id" = stanchion_kernel::Uuid, Path, description = "The product"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has",
            pattern = r#"^(\*|(W/)?"[!#-~]*")$"#),
    ),
    responses(
        (status = 200, description = "The product", body = Product, headers(
            ("ETag" = String, description = "This state of the product"),
            ("Cache-Control" = String, description = "Who may keep it, and for how long"),
        )),
        (status = 304, description = "The client has it already"),
        (status = 404, description = "There is none (`not-found`)", body = crate::problem::ProblemSchema,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn get_product(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    Known(known): Known,
) -> Result<Response, Problem> {
    let product = caller.seeing(app.catalog.product(id).await?)?;
    if known.is_some_and(|known| known.has(&etag(&app, product.revision()))) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        describe(&app, &product, response.headers_mut());
        return Ok(response);
    }
    Ok(answer(&app, StatusCode::OK, &product))
}
