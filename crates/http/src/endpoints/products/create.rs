use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use stanchion_catalog::{CatalogError, NewProduct, Product, ProductInput};

use super::representation::answer;
use crate::app::App;
use crate::auth::Caller;
use crate::describe::CreateProblems;
use crate::extract::Strict;
use crate::idempotency::{self, Retry};
use crate::problem::Problem;

/// Make a product
///
/// With an `Idempotency-Key` a retry gets the first answer again and makes nothing.
#[utoipa::path(post, path = "/v1/products", tag = "catalogue", request_body = ProductInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, the same for a retry",
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses(
        (status = 201, description = "The product", body = Product, headers(
            ("Location" = String, description = "Where it is"),
            ("ETag" = String, description = "This state of the product"),
        )),
        CreateProblems,
    ))]
pub(crate) async fn create_product(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    input: Strict<ProductInput>,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, "POST /v1/products", &headers, &input.bytes)?;
    let new = input.value.check().map_err(CatalogError::Invalid)?;
    let Some(key) = key else {
        let product = app.catalog.create(None, new).await?;
        return Ok(created(&app, &product));
    };
    create_once(&app, &key, new).await
}

async fn create_once(
    app: &App,
    key: &idempotency::Key,
    new: NewProduct,
) -> Result<Response, Problem> {
    let mut tx = app.store.begin().await?;
    match key.claim(&mut tx, app.idempotency_keep).await? {
        Retry::Of(first) => {
            tx.rollback().await?;
            Ok(first)
        }
        Retry::No => {
            let product = app.catalog.create(Some(&mut tx), new).await?;
            let response = key.keep(&mut tx, created(app, &product)).await?;
            tx.commit().await?;
            Ok(response)
        }
    }
}

fn created(app: &App, product: &Product) -> Response {
    let mut response = answer(app, StatusCode::CREATED, product);
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/products/{}", product.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
