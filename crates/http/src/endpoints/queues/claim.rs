use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use stanchion_jobs::desk::{MAX_CLAIM, MAX_KINDS, Order};
use stanchion_jobs::{Claimed, JobId, Kind, LeaseId, Priority, Worker};
use stanchion_kernel::Timestamp;
use utoipa::ToSchema;

use crate::app::App;
use crate::describe::ClaimProblems;
use crate::endpoints::jobs::raw;
use crate::extract::{QueueName, Strict};
use crate::problem::Problem;

/// The longest that a claim can ask to wait; the server may answer sooner.
const LONGEST_WAIT_SECONDS: u64 = 20;
/// The longest lease.
const LONGEST_LEASE_SECONDS: u64 = 3600;

/// A wish for jobs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimInput {
    /// Who works; for people only.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[ -~]{1,128}$",
        example = "mailer-1"
    )]
    worker: String,
    /// The most jobs; 1 when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100)]
    max: Option<u32>,
    /// How long to wait for the first one; not at all when absent. The answer may come sooner, and empty.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 20)]
    wait_seconds: Option<u64>,
    /// For how long the jobs are leased; as the server is set when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3600)]
    lease_seconds: Option<u64>,
    /// The worker's process runs nothing at present. Then it may be given a suspect, on whose input a process died, and gets
    /// nothing beside it; who never says so leaves suspects to others.
    #[serde(default)]
    alone: bool,
    /// The kinds that the worker knows: jobs of these in the queue that were parked wait again.
    #[serde(default)]
    #[schema(max_items = 100)]
    kinds: Vec<String>,
}

/// The jobs that a worker holds from now on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Claims {
    /// None when there was nothing to do.
    jobs: Vec<ClaimedView>,
}

/// A job in the hands of a worker.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimedView {
    /// Which; the same in every attempt: the idempotency key for effects elsewhere.
    #[schema(value_type = stanchion_kernel::Uuid)]
    id: JobId,
    /// The number of the attempt: with the lease, what the holder shows.
    attempt: u32,
    /// The lease.
    #[schema(value_type = stanchion_kernel::Uuid)]
    lease: LeaseId,
    /// What to do.
    kind: String,
    queue: String,
    /// 0, the most urgent, to 9.
    #[schema(value_type = u8, minimum = 0, maximum = 9)]
    priority: Priority,
    /// The arguments.
    #[schema(value_type = serde_json::Value)]
    args: Box<RawValue>,
    /// Whether it must run with nothing beside it in its process.
    alone: bool,
    /// How many attempts have failed so far.
    failures: u32,
    /// How many attempts may fail.
    max_attempts: u16,
    /// How long the attempt may take: a heartbeat that comes later ends it as a timeout. A lease may be longer.
    timeout_seconds: f64,
    /// For how long it is leased; send a heartbeat well before.
    lease_seconds: f64,
    /// The W3C trace context of who enqueued it.
    traceparent: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Since when it could have been claimed.
    #[schema(value_type = String, format = DateTime)]
    run_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    claimed_at: Timestamp,
}

/// Claim jobs
///
/// By the shares of their priorities; waits for the first one. Each is held until its lease is over: prolong it with
/// heartbeats, and end it with `complete` or `fail`, showing `attempt` and `lease`.
#[utoipa::path(post, path = "/v1/queues/{queue}/claim", tag = "jobs", request_body = ClaimInput,
    params(("queue" = String, Path, description = "The queue", pattern = "^[a-z][a-z0-9._-]{0,63}$")),
    responses((status = 200, description = "Jobs, or none", body = Claims), ClaimProblems))]
pub(crate) async fn claim_jobs(
    State(app): State<App>,
    QueueName(queue): QueueName,
    input: Strict<ClaimInput>,
) -> Result<Json<Claims>, Problem> {
    let input = input.value;
    let lease = lease_for(input.lease_seconds)?;
    let order = Order {
        queue,
        worker: Worker::new(&input.worker)?,
        most: bounded("/max", input.max.unwrap_or(1), 1, MAX_CLAIM)?,
        lease,
        wait: wait_for(input.wait_seconds)?.min(app.longest_claim),
        alone: input.alone,
        kinds: kinds(&input.kinds)?,
    };
    let claimed = app.desk.claim(order).await?;
    let lease_seconds = lease.unwrap_or(app.desk.lease()).as_secs_f64();
    let jobs = claimed.iter().map(|job| view(job, lease_seconds));
    Ok(Json(Claims {
        jobs: jobs.collect(),
    }))
}

/// The lease that a worker asks for.
pub(crate) fn lease_for(seconds: Option<u64>) -> Result<Option<Duration>, Problem> {
    let asked = seconds.map(|asked| bounded("/lease_seconds", asked, 1, LONGEST_LEASE_SECONDS));
    Ok(asked.transpose()?.map(Duration::from_secs))
}

fn wait_for(seconds: Option<u64>) -> Result<Duration, Problem> {
    let seconds = seconds.unwrap_or_default();
    bounded("/wait_seconds", seconds, 0, LONGEST_WAIT_SECONDS).map(Duration::from_secs)
}

fn kinds(names: &[String]) -> Result<Vec<Kind>, Problem> {
    if names.len() > MAX_KINDS {
        return Err(Problem::invalid(
            "/kinds",
            format!("must have {MAX_KINDS} at most"),
        ));
    }
    let numbered = names.iter().enumerate();
    let kinds = numbered.map(|(n, name)| {
        let kind = Kind::new(name);
        kind.map_err(|error| Problem::invalid(format!("/kinds/{n}"), error))
    });
    kinds.collect()
}

fn bounded<T: Copy + PartialOrd + std::fmt::Display>(
    pointer: &str,
    given: T,
    least: T,
    most: T,
) -> Result<T, Problem> {
    if (least..=most).contains(&given) {
        Ok(given)
    } else {
        Err(Problem::invalid(
            pointer,
            format!("must be from {least} to {most}"),
        ))
    }
}

fn view(job: &Claimed, lease_seconds: f64) -> ClaimedView {
    ClaimedView {
        id: job.fence.job,
        attempt: job.fence.attempt,
        lease: job.fence.lease,
        kind: job.kind.to_string(),
        queue: job.queue.to_string(),
        priority: job.priority,
        args: raw(&job.args),
        alone: job.crashes > 0,
        failures: job.failures,
        max_attempts: job.policy.max_attempts,
        timeout_seconds: job.policy.timeout.as_secs_f64(),
        lease_seconds,
        traceparent: job.traceparent.as_ref().map(|at| at.as_str().to_owned()),
        created_at: job.created_at,
        run_at: job.run_at,
        claimed_at: job.claimed_at,
    }
}
