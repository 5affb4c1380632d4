use axum::Json;
use axum::extract::State;
use stanchion_jobs::JobId;
use stanchion_jobs::State as Stands;
use stanchion_jobs::port::Cancelled;

use super::representation::JobView;
use crate::app::App;
use crate::auth::Caller;
use crate::describe::CancelProblems;
use crate::extract::Id;
use crate::problem::{Problem, ProblemKind};

/// Cancel a job
///
/// At once when nobody runs it; otherwise its worker hears of it with its next heartbeat, and `cancel_requested` says so.
/// Asking again is answered alike.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", tag = "jobs",
    params(("id" = stanchion_kernel::Uuid, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobView), CancelProblems))]
pub(crate) async fn cancel_job(
    State(app): State<App>,
    Id(id): Id,
    caller: Caller,
) -> Result<Json<JobView>, Problem> {
    match app.jobs.cancel(JobId(id)).await? {
        Cancelled::Now | Cancelled::Requested => {
            tracing::info!(job = %id, by = caller.key(), "a job's end was asked for");
        }
        Cancelled::Ended(Stands::Cancelled) => {}
        Cancelled::Ended(state) => {
            return Err(Problem::new(ProblemKind::JobEnded).with("state", state.as_str()));
        }
        Cancelled::NoJob => return Err(Problem::new(ProblemKind::NotFound)),
    }
    let row = app.jobs.status(JobId(id)).await?;
    Ok(Json(row.into()))
}
