//! How a job is sent.

use serde::Serialize;
use serde_json::value::RawValue;
use stanchion_jobs::{Attempt, JobId, JobRow, Priority, Reason};
use stanchion_kernel::Timestamp;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::policy::PolicyView;

/// The name of a state.
pub(crate) struct StateName;

impl PartialSchema for StateName {
    fn schema() -> RefOr<Schema> {
        let names = stanchion_jobs::State::ALL.map(stanchion_jobs::State::as_str);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for StateName {}

/// The name of a reason.
pub(crate) struct ReasonName;

impl PartialSchema for ReasonName {
    fn schema() -> RefOr<Schema> {
        let names = Reason::all().iter().map(|reason| reason.as_str());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for ReasonName {}

/// A job.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    #[schema(value_type = stanchion_kernel::Uuid)]
    id: JobId,
    /// What to do.
    kind: String,
    /// Where it waits, or waited.
    queue: String,
    /// 0, the most urgent, to 9.
    #[schema(value_type = u8, minimum = 0, maximum = 9)]
    priority: Priority,
    #[schema(value_type = StateName)]
    state: stanchion_jobs::State,
    /// The arguments.
    #[schema(value_type = serde_json::Value)]
    args: Box<RawValue>,
    /// The hash of what it works on.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    input: String,
    policy: PolicyView,
    /// The number of the last attempt; 0 before the first.
    attempt: u32,
    /// How many attempts have failed.
    failures: u32,
    /// How often its lease was lost.
    lost_leases: u32,
    /// It runs with nothing beside it, since a process died on its input.
    alone: bool,
    /// Somebody asked for its end.
    cancel_requested: bool,
    progress: Option<ProgressView>,
    /// The W3C trace context of who enqueued it.
    traceparent: Option<String>,
    /// Who runs it, or ran it last.
    worker: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it may run.
    #[schema(value_type = String, format = DateTime)]
    run_at: Timestamp,
    /// When the last attempt began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// Until when it is leased.
    #[schema(value_type = Option<String>, format = DateTime)]
    leased_until: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// Why it ended; of dead letters and cancelled jobs.
    #[schema(value_type = Option<ReasonName>)]
    reason: Option<Reason>,
    /// What is told about its end.
    message: Option<String>,
    /// The last attempts that ended otherwise than completed, the oldest first; at most 50.
    attempts: Vec<AttemptView>,
}

/// How far a job is.
#[derive(Serialize, ToSchema)]
#[schema(as = Progress)]
pub(crate) struct ProgressView {
    /// 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    percent: u8,
    message: String,
}

/// An attempt that is over.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptView {
    /// Its number, from 1.
    number: u32,
    /// Who ran it.
    worker: String,
    /// When it began; `null` for one that was claimed and never began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    ended_at: Timestamp,
    #[schema(value_type = ReasonName)]
    reason: Reason,
    /// What is told about it.
    message: String,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            worker: attempt.worker,
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
            reason: attempt.reason,
            message: attempt.message,
        }
    }
}

impl From<JobRow> for JobView {
    fn from(row: JobRow) -> Self {
        let progress = row.progress.map(|progress| ProgressView {
            percent: progress.percent,
            message: progress.message,
        });
        Self {
            id: row.id,
            kind: row.kind.to_string(),
            queue: row.queue.to_string(),
            priority: row.priority,
            state: row.state,
            args: raw(&row.args),
            input: row.input.to_string(),
            policy: PolicyView::from(&row.policy),
            attempt: row.attempt,
            failures: row.failures,
            lost_leases: row.lost_leases,
            alone: row.alone,
            cancel_requested: row.cancel_requested,
            progress,
            traceparent: row.traceparent.map(|parent| parent.as_str().to_owned()),
            worker: row.worker,
            created_at: row.created_at,
            run_at: row.run_at,
            started_at: row.started_at,
            leased_until: row.leased_until,
            finished_at: row.finished_at,
            reason: row.reason,
            message: row.message,
            attempts: row.attempts.into_iter().map(AttemptView::from).collect(),
        }
    }
}

/// The arguments as they are stored.
pub(crate) fn raw(args: &stanchion_jobs::Args) -> Box<RawValue> {
    RawValue::from_string(args.as_str().to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
