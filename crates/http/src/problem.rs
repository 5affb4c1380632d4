//! Errors as RFC 9457 problems: one type, one list of kinds, one place where they become bytes.

mod catalog;
mod jobs;
mod kind;
mod limiter;
mod schema;
mod stock;
mod store;

use axum::body::Body;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Map, Value};

pub use kind::ProblemKind;
pub(crate) use schema::{FieldProblem, ProblemSchema};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// Seconds that a client is asked to wait when nothing better is known.
const RETRY_AFTER_SECONDS: u32 = 1;

/// An error answer.
///
/// As a response it carries itself as an extension and has no body yet: the envelope around every route writes the
/// body, since only it knows the request's id.
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ProblemKind,
    detail: Option<String>,
    members: Map<String, Value>,
    challenge: Option<HeaderValue>,
    retry_after_seconds: Option<u32>,
    complete_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Wire<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    instance: &'a str,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// A problem of this kind, with nothing more to say about it.
    #[must_use]
    pub fn new(kind: ProblemKind) -> Self {
        Self(Box::new(Inner {
            kind,
            detail: None,
            members: Map::new(),
            challenge: None,
            retry_after_seconds: kind.is_transient().then_some(RETRY_AFTER_SECONDS),
            complete_bytes: None,
        }))
    }

    /// What is special about this occurrence, for a person. It must not hold secrets or internals.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// One more member, for a program.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// `validation`, with the one field that is not valid.
    #[must_use]
    pub fn invalid(pointer: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::new(ProblemKind::Validation).errors([(pointer.into(), why.to_string())])
    }

    /// The fields that are not valid, as the member `errors`.
    #[must_use]
    pub fn errors(self, errors: impl IntoIterator<Item = (String, String)>) -> Self {
        let errors: Vec<Value> = errors
            .into_iter()
            .map(|(pointer, message)| serde_json::json!({"pointer": pointer, "message": message}))
            .collect();
        self.with("errors", errors)
    }

    /// The `WWW-Authenticate` challenge of a 401 or 403.
    #[must_use]
    pub(crate) fn challenge(mut self, challenge: HeaderValue) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    /// After how many seconds the client may try again, as `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// How many bytes there are, of which none is in the range that was asked for, as `Content-Range`.
    #[must_use]
    pub fn complete_bytes(mut self, bytes: u64) -> Self {
        self.0.complete_bytes = Some(bytes);
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.0.kind
    }

    /// What is special about this occurrence.
    #[must_use]
    pub fn detail_text(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The body, for the request with this id.
    #[must_use]
    pub fn to_json(&self, request_id: &str) -> Vec<u8> {
        let wire = Wire {
            r#type: format!("/problems/{}", self.0.kind.name()),
            title: self.0.kind.title(),
            status: self.0.kind.status().as_u16(),
            detail: self.0.detail.as_deref(),
            instance: request_id,
            members: &self.0.members,
        };
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}

impl From<ProblemKind> for Problem {
    fn from(kind: ProblemKind) -> Self {
        Self::new(kind)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.kind.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.0.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(bytes) = self.0.complete_bytes
            && let Ok(range) = HeaderValue::from_str(&format!("bytes */{bytes}"))
        {
            headers.insert(CONTENT_RANGE, range);
        }
        if let Some(challenge) = &self.0.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The problem for an error answer that something else made: the framework, a panic.
pub(crate) fn of_status(status: StatusCode) -> ProblemKind {
    ProblemKind::ALL
        .iter()
        .copied()
        .find(|kind| kind.status() == status)
        .unwrap_or(if status.is_server_error() {
            ProblemKind::Internal
        } else {
            ProblemKind::BadRequest
        })
}
