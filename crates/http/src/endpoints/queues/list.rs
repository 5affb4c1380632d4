use axum::Json;
use axum::extract::State;
use serde::Serialize;
use stanchion_jobs::standing::{Quantiles, Standing};
use stanchion_jobs::{Priority, Queue};
use utoipa::ToSchema;

use crate::app::App;
use crate::extract::{Parameters, once, unknown};
use crate::problem::{Problem, ProblemKind};

/// How far backlogs are counted.
const COUNT_TO: u32 = 10_000;
/// From how many completed jobs the times are taken.
const SAMPLES: u32 = 1000;

/// How the queues stand.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueueList {
    /// How many jobs could be claimed now, in all that is shown: what a scaler asks for.
    backlog: u64,
    /// How many jobs are held by workers, in all that is shown.
    in_flight: u64,
    /// By queue and priority. What has nothing waiting, parked or running, and completed nothing lately, is not shown.
    items: Vec<QueueView>,
}

/// How a queue stands at a priority.
#[derive(Serialize, ToSchema)]
#[schema(as = Queue)]
pub(crate) struct QueueView {
    queue: String,
    /// 0, the most urgent, to 9.
    #[schema(value_type = u8, minimum = 0, maximum = 9)]
    priority: Priority,
    /// How many jobs could be claimed now, counted up to 10,000.
    backlog: u64,
    /// How long the oldest of them could have been.
    oldest_age_seconds: f64,
    /// How many wait for their moment, counted up to 10,000.
    scheduled: u64,
    /// How many are held by workers.
    in_flight: u64,
    /// How many wait for a worker that knows their kind, counted up to 10,000.
    parked: u64,
    /// Of how many jobs `wait` and `run` are, among the last 1,000 that completed.
    samples: u32,
    /// How long they could have been claimed before they were.
    wait: Option<QuantilesView>,
    /// How long their last attempts took.
    run: Option<QuantilesView>,
}

/// Seconds that half, 95 % and 99 % of the jobs did not exceed.
#[derive(Serialize, ToSchema)]
#[schema(as = Quantiles)]
pub(crate) struct QuantilesView {
    p50: f64,
    p95: f64,
    p99: f64,
}

/// Queues
///
/// How they stand, by priority, in all servers together.
#[utoipa::path(get, path = "/v1/queues", tag = "jobs",
    params(("queue" = Option<String>, Query, description = "This one only", pattern = "^[a-z][a-z0-9._-]{0,63}$")),
    responses((status = 200, description = "The queues", body = QueueList)))]
pub(crate) async fn list_queues(
    State(app): State<App>,
    parameters: Parameters,
) -> Result<Json<QueueList>, Problem> {
    let only = only(parameters)?;
    let mut stands = app.jobs.standing(COUNT_TO, SAMPLES).await?;
    if let Some(only) = only {
        stands.retain(|stand| stand.figures.queue == only);
    }
    let sum = |of: fn(&Standing) -> u64| stands.iter().map(of).sum();
    Ok(Json(QueueList {
        backlog: sum(|stand| stand.figures.backlog),
        in_flight: sum(|stand| stand.figures.in_flight),
        items: stands.iter().map(view).collect(),
    }))
}

fn only(parameters: Parameters) -> Result<Option<Queue>, Problem> {
    let mut only = None;
    for (name, value) in parameters {
        match name.as_str() {
            "queue" => {
                let queue = Queue::new(&value).map_err(|error| {
                    Problem::new(ProblemKind::BadRequest).detail(error.to_string())
                })?;
                once(&mut only, &name, queue)?;
            }
            _ => return Err(unknown(&name)),
        }
    }
    Ok(only)
}

fn view(stand: &Standing) -> QueueView {
    let figures = &stand.figures;
    QueueView {
        queue: figures.queue.to_string(),
        priority: figures.priority,
        backlog: figures.backlog,
        oldest_age_seconds: figures.oldest_age.as_secs_f64(),
        scheduled: figures.scheduled,
        in_flight: figures.in_flight,
        parked: figures.parked,
        samples: stand.samples,
        wait: stand.wait.map(quantiles),
        run: stand.run.map(quantiles),
    }
}

fn quantiles(times: Quantiles) -> QuantilesView {
    QuantilesView {
        p50: times.p50.as_secs_f64(),
        p95: times.p95.as_secs_f64(),
        p99: times.p99.as_secs_f64(),
    }
}
