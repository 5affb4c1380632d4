use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Id;
use crate::problem::{Problem, ProblemKind};

/// Revoke an API key
///
/// It is refused here at once, and by every other server within a second.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys",
    params(("id" = stanchion_kernel::Uuid, Path, description = "The key")),
    responses(
        (status = 204, description = "It is revoked"),
        (status = 404, description = "There is none that was not revoked already (`not-found`)",
            body = crate::problem::ProblemSchema, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke_key(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    if !app.keys.revoke(id).await? {
        return Err(Problem::new(ProblemKind::NotFound));
    }
    tracing::info!(%id, by = caller.key(), "API key revoked");
    Ok(StatusCode::NO_CONTENT)
}
