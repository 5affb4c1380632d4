use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use stanchion_jobs::port::{LeftBehind, Replay, Which};
use stanchion_jobs::{Args, JobId};
use utoipa::ToSchema;

use super::representation::JobView;
use crate::app::App;
use crate::auth::Caller;
use crate::describe::RetryProblems;
use crate::extract::{Id, Optional};
use crate::problem::{Problem, ProblemKind};

/// How a dead letter is tried again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryInput {
    /// What its arguments become, as a JSON Merge Patch (RFC 7396).
    #[serde(default)]
    edit: Option<Value>,
}

/// Try a dead letter again
///
/// It waits again with its id, its attempts and its trace; its failures are forgotten. What processes died on runs alone.
#[utoipa::path(post, path = "/v1/jobs/{id}/retry", tag = "jobs", request_body = Option<RetryInput>,
    params(("id" = stanchion_kernel::Uuid, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobView), RetryProblems))]
pub(crate) async fn retry_job(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
    input: Optional<RetryInput>,
) -> Result<Json<JobView>, Problem> {
    let edit = input.value.and_then(|input| input.edit);
    let edit = edit.map(|edit| Args::of(&edit)).transpose()?;
    let replay = Replay {
        which: Which::Ids(vec![JobId(id)]),
        edit,
        dry_run: false,
    };
    let replayed = app.jobs.replay(replay, 1).await?;
    if let Some((_, why)) = replayed.left.first() {
        return Err(left(why));
    }
    let row = app.jobs.status(JobId(id)).await?;
    if replayed.jobs.is_empty() {
        return Err(Problem::new(ProblemKind::NotADeadLetter).with("state", row.state.as_str()));
    }
    tracing::info!(job = %id, by = caller.key(), "a dead letter is tried again");
    Ok(Json(row.into()))
}

fn left(why: &LeftBehind) -> Problem {
    match why {
        LeftBehind::Duplicate(of) => {
            Problem::new(ProblemKind::DuplicateJob).with("job", of.to_string())
        }
        LeftBehind::ArgsTooLarge => Problem::new(ProblemKind::PayloadTooLarge)
            .detail("the arguments would become too large"),
    }
}
