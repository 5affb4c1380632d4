//! How stock is sent, and which of its states a client names.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use stanchion_kernel::Timestamp;
use stanchion_stock::StockRow;
use utoipa::ToSchema;

use crate::app::App;
use crate::conditional::{ETag, Tags};
use crate::problem::{Problem, ProblemKind};

/// A version that no row has.
const NO_VERSION: i64 = -1;

/// What there is of a SKU.
#[derive(Serialize, ToSchema)]
#[schema(as = Stock)]
pub(crate) struct StockView {
    /// The SKU.
    sku: String,
    /// Pieces that are physically there, reserved ones included.
    on_hand: i64,
    /// Pieces that are held for somebody.
    reserved: i64,
    /// Pieces that can be reserved.
    available: i64,
    /// One more with every movement; 0 before the first.
    version: i64,
    /// At or below which number of available pieces it is announced as low; 0 announces only that nothing is left.
    low_stock: i64,
    /// When the last movement was, by the database's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
    /// How this server decides reservations of it for now; only for callers with `ops`.
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<&'static str>,
}

impl StockView {
    /// Of a SKU that never had a piece.
    pub(super) fn none(sku: String) -> Self {
        Self {
            sku,
            on_hand: 0,
            reserved: 0,
            available: 0,
            version: 0,
            low_stock: 0,
            updated_at: None,
            strategy: None,
        }
    }

    pub(super) fn with_strategy(mut self, strategy: Option<&'static str>) -> Self {
        self.strategy = strategy;
        self
    }

    /// The answer, with its tag.
    pub(super) fn answer(self, app: &App) -> Response {
        let tag = ETag::new(format_args!(
            "{:x}.{:x}",
            app.store.incarnation(),
            self.version
        ));
        let mut response = Json(self).into_response();
        let headers = response.headers_mut();
        headers.insert(ETAG, tag.header());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response
    }
}

impl From<StockRow> for StockView {
    fn from(row: StockRow) -> Self {
        Self {
            available: row.available(),
            on_hand: row.on_hand,
            reserved: row.reserved,
            version: row.version,
            low_stock: row.low_stock,
            updated_at: Some(row.updated_at),
            sku: row.sku,
            strategy: None,
        }
    }
}

/// The version that the client's `If-Match` demands, when it has one.
///
/// # Errors
/// `bad-request` when it cannot be read, or names several states.
pub(super) fn demanded_version(app: &App, headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(tags) = Tags::read(headers, &IF_MATCH)? else {
        return Ok(None);
    };
    let Some(tags) = tags.strong() else {
        return Ok(None);
    };
    let ours: Vec<i64> = tags.filter_map(|tag| version(app, tag)).collect();
    match ours.as_slice() {
        [] => Ok(Some(NO_VERSION)),
        [version] => Ok(Some(*version)),
        _ => Err(Problem::new(ProblemKind::BadRequest)
            .detail("`If-Match` may name one state of the stock")),
    }
}

fn version(app: &App, opaque: &str) -> Option<i64> {
    let (incarnation, version) = opaque.split_once('.')?;
    let incarnation = u64::from_str_radix(incarnation, 16).ok()?;
    let version = i64::from_str_radix(version, 16).ok()?;
    (incarnation == app.store.incarnation()).then_some(version)
}
