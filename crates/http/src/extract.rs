//! Extractors: bodies, path parameters and query parameters, refused with problems.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use stanchion_jobs::Queue;
use stanchion_kernel::Uuid;
use stanchion_limiter::LimitName;
use stanchion_stock::MAX_SKU;

use crate::app::App;
use crate::problem::{Problem, ProblemKind};
use crate::{body, json};

/// A body of JSON, read strictly, with the bytes that it came in.
pub(crate) struct Strict<T> {
    pub(crate) value: T,
    pub(crate) bytes: Bytes,
}

impl<T: DeserializeOwned> FromRequest<App> for Strict<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let bytes = json_body(request, app, &["application/json"]).await?;
        Ok(Self {
            value: json::parse(&bytes)?,
            bytes,
        })
    }
}

/// A body of JSON as [`Strict`], or none.
pub(crate) struct Optional<T> {
    pub(crate) value: Option<T>,
    pub(crate) bytes: Bytes,
}

impl<T: DeserializeOwned> FromRequest<App> for Optional<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body): (Parts, Body) = request.into_parts();
        let bytes = body::read(&parts.headers, body, app.body_limits).await?;
        if bytes.is_empty() {
            return Ok(Self { value: None, bytes });
        }
        demand_type(&parts.headers, &["application/json"])?;
        Ok(Self {
            value: Some(json::parse(&bytes)?),
            bytes,
        })
    }
}

/// A JSON Merge Patch (RFC 7396), read strictly.
pub(crate) struct MergePatch(pub(crate) serde_json::Value);

impl FromRequest<App> for MergePatch {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let types = ["application/merge-patch+json", "application/json"];
        let bytes = json_body(request, app, &types).await?;
        Ok(Self(json::parse(&bytes)?))
    }
}

async fn json_body(request: Request, app: &App, types: &[&'static str]) -> Result<Bytes, Problem> {
    let (parts, body): (Parts, Body) = request.into_parts();
    demand_type(&parts.headers, types)?;
    body::read(&parts.headers, body, app.body_limits).await
}

/// Refuses a body of any other type.
pub(crate) fn demand_type(headers: &HeaderMap, types: &[&'static str]) -> Result<(), Problem> {
    let (essence, parameters) = media_type(headers);
    let utf8 = parameters
        .split(';')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .all(|(_, charset)| charset.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    if utf8 && types.contains(&essence.as_str()) {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::UnsupportedMediaType)
        .detail(format!("the body must be {}, in UTF-8", types.join(" or "))))
}

/// What the body is said to be, in small letters and without its parameters, and these.
pub(crate) fn media_type(headers: &HeaderMap) -> (String, &str) {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (essence, parameters) = given.split_once(';').unwrap_or((given, ""));
    (essence.trim().to_ascii_lowercase(), parameters)
}

/// The id in a path. Another text names nothing.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = Path::<Uuid>::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id))
            .map_err(|_| Problem::new(ProblemKind::NotFound))
    }
}

/// The SKU in a path. A text that can be none names nothing.
pub(crate) struct Sku(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Sku {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let can_be = |sku: &str| sku.chars().count() <= MAX_SKU && !sku.contains('\0');
        let sku = named(parts, state, |sku| can_be(&sku).then_some(sku));
        sku.await.map(Self)
    }
}

/// The name of a limit in a path. A text that can be none names nothing.
pub(crate) struct Named(pub(crate) LimitName);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = named(parts, state, |name| name.parse().ok());
        name.await.map(Self)
    }
}

/// The name of a queue in a path. A text that can be none names nothing.
pub(crate) struct QueueName(pub(crate) Queue);

impl<S: Send + Sync> FromRequestParts<S> for QueueName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = named(parts, state, |name| name.parse().ok());
        name.await.map(Self)
    }
}

/// The name of a rendition in a path. A text that can be none names nothing.
pub(crate) struct RenditionName(pub(crate) String);

/// The longest name of a rendition.
const MAX_RENDITION_NAME: usize = 100;

impl<S: Send + Sync> FromRequestParts<S> for RenditionName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        let can_be = |name: &str| name.len() <= MAX_RENDITION_NAME && name.bytes().all(is_plain);
        let name = named(parts, state, |name| can_be(&name).then_some(name));
        name.await.map(Self)
    }
}

/// What the text in a path names; `not-found` for one that can name nothing.
async fn named<S: Send + Sync, T>(
    parts: &mut Parts,
    state: &S,
    read: impl FnOnce(String) -> Option<T>,
) -> Result<T, Problem> {
    let text = Path::<String>::from_request_parts(parts, state).await;
    text.ok()
        .and_then(|Path(text)| read(text))
        .ok_or_else(|| Problem::new(ProblemKind::NotFound))
}

/// Query parameters, in their order.
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let bad = |why: &str| Problem::new(ProblemKind::BadRequest).detail(why);
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| bad("the query cannot be read"))?;
        // Neither database keeps such a text, and no name or word has one.
        if pairs
            .iter()
            .any(|(name, value)| name.contains('\0') || value.contains('\0'))
        {
            return Err(bad("the query contains a NUL character"));
        }
        Ok(Self(pairs))
    }
}

impl IntoIterator for Parameters {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Puts a parameter's value in its place, once.
pub(crate) fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), Problem> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => {
            Err(Problem::new(ProblemKind::BadRequest).detail(format!("`{name}` is given twice")))
        }
    }
}

/// The value of a parameter that is a number.
pub(crate) fn number(name: &str, value: &str) -> Result<u32, Problem> {
    value.parse().map_err(|_| {
        Problem::new(ProblemKind::BadRequest).detail(format!("`{name}` must be a whole number"))
    })
}

/// A parameter that the route does not have.
pub(crate) fn unknown(name: &str) -> Problem {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    Problem::new(ProblemKind::BadRequest).detail(format!("there is no parameter `{shown}`"))
}
