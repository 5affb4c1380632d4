use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stanchion_jobs::{
    Args, Enqueued, JobId, Kind, NewJob, Priority, Queue, RunAt, Traceparent, Unique, UniqueScope,
};
use stanchion_kernel::Timestamp;
use utoipa::ToSchema;

use super::policy::PolicyInput;
use crate::app::App;
use crate::auth::Caller;
use crate::describe::EnqueueProblems;
use crate::extract::Strict;
use crate::idempotency::{self, Retry};
use crate::problem::{Problem, ProblemKind};
use crate::trace_context::TraceText;

/// The most bytes of a unique key.
const MAX_UNIQUE_BYTES: usize = 1024;

/// A job to be done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewJob)]
pub(crate) struct JobInput {
    /// What to do; a worker that knows the kind does it.
    #[schema(pattern = "^[a-z][a-z0-9._-]{0,63}$", example = "mail.welcome")]
    kind: String,
    /// Where it waits.
    #[schema(pattern = "^[a-z][a-z0-9._-]{0,63}$", example = "mail")]
    queue: String,
    /// What the worker is told: any JSON of at most 64 KiB. What is larger belongs into the object store, and its key here.
    #[serde(default)]
    args: Value,
    /// 0, the most urgent, to 9; 4 when absent.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 9)]
    priority: Option<u8>,
    /// When it may run; at once when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    run_at: Option<Timestamp>,
    /// After how long it may run, at most ten years; without `run_at`.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 316_224_000)]
    delay_seconds: Option<u64>,
    /// Of what it is the only one.
    #[serde(default)]
    unique: Option<UniqueInput>,
    /// What it may cost.
    #[serde(default)]
    policy: PolicyInput,
}

/// Of what a job is the only one: a second one of the same kind and key is not enqueued while the first is in scope.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UniqueInput {
    /// What makes it the only one of its kind.
    #[schema(min_length = 1, max_length = 1024, example = "customer-4711")]
    key: String,
    /// While it is in which states; `unfinished` when absent.
    #[serde(default)]
    scope: ScopeWord,
}

/// The states in which a unique job keeps others away.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScopeWord {
    /// While it waits for its first attempt.
    Unstarted,
    /// Until it has ended.
    #[default]
    Unfinished,
    /// Until it has ended otherwise than as a dead letter.
    UnfinishedOrDead,
    /// Until its history is forgotten.
    Remembered,
}

/// What became of a job to be enqueued.
#[derive(Serialize, ToSchema)]
#[schema(as = Enqueued)]
pub(crate) struct EnqueuedView {
    /// The job that will be done: the new one, or the one that is there.
    #[schema(value_type = stanchion_kernel::Uuid)]
    id: JobId,
    /// Whether another one is the only one, and nothing was enqueued.
    duplicate: bool,
}

/// Enqueue a job
///
/// Once it is acknowledged the job is not lost: it ends completed, as a dead letter, or cancelled. The trace of this request
/// goes on in the worker. With an `Idempotency-Key` a retry gets the first answer again and enqueues nothing.
#[utoipa::path(post, path = "/v1/jobs", tag = "jobs", request_body = JobInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the client, the same for a retry",
        min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses(
        (status = 201, description = "It is enqueued", body = EnqueuedView, headers(
            ("Location" = String, description = "Where it is"),
        )),
        (status = 200, description = "Another one is the only one", body = EnqueuedView, headers(
            ("Location" = String, description = "Where that is"),
        )),
        EnqueueProblems,
    ))]
pub(crate) async fn enqueue_job(
    State(app): State<App>,
    caller: Caller,
    trace: Option<Extension<TraceText>>,
    headers: HeaderMap,
    input: Strict<JobInput>,
) -> Result<Response, Problem> {
    let key = idempotency::key(&caller, "POST /v1/jobs", &headers, &input.bytes)?;
    let job = NewJob {
        traceparent: trace.and_then(|trace| Traceparent::new(trace.text()).ok()),
        ..checked(app.jobs.next_id(), input.value)?
    };
    let Some(key) = key else {
        return answer(&app.jobs.enqueue_all(None, vec![job]).await?);
    };
    let mut tx = app.store.begin().await?;
    match key.claim(&mut tx, app.idempotency_keep).await? {
        Retry::Of(first) => {
            tx.rollback().await?;
            Ok(first)
        }
        Retry::No => {
            let enqueued = app.jobs.enqueue_all(Some(&mut tx), vec![job]).await?;
            let response = key.keep(&mut tx, answer(&enqueued)?).await?;
            tx.commit().await?;
            Ok(response)
        }
    }
}

fn checked(id: JobId, input: JobInput) -> Result<NewJob, Problem> {
    let kind = Kind::new(&input.kind)?;
    let queue = Queue::new(&input.queue)?;
    let priority = input.priority.map(Priority::new).transpose()?;
    let run_at = match (input.run_at, input.delay_seconds) {
        (None, None) => RunAt::Now,
        (Some(at), None) => RunAt::At(at),
        (None, Some(seconds)) => RunAt::After(Duration::from_secs(seconds)),
        (Some(_), Some(_)) => {
            let message = "goes without `run_at` only".to_owned();
            return Err(Problem::invalid("/delay_seconds", message));
        }
    };
    let unique = input.unique.map(|unique| only_one(&kind, &unique));
    let job = NewJob {
        priority: priority.unwrap_or_default(),
        run_at,
        policy: input.policy.policy(),
        unique: unique.transpose()?,
        ..NewJob::new(id, kind, queue, Args::of(&input.args)?)
    };
    job.check()?;
    Ok(job)
}

fn only_one(kind: &Kind, input: &UniqueInput) -> Result<Unique, Problem> {
    if !(1..=MAX_UNIQUE_BYTES).contains(&input.key.len()) {
        let message = format!("must have 1 to {MAX_UNIQUE_BYTES} bytes");
        return Err(Problem::invalid("/unique/key", message));
    }
    Ok(Unique {
        key: Unique::key(kind, input.key.as_bytes()),
        scope: match input.scope {
            ScopeWord::Unstarted => UniqueScope::Unstarted,
            ScopeWord::Unfinished => UniqueScope::Unfinished,
            ScopeWord::UnfinishedOrDead => UniqueScope::UnfinishedOrDead,
            ScopeWord::Remembered => UniqueScope::Remembered,
        },
    })
}

fn answer(enqueued: &[Enqueued]) -> Result<Response, Problem> {
    let first = enqueued.first().copied();
    let enqueued = first.ok_or_else(|| Problem::new(ProblemKind::Internal))?;
    let duplicate = matches!(enqueued, Enqueued::Duplicate { .. });
    let status = if duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let id = enqueued.id();
    let mut response = (status, Json(EnqueuedView { id, duplicate })).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/jobs/{id}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}
