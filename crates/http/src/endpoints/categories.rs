use axum::Json;
use axum::extract::State;
use serde::Serialize;
use stanchion_catalog::Category;
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::Problem;

/// All categories.
#[derive(Serialize, ToSchema)]
pub(crate) struct CategoryList {
    /// By name, at most 10,000.
    items: Vec<Category>,
}

/// All categories, by name
#[utoipa::path(get, path = "/v1/categories", tag = "catalogue", responses(
    (status = 200, description = "The categories", body = CategoryList),
))]
pub(crate) async fn list_categories(State(app): State<App>) -> Result<Json<CategoryList>, Problem> {
    Ok(Json(CategoryList {
        items: app.catalog.categories().await?,
    }))
}
