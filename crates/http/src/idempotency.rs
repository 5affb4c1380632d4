//! Idempotency keys of requests: a retry gets the first answer again.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use stanchion_store::idempotency::{Claim, IdempotencyKey, StoredAnswer};
use stanchion_store::{StoreError, Tx};

use crate::auth::Caller;
use crate::body::collect;
use crate::problem::{Problem, ProblemKind};

const FIELD: HeaderName = HeaderName::from_static("idempotency-key");
/// Tells a client that the answer is an earlier one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const LONGEST: usize = 255;

/// The key of a request.
pub(crate) struct Key(IdempotencyKey);

impl Key {
    /// The key, for a part that keeps outcomes itself. `target` is what the path names: under one key two of them are
    /// two requests.
    pub(crate) fn of_target(mut self, target: &str) -> IdempotencyKey {
        let mut hash = blake3::Hasher::new();
        hash.update(target.as_bytes()).update(&self.0.fingerprint);
        self.0.fingerprint = *hash.finalize().as_bytes();
        self.0
    }
}

/// Whether a request is a retry.
pub(crate) enum Retry {
    /// It is the first.
    No,
    /// It was answered before, like this.
    Of(Response),
}

/// The key of a request, when it has one.
///
/// # Errors
/// `bad-request` for one that is not 1 to 255 visible characters, or that comes twice.
pub(crate) fn key(
    caller: &Caller,
    route: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<Key>, Problem> {
    let mut fields = headers.get_all(FIELD).iter();
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    let text = field.to_str().ok().filter(|text| {
        (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    });
    match (text, fields.next()) {
        (Some(text), None) => Ok(Some(Key(IdempotencyKey {
            caller: caller.key(),
            route: route.to_owned(),
            key: text.to_owned(),
            fingerprint: *blake3::hash(body).as_bytes(),
        }))),
        _ => Err(Problem::new(ProblemKind::BadRequest)
            .detail("`Idempotency-Key` must be one text of 1 to 255 visible ASCII characters")),
    }
}

impl Key {
    /// Claims the key in the transaction of the request's effect.
    pub(crate) async fn claim(&self, tx: &mut Tx, keep: Duration) -> Result<Retry, Problem> {
        match self.0.claim(tx, keep).await {
            Ok(Claim::Fresh) => Ok(Retry::No),
            Ok(Claim::Answered(answer)) => Ok(Retry::Of(replay(answer)?)),
            Ok(Claim::Mismatch) => Err(Problem::new(ProblemKind::IdempotencyKeyReused)),
            Err(StoreError::Busy(_)) => Err(Problem::new(ProblemKind::IdempotencyInProgress)),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps the answer, in the same transaction.
    pub(crate) async fn keep(&self, tx: &mut Tx, response: Response) -> Result<Response, Problem> {
        let (parts, body) = response.into_parts();
        let body = collect(body).await?;
        let headers: BTreeMap<&str, &str> = parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let answer = StoredAnswer {
            status: parts.status.as_u16(),
            headers: serde_json::to_string(&headers).unwrap_or_default(),
            body: body.to_vec(),
        };
        self.0.answer(tx, &answer).await?;
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

fn replay(answer: StoredAnswer) -> Result<Response, Problem> {
    let corrupt = || Problem::from(StoreError::Corrupt("a kept answer".to_owned()));
    let headers: BTreeMap<String, String> =
        serde_json::from_str(&answer.headers).map_err(|_| corrupt())?;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(|_| corrupt())?;
    for (name, value) in &headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| corrupt())?;
        let value = HeaderValue::from_str(value).map_err(|_| corrupt())?;
        response.headers_mut().insert(name, value);
    }
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
