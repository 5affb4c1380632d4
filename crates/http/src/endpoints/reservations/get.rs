use axum::Json;
use axum::extract::State;
use stanchion_stock::Reservation;

use crate::app::App;
use crate::extract::Id;
use crate::problem::{Problem, ProblemKind};

/// One reservation
///
/// It may say `held` for a moment after its time is over; its pieces cannot be committed any more then.
#[utoipa::path(get, path = "/v1/reservations/{id}", tag = "stock",
    params(("id" = stanchion_kernel::Uuid, Path, description = "The reservation")),
    responses(
        (status = 200, description = "The reservation", body = Reservation),
        (status = 404, description = "There is none (`not-found`)", body = crate::problem::ProblemSchema,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn get_reservation(
    State(app): State<App>,
    Id(id): Id,
) -> Result<Json<Reservation>, Problem> {
    let found = app.stock.reservation(id).await?;
    found
        .map(Json)
        .ok_or_else(|| Problem::new(ProblemKind::NotFound))
}
