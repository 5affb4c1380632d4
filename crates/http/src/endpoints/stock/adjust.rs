use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use stanchion_stock::Adjust;
use utoipa::ToSchema;

use super::representation::{StockView, demanded_version};
use crate::app::App;
use crate::assortment::demand_known;
use crate::auth::Caller;
use crate::describe::StockProblems;
use crate::extract::{Sku, Strict};
use crate::idempotency;
use crate::problem::Problem;

/// A change of what is on hand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Adjustment)]
pub(crate) struct AdjustmentInput {
    /// By how many pieces, up or down; not 0.
    #[schema(
        minimum = -1_000_000_000_000_i64,
        maximum = 1_000_000_000_000_i64,
        example = 25
    )]
    delta: i64,
    /// Why, in a person's words.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, example = "delivery 4711")]
    reason: Option<String>,
}

/// Receive pieces, or correct what is on hand
///
/// `on_hand` never falls below what is reserved. With `If-Match` it happens only to the state that the tag stands for. With
/// an `Idempotency-Key` a retry gets the first answer and changes nothing.
#[utoipa::path(post, path = "/v1/stock/{sku}/adjustments", tag = "stock", request_body = AdjustmentInput,
    params(
        ("sku" = String, Path, description = "The SKU", min_length = 1, max_length = 64),
        ("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, the same for a retry",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The state that may be changed",
            pattern = r#"^(\*|(W/)?"[!#-~]*")$"#),
    ),
    responses(
        (status = 200, description = "What there is now", body = StockView, headers(
            ("ETag" = String, description = "This state of the stock"),
        )),
        (status = 404, description = "Nothing can have this SKU (`not-found`)", body = crate::problem::ProblemSchema,
            content_type = "application/problem+json"),
        StockProblems,
    ))]
pub(crate) async fn adjust_stock(
    State(app): State<App>,
    Sku(sku): Sku,
    caller: Caller,
    headers: HeaderMap,
    input: Strict<AdjustmentInput>,
) -> Result<Response, Problem> {
    let route = "POST /v1/stock/{sku}/adjustments";
    let key = idempotency::key(&caller, route, &headers, &input.bytes)?;
    demand_known(app.assortment.as_ref(), &[&sku]).await?;
    let adjust = Adjust {
        delta: input.value.delta,
        reason: input.value.reason,
        if_version: demanded_version(&app, &headers)?,
        key: key.map(|key| key.of_target(&sku)),
        sku,
    };
    let row = app.stock.adjust(adjust, None).await?;
    Ok(StockView::from(row).answer(&app))
}
