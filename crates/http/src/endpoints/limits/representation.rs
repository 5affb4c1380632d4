//! How a limit is sent, and which of its states a client names.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use stanchion_kernel::Timestamp;
use stanchion_limiter::registry::{Precondition, Stored};
use stanchion_limiter::{Fallback, Limit};
use utoipa::ToSchema;

use crate::app::App;
use crate::conditional::{ETag, Tags};
use crate::problem::Problem;

/// How quickly tokens come back: so many in every period, spread evenly over it.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rate)]
pub(crate) struct RateView {
    /// How many.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 100)]
    pub(crate) tokens: u64,
    /// In how many seconds.
    #[schema(minimum = 1, maximum = 316_224_000, example = 60)]
    pub(crate) period_seconds: u64,
}

/// What a limit says while its buckets cannot be reached.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Fallback)]
pub(crate) enum FallbackView {
    /// Nothing is admitted.
    #[default]
    Deny,
    /// Everything is admitted.
    Allow,
    /// Each of `servers` admits its share.
    Share,
}

/// Where a limit comes from.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// The configuration of the servers.
    Config,
    /// This interface.
    Api,
}

/// A limit.
#[derive(Serialize, ToSchema)]
#[schema(as = Limit)]
pub(crate) struct LimitView {
    /// Its name.
    name: String,
    rate: RateView,
    /// How many tokens a bucket holds.
    burst: u64,
    fallback: FallbackView,
    /// How many servers share it while its buckets cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    servers: Option<u16>,
    /// Whether it decides and counts and never denies.
    shadow: bool,
    /// In how many parts each bucket is kept, on backends that have parts.
    parts: u16,
    source: Source,
    /// Newer with each change; for one that is not set by the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// When it was changed last, by the database's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl LimitView {
    /// Of a limit that the configuration sets.
    pub(super) fn fixed(limit: &Limit) -> Self {
        let (fallback, servers) = match limit.fallback() {
            Fallback::Deny => (FallbackView::Deny, None),
            Fallback::Allow => (FallbackView::Allow, None),
            Fallback::Share { servers } => (FallbackView::Share, Some(servers.get())),
        };
        let rate = limit.rate();
        Self {
            name: limit.name().to_string(),
            rate: RateView {
                tokens: rate.tokens(),
                period_seconds: rate.period().as_secs(),
            },
            burst: limit.burst(),
            fallback,
            servers,
            shadow: limit.is_shadow(),
            parts: limit.parts(),
            source: Source::Config,
            version: None,
            updated_at: None,
        }
    }

    /// Of a stored limit.
    pub(super) fn stored(stored: &Stored) -> Self {
        Self {
            source: Source::Api,
            version: Some(stored.version),
            updated_at: Some(stored.updated_at),
            ..Self::fixed(&stored.limit)
        }
    }

    /// The answer, with its tag when it has one.
    pub(super) fn answer(self, app: &App, status: StatusCode) -> Response {
        let incarnation = app.store.incarnation();
        let tag = self
            .version
            .map(|version| ETag::new(format_args!("{incarnation:x}.{version:x}")));
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        if let Some(tag) = tag {
            headers.insert(ETAG, tag.header());
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response
    }
}

/// The states that the client's `If-Match` demands.
///
/// # Errors
/// `bad-request` when it cannot be read.
pub(super) fn precondition(app: &App, headers: &HeaderMap) -> Result<Precondition, Problem> {
    let Some(tags) = Tags::read(headers, &IF_MATCH)? else {
        return Ok(Precondition::None);
    };
    let Some(tags) = tags.strong() else {
        return Ok(Precondition::Exists);
    };
    let ours = tags.filter_map(|tag| version(app, tag));
    Ok(Precondition::OneOf(ours.collect()))
}

fn version(app: &App, opaque: &str) -> Option<i64> {
    let (incarnation, version) = opaque.split_once('.')?;
    let incarnation = u64::from_str_radix(incarnation, 16).ok()?;
    let version = i64::from_str_radix(version, 16).ok()?;
    (incarnation == app.store.incarnation()).then_some(version)
}
