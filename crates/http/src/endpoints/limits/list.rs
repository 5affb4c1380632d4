use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::representation::LimitView;
use crate::app::App;
use crate::problem::Problem;

/// All limits.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitList {
    /// Those of the configuration first, then by name; no more than a thousand and those.
    items: Vec<LimitView>,
}

/// All limits
///
/// Those that the configuration sets as well.
#[utoipa::path(get, path = "/v1/limits", tag = "limits",
    responses((status = 200, description = "The limits", body = LimitList)))]
pub(crate) async fn list_limits(State(app): State<App>) -> Result<Json<LimitList>, Problem> {
    let fixed = app.limits.fixed().iter().map(LimitView::fixed);
    let stored = app.limits.list().await?;
    let stored = stored
        .iter()
        .filter(|stored| !app.limits.is_fixed(stored.limit.name()));
    let items = fixed.chain(stored.map(LimitView::stored)).collect();
    Ok(Json(LimitList { items }))
}
