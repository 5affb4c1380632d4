use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use stanchion_jobs::desk::Report;
use stanchion_jobs::{Failure, JobId, JobRow, Reason};
use stanchion_kernel::{Timestamp, Uuid};
use utoipa::ToSchema;

use super::fence::fence;
use super::representation::{ReasonName, StateName};
use crate::app::App;
use crate::describe::HeldProblems;
use crate::extract::{Id, Strict};
use crate::problem::Problem;

/// The longest that a worker can have a job wait, in seconds: 30 days.
const LONGEST_WAIT_SECONDS: u64 = 30 * 24 * 60 * 60;

/// How an attempt ended that did not do its job.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailInput {
    /// The number of the attempt, as the claim gave it.
    #[schema(minimum = 1)]
    attempt: u32,
    /// The lease, as the claim gave it.
    lease: Uuid,
    /// Why; `error` when absent.
    #[serde(default)]
    reason: Why,
    /// What is told about it; it is cut after 2000 characters.
    #[serde(default)]
    message: String,
    /// When it is tried again, with the reasons `error` and `snoozed` only; by the job's policy when absent.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 2_592_000)]
    retry_after_seconds: Option<u64>,
}

/// Why an attempt ended.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// Something went wrong; the job is tried again by its policy.
    #[default]
    Error,
    /// No other attempt will do better: a dead letter at once.
    Permanent,
    /// The arguments are not what the worker takes: a dead letter at once.
    Arguments,
    /// The worker's code broke.
    Panic,
    /// It took too long.
    Timeout,
    /// It needed more memory than it may have; its input becomes a suspect.
    OutOfMemory,
    /// A process that the worker started died of it; its input becomes a suspect.
    Crash,
    /// It is too early; with `retry_after_seconds`. No failure.
    Snoozed,
    /// The worker stops, or the job is to be cancelled. No failure.
    GivenBack,
    /// The worker does not know its kind: it is parked until one does. No failure.
    UnknownKind,
}

/// What became of a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct Failed {
    /// Which.
    #[schema(value_type = stanchion_kernel::Uuid)]
    id: JobId,
    /// `waiting` when it is tried again, `parked`, `dead` or `cancelled`.
    #[schema(value_type = StateName)]
    state: stanchion_jobs::State,
    /// When it may run, of one that waits.
    #[schema(value_type = String, format = DateTime)]
    run_at: Timestamp,
    /// How many attempts have failed.
    failures: u32,
    /// Why it ended, if it did.
    #[schema(value_type = Option<ReasonName>)]
    reason: Option<Reason>,
}

/// Fail a job
///
/// For its holder: the attempt ended without having done the job. What becomes of the job is decided by its policy and the
/// reason; the answer says it. 409 `lease-lost` means that the job is another's, or has ended, and nothing was changed.
#[utoipa::path(post, path = "/v1/jobs/{id}/fail", tag = "jobs", request_body = FailInput,
    params(("id" = stanchion_kernel::Uuid, Path, description = "The job")),
    responses((status = 200, description = "What became of it", body = Failed), HeldProblems))]
pub(crate) async fn fail_job(
    State(app): State<App>,
    Id(id): Id,
    input: Strict<FailInput>,
) -> Result<Json<Failed>, Problem> {
    let input = input.value;
    let fence = fence(id, input.attempt, input.lease);
    let row: JobRow = app.desk.fail(fence, report(input)?).await?;
    Ok(Json(Failed {
        id: row.id,
        state: row.state,
        run_at: row.run_at,
        failures: row.failures,
        reason: row.reason,
    }))
}

fn report(input: FailInput) -> Result<Report, Problem> {
    let after = retry_after(&input)?;
    let message = input.message;
    Ok(match (input.reason, after) {
        (Why::Error, Some(after)) => Report::Failed(Failure::retry_after(after, message)),
        (Why::Error, None) => Report::Failed(Failure::Error(message.into())),
        (Why::Permanent, _) => Report::Failed(Failure::permanent(message)),
        (Why::Arguments, _) => Report::Arguments(message),
        (Why::Panic, _) => Report::Panicked(message),
        (Why::Timeout, _) => Report::TimedOut,
        (Why::OutOfMemory, _) => Report::Failed(Failure::OutOfMemory(message)),
        (Why::Crash, _) => Report::Failed(Failure::Crash(message)),
        (Why::Snoozed, after) => Report::Failed(Failure::Snooze(after.unwrap_or_default())),
        (Why::GivenBack, _) => Report::GivenBack,
        (Why::UnknownKind, _) => Report::UnknownKind,
    })
}

fn retry_after(input: &FailInput) -> Result<Option<Duration>, Problem> {
    let message = match (input.reason, input.retry_after_seconds) {
        (Why::Snoozed, None) => "is needed with the reason `snoozed`".to_owned(),
        (Why::Error | Why::Snoozed, Some(seconds)) if seconds > LONGEST_WAIT_SECONDS => {
            format!("is more than {LONGEST_WAIT_SECONDS}")
        }
        (Why::Error | Why::Snoozed, seconds) => return Ok(seconds.map(Duration::from_secs)),
        (_, None) => return Ok(None),
        (_, Some(_)) => "goes with the reasons `error` and `snoozed` only".to_owned(),
    };
    Err(Problem::invalid("/retry_after_seconds", message))
}
