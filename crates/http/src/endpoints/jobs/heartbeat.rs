use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use stanchion_jobs::Progress;
use stanchion_jobs::port::Pulse;
use stanchion_kernel::Uuid;
use utoipa::ToSchema;

use super::fence::fence;
use crate::app::App;
use crate::describe::HeldProblems;
use crate::endpoints::queues::claim::lease_for;
use crate::extract::{Id, Strict};
use crate::problem::Problem;

/// A sign of life.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatInput {
    /// The number of the attempt, as the claim gave it.
    #[schema(minimum = 1)]
    attempt: u32,
    /// The lease, as the claim gave it.
    lease: Uuid,
    /// For how long the job is leased from now on; as the server is set when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3600)]
    lease_seconds: Option<u64>,
    /// How far it is.
    #[serde(default)]
    progress: Option<ProgressInput>,
}

/// How far a job is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProgressInput {
    /// 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    percent: u8,
    /// A word to go with it; it is cut after 2000 characters.
    #[serde(default)]
    message: String,
}

/// What a worker learns.
#[derive(Serialize, ToSchema)]
pub(crate) struct PulseView {
    /// Somebody asks for the job's end: stop, and tell it with `fail` and the reason `given_back`.
    cancel_requested: bool,
}

/// Keep the lease of a job
///
/// For its holder; send one well before the lease is over. An attempt that has taken longer than its policy allows cannot be
/// prolonged: it ends as a timeout then, and the answer is 409 `lease-lost`.
#[utoipa::path(post, path = "/v1/jobs/{id}/heartbeat", tag = "jobs", request_body = HeartbeatInput,
    params(("id" = stanchion_kernel::Uuid, Path, description = "The job")),
    responses((status = 200, description = "The job is held", body = PulseView), HeldProblems))]
pub(crate) async fn beat_job(
    State(app): State<App>,
    Id(id): Id,
    input: Strict<HeartbeatInput>,
) -> Result<Json<PulseView>, Problem> {
    let input = input.value;
    let lease: Option<Duration> = lease_for(input.lease_seconds)?;
    let progress = input.progress.as_ref().map(progress).transpose()?;
    let fence = fence(id, input.attempt, input.lease);
    let pulse = app.desk.heartbeat(fence, progress, lease).await?;
    Ok(Json(PulseView {
        cancel_requested: pulse == Pulse::CancelRequested,
    }))
}

fn progress(input: &ProgressInput) -> Result<Progress, Problem> {
    if input.percent > 100 {
        return Err(Problem::invalid("/progress/percent", "is 0 to 100"));
    }
    Ok(Progress::new(input.percent, &input.message))
}
