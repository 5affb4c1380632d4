use axum::extract::State;
use axum::response::Response;

use super::representation::StockView;
use crate::app::App;
use crate::auth::{Caller, Scope};
use crate::extract::Sku;
use crate::problem::{Problem, ProblemKind};

/// What there is of a SKU
///
/// A product that never had a piece has none.
#[utoipa::path(get, path = "/v1/stock/{sku}", tag = "stock",
    params(("sku" = String, Path, description = "The SKU", min_length = 1, max_length = 64)),
    responses(
        (status = 200, description = "What there is", body = StockView, headers(
            ("ETag" = String, description = "This state of the stock"),
        )),
        (status = 404, description = "No product has this SKU (`not-found`)", body = crate::problem::ProblemSchema,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn get_stock(
    State(app): State<App>,
    Sku(sku): Sku,
    caller: Caller,
) -> Result<Response, Problem> {
    let view = match app.stock.row(&sku).await? {
        Some(row) => StockView::from(row),
        None if app.assortment.statuses(&[&sku]).await? != [None] => StockView::none(sku.clone()),
        None => return Err(Problem::new(ProblemKind::NotFound)),
    };
    let shown = caller.scopes.allows(Scope::Ops);
    let strategy = shown.then(|| app.stock.strategy_of(&sku).as_str());
    Ok(view.with_strategy(strategy).answer(&app))
}
