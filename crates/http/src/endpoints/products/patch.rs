use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use stanchion_catalog::{Edit, Product};

use super::representation::{answer, precondition};
use crate::app::App;
use crate::describe::ChangeProblems;
use crate::extract::{Id, MergePatch};
use crate::problem::Problem;

/// Change parts of a product
///
/// A JSON Merge Patch (RFC 7396): members that are `null` are removed, others replaced.
#[utoipa::path(patch, path = "/v1/products/{id}", tag = "catalogue",
    request_body(content((Object = "application/merge-patch+json"), (Object = "application/json")),
        description = "The members to change"),
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
pub(crate) async fn patch_product(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    MergePatch(patch): MergePatch,
) -> Result<Response, Problem> {
    let precondition = precondition(&app, &headers)?;
    let product = app
        .catalog
        .update(None, id, &precondition, Edit::Patch(patch))
        .await?;
    Ok(answer(&app, StatusCode::OK, &product))
}
