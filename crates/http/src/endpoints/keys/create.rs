use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use stanchion_store::keys::NewKey;
use utoipa::ToSchema;

use super::view::KeyView;
use crate::app::App;
use crate::auth::{ApiKey, Caller, Scope};
use crate::describe::ContentProblems;
use crate::extract::Strict;
use crate::problem::{Problem, ProblemKind};

const MAX_NAME: usize = 100;
/// Ten years.
const MAX_LIFE_SECONDS: u64 = 10 * 366 * 24 * 60 * 60;

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyInput {
    /// 1 to 100 characters, none of them a control character.
    #[schema(min_length = 1, max_length = 100, example = "web shop")]
    name: String,
    /// What it shall allow: no more than the caller's own credential does.
    #[schema(value_type = Vec<Scope>, min_items = 1, example = json!(["catalog:read"]))]
    scopes: Vec<String>,
    /// How long it shall live; for ever when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 316_224_000)]
    expires_in_seconds: Option<u64>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyView {
    /// The credential. It is shown this once.
    key: String,
    #[serde(flatten)]
    record: KeyView,
}

/// Make an API key
///
/// The answer shows its secret, which is stored as a keyed hash only and cannot be shown again.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = KeyInput, responses(
    (status = 201, description = "The key", body = NewKeyView),
    ContentProblems,
))]
pub(crate) async fn create_key(
    State(app): State<App>,
    caller: Caller,
    input: Strict<KeyInput>,
) -> Result<(StatusCode, Json<NewKeyView>), Problem> {
    let new = check(input.value, &caller)?;
    let made = app.keys.create(new).await?;
    tracing::info!(id = %made.record.id, name = made.record.name, by = caller.key(), "API key made");
    let key = ApiKey {
        id: made.record.id,
        secret: made.secret,
    };
    let view = NewKeyView {
        key: key.to_string(),
        record: made.record.into(),
    };
    Ok((StatusCode::CREATED, Json(view)))
}

fn check(input: KeyInput, caller: &Caller) -> Result<NewKey, Problem> {
    let mut errors = Vec::new();
    let mut refuse = |pointer: String, message: String| errors.push((pointer, message));
    let length = input.name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || input.name.chars().any(char::is_control) {
        refuse(
            "/name".to_owned(),
            "must have 1 to 100 characters, no control characters".to_owned(),
        );
    }
    if input.scopes.is_empty() {
        refuse(
            "/scopes".to_owned(),
            "must name at least one scope".to_owned(),
        );
    }
    let mut scopes: Vec<Scope> = Vec::new();
    for (n, name) in input.scopes.iter().enumerate() {
        match name.parse() {
            Ok(scope) if scopes.contains(&scope) => {
                refuse(format!("/scopes/{n}"), "is named twice".to_owned());
            }
            Ok(scope) => scopes.push(scope),
            Err(error) => refuse(format!("/scopes/{n}"), error.to_string()),
        }
    }
    if input
        .expires_in_seconds
        .is_some_and(|life| !(1..=MAX_LIFE_SECONDS).contains(&life))
    {
        refuse(
            "/expires_in_seconds".to_owned(),
            format!("must be from 1 to {MAX_LIFE_SECONDS}"),
        );
    }
    if !errors.is_empty() {
        return Err(Problem::new(ProblemKind::Validation).errors(errors));
    }
    if let Some(scope) = scopes.iter().find(|scope| !caller.scopes.allows(**scope)) {
        return Err(Problem::new(ProblemKind::Forbidden)
            .detail(format!(
                "a key cannot be given `{scope}` by a caller who does not have it"
            ))
            .with("scope", scope.as_str()));
    }
    Ok(NewKey {
        name: input.name,
        scopes: scopes.into_iter().map(|scope| scope.to_string()).collect(),
        expires_in: input.expires_in_seconds.map(Duration::from_secs),
    })
}
