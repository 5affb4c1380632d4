use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::representation::precondition;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Named;
use crate::problem::{Problem, ProblemSchema};

/// Remove a limit
///
/// With `If-Match` it happens only to the state that the tag stands for.
#[utoipa::path(delete, path = "/v1/limits/{name}", tag = "limits",
    params(
        ("name" = String, Path, description = "Its name", pattern = "^[a-z0-9._-]{1,64}$"),
        ("If-Match" = Option<String>, Header, description = "The state that may be removed",
            pattern = r#"^(\*|(W/)?"[!#-~]*")$"#),
    ),
    responses(
        (status = 204, description = "It is removed"),
        (status = 404, description = "There is no such limit (`not-found`)", body = ProblemSchema,
            content_type = "application/problem+json"),
        (status = 409, description = "The configuration sets it (`limit-is-fixed`)", body = ProblemSchema,
            content_type = "application/problem+json"),
        (status = 412, description = "It is in another state (`precondition-failed`)", body = ProblemSchema,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete_limit(
    State(app): State<App>,
    caller: Caller,
    Named(name): Named,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let precondition = precondition(&app, &headers)?;
    let version = app.limits.delete(&name, &precondition).await?;
    tracing::info!(limit = %name, version, by = caller.key(), "limit removed");
    Ok(StatusCode::NO_CONTENT)
}
