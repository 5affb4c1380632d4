use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::describe::PictureNameProblems;
use crate::extract::Id;
use crate::problem::Problem;

/// Remove a picture from its product
///
/// What it was rendered to may still be served for a while to who has the address.
#[utoipa::path(delete, path = "/v1/images/{id}", tag = "pictures",
    params(("id" = stanchion_kernel::Uuid, Path, description = "The picture")),
    responses((status = 204, description = "It is removed"), PictureNameProblems))]
pub(crate) async fn delete_image(
    State(app): State<App>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    app.pictures.remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
