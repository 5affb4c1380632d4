use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use stanchion_catalog::{CatalogError, Edit, Product, ProductInput};

use super::representation::{answer, precondition};
use crate::app::App;
use crate::describe::ChangeProblems;
use crate::extract::{Id, Strict};
use crate::problem::Problem;

/// Replace a product
///
/// Everything that can be set is replaced; what is absent gets its default.
#[utoipa::path(put, path = "/v1/products/{id}", tag = "catalogue", request_body = ProductInput,
    params(
        ("id" = stanchion_kernel::Uuid, Path, description = "The product"),
        ("If-Match" = String, Header, description = "The `ETag` that the change starts from, or `*`",
            pattern = r#"^(\*|(W/)?"[!#-~]*")$"#),
    ),
    responses(
        (status = 200, description = "The product as it is now", body = Product,
            headers(("ETag" = String, description = "Its new state"))),
        ChangeProblems,
    ))]
pub(crate) async fn replace_product(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    input: Strict<ProductInput>,
) -> Result<Response, Problem> {
    let precondition = precondition(&app, &headers)?;
    let new = input.value.check().map_err(CatalogError::Invalid)?;
    let edit = Edit::Replace(Box::new(new));
    let product = app.catalog.update(None, id, &precondition, edit).await?;
    Ok(answer(&app, StatusCode::OK, &product))
}
