use axum::Json;
use axum::extract::State;
use serde::Serialize;
use stanchion_jobs::port::Filter;
use stanchion_jobs::{JobId, Reason};
use stanchion_kernel::Uuid;
use utoipa::ToSchema;

use super::representation::{JobView, ReasonName, StateName};
use crate::app::App;
use crate::extract::{Parameters, number, once, unknown};
use crate::problem::{Problem, ProblemKind};

const MAX_LIMIT: u32 = 200;
const DEFAULT_LIMIT: u32 = 50;

/// A page of jobs.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobPage {
    /// The newest first. A page may have fewer jobs than were asked for, or none, and still not be the last.
    items: Vec<JobView>,
    /// The `cursor` of the next page; `null` on the last one.
    next_cursor: Option<Uuid>,
}

/// Jobs
///
/// The newest first, those that have ended too.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs",
    params(
        ("state" = inline(Option<StateName>), Query, description = "In this state"),
        ("queue" = Option<String>, Query, description = "In this queue", pattern = "^[a-z][a-z0-9._-]{0,63}$"),
        ("kind" = Option<String>, Query, description = "Of this kind", pattern = "^[a-z][a-z0-9._-]{0,63}$"),
        ("reason" = inline(Option<ReasonName>), Query, description = "Ended for this reason"),
        ("limit" = Option<u32>, Query, description = "The most jobs of the page; 50 when absent", minimum = 1, maximum = 200),
        ("cursor" = Option<Uuid>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = JobPage)))]
pub(crate) async fn list_jobs(
    State(app): State<App>,
    parameters: Parameters,
) -> Result<Json<JobPage>, Problem> {
    let (filter, before, limit) = read(parameters)?;
    let page = app.jobs.list(filter, before, limit).await?;
    Ok(Json(JobPage {
        items: page.jobs.into_iter().map(JobView::from).collect(),
        next_cursor: page.next.map(|id| id.0),
    }))
}

fn read(parameters: Parameters) -> Result<(Filter, Option<JobId>, u32), Problem> {
    let bad = |why: String| Problem::new(ProblemKind::BadRequest).detail(why);
    let (mut filter, mut limit, mut cursor) = (Filter::default(), None, None);
    for (name, value) in parameters {
        let no_such = || bad(format!("there is no such {name}"));
        match name.as_str() {
            "state" => {
                let state = stanchion_jobs::State::parse(&value).ok_or_else(no_such)?;
                once(&mut filter.state, &name, state)?;
            }
            "reason" => {
                let reason = Reason::parse(&value).ok_or_else(no_such)?;
                once(&mut filter.reason, &name, reason)?;
            }
            "queue" => {
                let queue = value.parse().map_err(|_| no_such())?;
                once(&mut filter.queue, &name, queue)?;
            }
            "kind" => {
                let kind = value.parse().map_err(|_| no_such())?;
                once(&mut filter.kind, &name, kind)?;
            }
            "limit" => once(&mut limit, &name, number(&name, &value)?)?,
            "cursor" => {
                let id = value.parse();
                let id = id.map_err(|_| Problem::new(ProblemKind::InvalidCursor))?;
                once(&mut cursor, &name, id)?;
            }
            _ => return Err(unknown(&name)),
        }
    }
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(bad(format!("limit must be from 1 to {MAX_LIMIT}")));
    }
    Ok((filter, cursor, limit))
}
