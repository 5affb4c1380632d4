use axum::Json;
use axum::extract::State;
use serde::Serialize;
use stanchion_kernel::Uuid;
use utoipa::ToSchema;

use super::view::KeyView;
use crate::app::App;
use crate::extract::{Parameters, number, once, unknown};
use crate::problem::{Problem, ProblemKind};

const MAX_LIMIT: u32 = 200;
const DEFAULT_LIMIT: u32 = 50;

/// A page of API keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyPage {
    /// The newest first.
    items: Vec<KeyView>,
    /// The `cursor` of the next page; `null` on the last one.
    next_cursor: Option<Uuid>,
}

/// API keys
///
/// Revoked and expired ones too.
#[utoipa::path(get, path = "/v1/keys", tag = "keys",
    params(
        ("limit" = Option<u32>, Query, description = "The most keys of the page; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<Uuid>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = KeyPage)))]
pub(crate) async fn list_keys(
    State(app): State<App>,
    parameters: Parameters,
) -> Result<Json<KeyPage>, Problem> {
    let (limit, before) = read(parameters)?;
    let mut records = app.keys.list(before, limit + 1).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records.last().filter(|_| more).map(|record| record.id);
    Ok(Json(KeyPage {
        items: records.into_iter().map(KeyView::from).collect(),
        next_cursor,
    }))
}

fn read(parameters: Parameters) -> Result<(u32, Option<Uuid>), Problem> {
    let (mut limit, mut cursor) = (None, None);
    for (name, value) in parameters {
        match name.as_str() {
            "limit" => once(&mut limit, &name, number(&name, &value)?)?,
            "cursor" => {
                let id: Uuid = value
                    .parse()
                    .map_err(|_| Problem::new(ProblemKind::InvalidCursor))?;
                once(&mut cursor, &name, id)?;
            }
            _ => return Err(unknown(&name)),
        }
    }
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let problem = Problem::new(ProblemKind::BadRequest);
        return Err(problem.detail(format!("limit must be from 1 to {MAX_LIMIT}")));
    }
    Ok((limit, cursor))
}
