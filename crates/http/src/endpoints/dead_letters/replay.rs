use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stanchion_jobs::port::{Filter, LeftBehind, Replay, Replayed, Which};
use stanchion_jobs::{Args, InputHash, JobId, Kind, MAX_PAGE, Queue, Reason};
use stanchion_kernel::Uuid;
use tracing::Instrument as _;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::describe::ContentProblems;
use crate::endpoints::jobs::ReasonName;
use crate::extract::Strict;
use crate::problem::{Problem, ProblemKind};

/// How many dead letters are replayed in a second when nothing is said.
const USUAL_PER_SECOND: u32 = 100;

/// Which dead letters are tried again, and how: either `ids` or a `filter`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayInput {
    /// These, as far as they are dead letters.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 1000)]
    ids: Option<Vec<Uuid>>,
    /// What it lets through; `{}` is all of them.
    #[serde(default)]
    filter: Option<FilterInput>,
    /// What their arguments become, as a JSON Merge Patch (RFC 7396).
    #[serde(default)]
    edit: Option<Value>,
    /// Only say which ones it would be.
    #[serde(default)]
    dry_run: bool,
    /// The most dead letters, the oldest first; 1000 when absent. For more, ask again.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The most in a second; 100 when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    per_second: Option<u32>,
}

/// Which dead letters. What is absent lets all through.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterInput {
    /// In this queue.
    #[schema(pattern = "^[a-z][a-z0-9._-]{0,63}$")]
    queue: Option<String>,
    /// Of this kind.
    #[schema(pattern = "^[a-z][a-z0-9._-]{0,63}$")]
    kind: Option<String>,
    /// Given up for this reason.
    #[schema(value_type = Option<ReasonName>)]
    reason: Option<Reason>,
    /// On this input, as a job shows it.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    input: Option<String>,
}

/// What is replayed from now on.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplayView {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Those that wait again, or will within the next seconds, or would.
    #[schema(value_type = Vec<stanchion_kernel::Uuid>)]
    jobs: Vec<JobId>,
    /// Those that stay dead letters, and why.
    left: Vec<LeftView>,
}

/// A dead letter that stays one.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeftView {
    #[schema(value_type = stanchion_kernel::Uuid)]
    id: JobId,
    why: LeftWord,
    /// Who has its unique key.
    #[schema(value_type = Option<stanchion_kernel::Uuid>)]
    duplicate_of: Option<JobId>,
}

/// Why a dead letter stays one.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LeftWord {
    /// Another job has its unique key.
    Duplicate,
    /// Its arguments would become too large.
    ArgsTooLarge,
}

/// Try dead letters again
///
/// The answer says at once which ones; they follow one another at the rate that is asked for. When this server stops
/// meanwhile, the rest stay dead letters.
#[utoipa::path(post, path = "/v1/dead-letters/replay", tag = "jobs", request_body = ReplayInput,
    responses((status = 202, description = "Which ones", body = ReplayView), ContentProblems))]
pub(crate) async fn replay_dead_letters(
    State(app): State<App>,
    caller: Caller,
    input: Strict<ReplayInput>,
) -> Result<(StatusCode, Json<ReplayView>), Problem> {
    let input = input.value;
    let limit = bounded("/limit", input.limit.unwrap_or(MAX_PAGE))?;
    let per_second = bounded("/per_second", input.per_second.unwrap_or(USUAL_PER_SECOND))?;
    let which = which(input.ids, input.filter)?;
    let edit = input.edit.map(|edit| Args::of(&edit)).transpose()?;
    let plan = Replay {
        which,
        edit: edit.clone(),
        dry_run: true,
    };
    let planned = app.jobs.replay(plan, limit).await?;
    if !input.dry_run {
        start(&app, planned.jobs.clone(), edit, per_second)?;
        let jobs = planned.jobs.len();
        tracing::info!(
            jobs,
            per_second,
            by = caller.key(),
            "dead letters are tried again"
        );
    }
    Ok((StatusCode::ACCEPTED, Json(view(planned, input.dry_run))))
}

fn start(app: &App, ids: Vec<JobId>, edit: Option<Args>, per_second: u32) -> Result<(), Problem> {
    let place = Arc::clone(&app.replays).try_acquire_owned();
    let place = place.map_err(|_| Problem::new(ProblemKind::Overloaded))?;
    let jobs = app.jobs.clone();
    let replaying = async move {
        match jobs.replay_paced(&ids, edit.as_ref(), per_second).await {
            Ok(done) => tracing::info!(jobs = done.jobs.len(), "dead letters wait again"),
            Err(error) => tracing::warn!(%error, "not all dead letters were tried again"),
        }
        drop(place);
    };
    tokio::spawn(replaying.in_current_span());
    Ok(())
}

fn which(ids: Option<Vec<Uuid>>, filter: Option<FilterInput>) -> Result<Which, Problem> {
    match (ids, filter) {
        (Some(ids), None) if (1..=MAX_PAGE as usize).contains(&ids.len()) => {
            Ok(Which::Ids(ids.into_iter().map(JobId).collect()))
        }
        (Some(_), None) => Err(Problem::invalid(
            "/ids",
            format!("must have 1 to {MAX_PAGE} ids"),
        )),
        (None, Some(filter)) => filter.read().map(Which::Filter),
        _ => {
            let message = "must have either `ids` or a `filter`; `{}` is all of them";
            Err(Problem::invalid("", message))
        }
    }
}

impl FilterInput {
    fn read(self) -> Result<Filter, Problem> {
        let wrong =
            |pointer: &str, message: String| Problem::invalid(format!("/filter{pointer}"), message);
        let queue = self.queue.map(|name| Queue::new(&name)).transpose();
        let kind = self.kind.map(|name| Kind::new(&name)).transpose();
        let input = match self.input {
            None => None,
            Some(text) => {
                let input: Option<InputHash> = text.parse().ok();
                let message = || "has 64 hexadecimal digits".to_owned();
                Some(input.ok_or_else(|| wrong("/input", message()))?)
            }
        };
        Ok(Filter {
            state: None,
            queue: queue.map_err(|error| wrong("/queue", error.to_string()))?,
            kind: kind.map_err(|error| wrong("/kind", error.to_string()))?,
            reason: self.reason,
            input,
        })
    }
}

fn view(planned: Replayed, dry_run: bool) -> ReplayView {
    let left = planned.left.into_iter().map(|(id, why)| match why {
        LeftBehind::Duplicate(of) => LeftView {
            id,
            why: LeftWord::Duplicate,
            duplicate_of: Some(of),
        },
        LeftBehind::ArgsTooLarge => LeftView {
            id,
            why: LeftWord::ArgsTooLarge,
            duplicate_of: None,
        },
    });
    ReplayView {
        dry_run,
        jobs: planned.jobs,
        left: left.collect(),
    }
}

fn bounded(pointer: &str, given: u32) -> Result<u32, Problem> {
    if (1..=MAX_PAGE).contains(&given) {
        Ok(given)
    } else {
        Err(Problem::invalid(
            pointer,
            format!("must be from 1 to {MAX_PAGE}"),
        ))
    }
}
