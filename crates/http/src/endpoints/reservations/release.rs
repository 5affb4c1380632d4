use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use stanchion_stock::Reservation;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::describe::SettleProblems;
use crate::extract::{Id, Optional};
use crate::idempotency;
use crate::problem::Problem;

/// Nothing more is to be said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Release)]
pub(crate) struct ReleaseInput {}

/// Give back what is reserved
///
/// Asking again is answered in the same way; 409 once it is settled otherwise.
#[utoipa::path(post, path = "/v1/reservations/{id}/release", tag = "stock", request_body = Option<ReleaseInput>,
    params(
        ("id" = stanchion_kernel::Uuid, Path, description = "The reservation"),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, the same for a retry",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
    ),
    responses((status = 200, description = "The reservation", body = Reservation), SettleProblems))]
pub(crate) async fn release_reservation(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    headers: HeaderMap,
    input: Optional<ReleaseInput>,
) -> Result<Json<Reservation>, Problem> {
    let route = "POST /v1/reservations/{id}/release";
    let key = idempotency::key(&caller, route, &headers, &input.bytes)?;
    let key = key.map(|key| key.of_target(&id.to_string()));
    Ok(Json(app.stock.release(id, key, None).await?))
}
