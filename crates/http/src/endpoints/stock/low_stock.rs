use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use stanchion_stock::{Refusal, SetLowStock, StockError};
use utoipa::ToSchema;

use super::representation::StockView;
use crate::app::App;
use crate::describe::StockProblems;
use crate::extract::{Sku, Strict};
use crate::problem::{Problem, ProblemKind};

/// When a SKU is low.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LowStock)]
pub(crate) struct LowStockInput {
    /// At or below which number of available pieces it is announced as low; 0 announces only that nothing is left.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64, example = 5)]
    threshold: i64,
}

/// Say when a SKU is low
///
/// Crossing the threshold, in either direction, is announced on the change feed.
#[utoipa::path(put, path = "/v1/stock/{sku}/low-stock", tag = "stock", request_body = LowStockInput,
    params(("sku" = String, Path, description = "The SKU", min_length = 1, max_length = 64)),
    responses(
        (status = 200, description = "What there is now", body = StockView, headers(
            ("ETag" = String, description = "This state of the stock"),
        )),
        (status = 404, description = "No piece of it was ever received (`not-found`)", body = crate::problem::ProblemSchema,
            content_type = "application/problem+json"),
        StockProblems,
    ))]
pub(crate) async fn set_low_stock(
    State(app): State<App>,
    Sku(sku): Sku,
    input: Strict<LowStockInput>,
) -> Result<Response, Problem> {
    let set = SetLowStock {
        sku,
        threshold: input.value.threshold,
        key: None,
    };
    let row = app.stock.set_low_stock(set, None).await;
    let row = row.map_err(|error| match error {
        StockError::Refused(Refusal::UnknownSkus { .. }) => {
            Problem::new(ProblemKind::NotFound).detail("no piece of it was ever received")
        }
        error => error.into(),
    })?;
    Ok(StockView::from(row).answer(&app))
}
