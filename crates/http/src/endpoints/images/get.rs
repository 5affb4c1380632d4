use axum::Json;
use axum::extract::State;
use stanchion_catalog::Picture;

use crate::app::App;
use crate::auth::Caller;
use crate::describe::PictureNameProblems;
use crate::extract::Id;
use crate::problem::{Problem, ProblemKind};

/// A picture of a product
///
/// Callers without `catalog:write` see those of active products only. `renditions` fills up: JPEG first, WebP behind.
#[utoipa::path(get, path = "/v1/images/{id}", tag = "pictures",
    params(("id" = stanchion_kernel::Uuid, Path, description = "The picture")),
    responses((status = 200, description = "The picture", body = Picture), PictureNameProblems))]
pub(crate) async fn get_image(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
) -> Result<Json<Picture>, Problem> {
    let product = caller.seeing(app.catalog.product_of_picture(id).await?)?;
    let mut images = product.images.into_iter();
    let image = images.find(|image| image.id == id);
    image
        .map(Json)
        .ok_or_else(|| Problem::new(ProblemKind::NotFound))
}
