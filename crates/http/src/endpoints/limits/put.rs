use std::num::NonZeroU16;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use stanchion_limiter::{Fallback, InvalidLimit, Limit, LimitName, MAX_FILL, Rate};
use utoipa::ToSchema;

use super::representation::{FallbackView, LimitView, RateView, precondition};
use crate::app::App;
use crate::auth::Caller;
use crate::describe::LimitProblems;
use crate::extract::{Named, Strict};
use crate::problem::Problem;

/// The most tokens of a rate: what every program reads from JSON as it is.
const MAX_TOKENS: u64 = (1 << 53) - 1;

/// A limit to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitInput {
    rate: RateView,
    /// How many tokens a bucket holds.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 200)]
    burst: u64,
    /// What it says while its buckets cannot be reached; `deny` when absent.
    #[serde(default)]
    fallback: FallbackView,
    /// How many servers there are; with the fallback `share`, and only then.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 65_535)]
    servers: Option<u16>,
    /// Whether it decides and counts and never denies.
    #[serde(default)]
    shadow: bool,
    /// In how many parts each bucket is kept, on backends that have parts; 1 when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 64)]
    parts: Option<u16>,
}

/// Set a limit
///
/// It is in effect here at once and on every other server within a second or two. A bucket keeps the tokens that fit. With
/// `If-Match` it happens only to the state that the tag stands for.
#[utoipa::path(put, path = "/v1/limits/{name}", tag = "limits", request_body = LimitInput,
    params(
        ("name" = String, Path, description = "Its name", pattern = "^[a-z0-9._-]{1,64}$"),
        ("If-Match" = Option<String>, Header, description = "The state that may be replaced",
            pattern = r#"^(\*|(W/)?"[!#-~]*")$"#),
    ),
    responses(
        (status = 200, description = "The limit, which was there before", body = LimitView, headers(
            ("ETag" = String, description = "This state of it"),
        )),
        (status = 201, description = "The limit, which is new", body = LimitView, headers(
            ("ETag" = String, description = "This state of it"),
        )),
        LimitProblems,
    ))]
pub(crate) async fn put_limit(
    State(app): State<App>,
    caller: Caller,
    Named(name): Named,
    headers: HeaderMap,
    input: Strict<LimitInput>,
) -> Result<Response, Problem> {
    let precondition = precondition(&app, &headers)?;
    let limit = check(&name, &input.value)?;
    let (stored, is_new) = app.limits.put(limit, &precondition).await?;
    tracing::info!(limit = %name, version = stored.version, by = caller.key(), "limit set");
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(LimitView::stored(&stored).answer(&app, status))
}

fn check(name: &LimitName, input: &LimitInput) -> Result<Limit, Problem> {
    let RateView {
        tokens,
        period_seconds,
    } = input.rate;
    if tokens > MAX_TOKENS {
        return Err(Problem::invalid(
            "/rate/tokens",
            format!("is more than {MAX_TOKENS}"),
        ));
    }
    if period_seconds > MAX_FILL.as_secs() {
        let most = MAX_FILL.as_secs();
        return Err(Problem::invalid(
            "/rate/period_seconds",
            format!("is more than {most}"),
        ));
    }
    let rate = Rate::new(tokens, Duration::from_secs(period_seconds));
    let limit = Limit::new(name.as_str(), rate, input.burst);
    let limit = limit.map_err(|error| not_valid(error, input))?;
    let limit = limit
        .in_parts(input.parts.unwrap_or(1))
        .map_err(|error| not_valid(error, input))?;
    let fallback = fallback(input)?;
    Ok(limit.with_fallback(fallback).in_shadow(input.shadow))
}

fn fallback(input: &LimitInput) -> Result<Fallback, Problem> {
    match (input.fallback, input.servers) {
        (FallbackView::Deny, None) => Ok(Fallback::Deny),
        (FallbackView::Allow, None) => Ok(Fallback::Allow),
        (FallbackView::Share, Some(servers)) => match NonZeroU16::new(servers) {
            Some(servers) => Ok(Fallback::Share { servers }),
            None => Err(Problem::invalid("/servers", "must be 1 or more")),
        },
        (FallbackView::Share, None) => Err(Problem::invalid(
            "/servers",
            "is needed with the fallback `share`",
        )),
        (_, Some(_)) => Err(Problem::invalid(
            "/servers",
            "goes with the fallback `share` only",
        )),
    }
}

fn not_valid(error: InvalidLimit, input: &LimitInput) -> Problem {
    let pointer = match error {
        InvalidLimit::Zero if input.burst == 0 => "/burst",
        InvalidLimit::Zero | InvalidLimit::Period => "/rate",
        InvalidLimit::Resolution | InvalidLimit::Fill => "/burst",
        InvalidLimit::Parts => "/parts",
        _ => "",
    };
    Problem::invalid(pointer, error)
}
