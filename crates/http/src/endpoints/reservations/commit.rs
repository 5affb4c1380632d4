use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use stanchion_stock::{Invalid, Line, Lines, Reservation, StockError};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::describe::SettleProblems;
use crate::extract::{Id, Optional};
use crate::idempotency;
use crate::problem::Problem;

/// What of a reservation is sold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Commit)]
pub(crate) struct CommitInput {
    /// These lines, at most what is reserved of each; the rest is given back. All of it when there are none.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 100)]
    lines: Option<Vec<Line>>,
}

/// Sell what is reserved
///
/// All of it, or the `lines` of the body; the rest is given back. Asking again in the same way is answered in the same way;
/// 409 once it is settled otherwise.
#[utoipa::path(post, path = "/v1/reservations/{id}/commit", tag = "stock", request_body = Option<CommitInput>,
    params(
        ("id" = stanchion_kernel::Uuid, Path, description = "The reservation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, the same for a retry",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ),
    responses((status = 200, description = "The reservation", body = Reservation), SettleProblems))]
pub(crate) async fn commit_reservation(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    headers: HeaderMap,
    input: Optional<CommitInput>,
) -> Result<Json<Reservation>, Problem> {
    let route = "POST /v1/reservations/{id}/commit";
    let key = idempotency::key(&caller, route, &headers, &input.bytes)?;
    let key = key.map(|key| key.of_target(&id.to_string()));
    let lines = input.value.and_then(|input| input.lines);
    let lines = lines.map(Lines::new).transpose();
    let lines = lines.map_err(|error| StockError::Invalid(Invalid::Lines(error)))?;
    Ok(Json(app.stock.commit(id, lines, key, None).await?))
}
