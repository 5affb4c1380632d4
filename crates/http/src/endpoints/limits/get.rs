use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::representation::LimitView;
use crate::app::App;
use crate::extract::Named;
use crate::problem::{Problem, ProblemKind};

/// A limit
#[utoipa::path(get, path = "/v1/limits/{name}", tag = "limits",
    params(("name" = String, Path, description = "Its name", pattern = "^[a-z0-9._-]{1,64}$")),
    responses(
        (status = 200, description = "The limit", body = LimitView, headers(
            ("ETag" = String, description = "This state of it; none when the configuration sets it"),
        )),
        (status = 404, description = "There is no such limit (`not-found`)", body = crate::problem::ProblemSchema,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn get_limit(
    State(app): State<App>,
    Named(name): Named,
) -> Result<Response, Problem> {
    let mut fixed = app.limits.fixed().iter();
    let view = match fixed.find(|limit| *limit.name() == name) {
        Some(limit) => LimitView::fixed(limit),
        None => {
            let stored = app.limits.get(&name).await?;
            LimitView::stored(&stored.ok_or(ProblemKind::NotFound)?)
        }
    };
    Ok(view.answer(&app, StatusCode::OK))
}
