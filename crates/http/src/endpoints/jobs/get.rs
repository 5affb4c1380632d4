use axum::Json;
use axum::extract::State;
use stanchion_jobs::JobId;

use super::representation::JobView;
use crate::app::App;
use crate::describe::JobProblems;
use crate::extract::Id;
use crate::problem::Problem;

/// One job
///
/// Jobs that have ended are kept for as long as the configuration says.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = stanchion_kernel::Uuid, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobView), JobProblems))]
pub(crate) async fn get_job(State(app): State<App>, Id(id): Id) -> Result<Json<JobView>, Problem> {
    let row = app.jobs.status(JobId(id)).await?;
    Ok(Json(row.into()))
}
