use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use stanchion_stock::{Invalid, Line, Lines, Refusal, Reservation, Reserve, Short, StockError};
use utoipa::ToSchema;

use crate::app::App;
use crate::assortment::demand_for_sale;
use crate::auth::Caller;
use crate::describe::ReserveProblems;
use crate::extract::Strict;
use crate::idempotency;
use crate::problem::Problem;

/// Pieces to be held.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReservation)]
pub(crate) struct ReservationInput {
    /// What; each SKU once.
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<Line>,
    /// For how long, from 1 second to 7 days; 15 minutes when it is not said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 604_800, example = 900)]
    ttl_seconds: Option<u64>,
}

/// Reserve pieces
///
/// All lines or none. The pieces are held until the reservation is committed or released, or until `expires_at`. With an
/// `Idempotency-Key` a retry gets the first answer and changes nothing, also when that was a refusal.
#[utoipa::path(post, path = "/v1/reservations", tag = "stock", request_body = ReservationInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, the same for a retry",
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses(
        (status = 201, description = "The reservation", body = Reservation, headers(
            ("Location" = String, description = "Where it is"),
        )),
        ReserveProblems,
    ))]
pub(crate) async fn create_reservation(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    input: Strict<ReservationInput>,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, "POST /v1/reservations", &headers, &input.bytes)?;
    let lines = Lines::new(input.value.lines)
        .map_err(|error| StockError::Invalid(Invalid::Lines(error)))?;
    let skus: Vec<&str> = lines.skus().collect();
    demand_for_sale(app.assortment.as_ref(), &skus).await?;
    let reserve = Reserve {
        lines,
        ttl: input.value.ttl_seconds.map(Duration::from_secs),
        key: key.map(|key| key.of_target("")),
    };
    let asked = reserve.lines.clone();
    let made = app.stock.reserve(reserve, None).await;
    let made = made.map_err(|error| never_stocked(error, &asked))?;
    let mut response = (StatusCode::CREATED, Json(&made)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/reservations/{}", made.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// A product that never had a piece has no row: there is nothing of it to be had.
fn never_stocked(error: StockError, asked: &Lines) -> StockError {
    let StockError::Refused(Refusal::UnknownSkus { skus }) = error else {
        return error;
    };
    let lines = skus.into_iter().map(|sku| Short {
        requested: asked.quantity_of(&sku),
        available: 0,
        sku,
    });
    StockError::Refused(Refusal::Insufficient {
        lines: lines.collect(),
    })
}
