use axum::Json;
use axum::extract::State;
use serde::Serialize;
use stanchion_jobs::JobId;
use utoipa::ToSchema;

use super::fence::FenceInput;
use super::representation::StateName;
use crate::app::App;
use crate::describe::HeldProblems;
use crate::extract::{Id, Strict};
use crate::problem::Problem;

/// A job that is done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done {
    /// Which.
    #[schema(value_type = stanchion_kernel::Uuid)]
    id: JobId,
    /// `completed`.
    #[schema(value_type = StateName)]
    state: stanchion_jobs::State,
}

/// Complete a job
///
/// For its holder. Saying so again is answered alike; 409 `lease-lost` means that the job is another's, or has ended
/// otherwise, and nothing was changed.
#[utoipa::path(post, path = "/v1/jobs/{id}/complete", tag = "jobs", request_body = FenceInput,
    params(("id" = stanchion_kernel::Uuid, Path, description = "The job")),
    responses((status = 200, description = "It is done", body = Done), HeldProblems))]
pub(crate) async fn complete_job(
    State(app): State<App>,
    Id(id): Id,
    input: Strict<FenceInput>,
) -> Result<Json<Done>, Problem> {
    app.desk.complete(input.value.of(id)).await?;
    Ok(Json(Done {
        id: JobId(id),
        state: stanchion_jobs::State::Completed,
    }))
}
