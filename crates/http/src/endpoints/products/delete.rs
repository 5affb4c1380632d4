use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::representation::precondition;
use crate::app::App;
use crate::describe::DeleteProblems;
use crate::extract::Id;
use crate::problem::Problem;

/// Delete a product
///
/// Its SKU may be used again.
#[utoipa::path(delete, path = "/v1/products/{id}", tag = "catalogue",
    params(
        ("id" = stanchion_kernel::Uuid, Path, description = "The product"),
        ("If-Match" = String, Header, description = "The `ETag` that the change starts from, or `*`",
            pattern = r#"^(\*|(W/)?"[!#-~]*")$"#),
    ),
    responses((status = 204, description = "It is deleted"), DeleteProblems))]
pub(crate) async fn delete_product(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let precondition = precondition(&app, &headers)?;
    app.catalog.delete(None, id, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}
