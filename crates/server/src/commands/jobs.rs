use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args as Flags, Subcommand};
use serde_json::{Value, json};
use stanchion_jobs::port::{Cancelled, Filter, LeftBehind, Replay, Replayed, Which};
use stanchion_jobs::{
    Args, Broker, InputHash, JobId, JobRow, Jobs, Kind, MAX_PAGE, Queue, Reason, Traceparent,
};

use super::{Session, print, print_json};
use crate::wiring::database;

/// Look at jobs, cancel them, and give dead letters another life
#[derive(Debug, Flags)]
#[command(after_help = "Example: stanchion jobs replay --queue pictures --reason crash --dry-run")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Print JSON, one line for each job
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List jobs, the newest first
    List {
        /// Those in this state: waiting, running, parked, completed, dead, cancelled
        #[arg(long, value_parser = parse_state)]
        state: Option<stanchion_jobs::State>,
        #[command(flatten)]
        which: Wanted,
        /// The most jobs
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// Show a job with its arguments and attempts
    Show {
        /// Its id
        id: JobId,
    },
    /// Let a dead letter wait again
    Retry {
        /// Its id
        id: JobId,
        /// What its arguments become, a JSON Merge Patch
        #[arg(long, value_name = "JSON", value_parser = parse_edit)]
        edit: Option<Args>,
    },
    /// Ask for a job's end
    Cancel {
        /// Its id
        id: JobId,
    },
    /// Let dead letters wait again, the oldest first
    #[command(group = ArgGroup::new("some").required(true).multiple(true).args(["queue", "kind", "reason", "input", "all"]))]
    Replay {
        #[command(flatten)]
        which: Wanted,
        /// Those on this input, as `show` prints it
        #[arg(long)]
        input: Option<InputHash>,
        /// All of them
        #[arg(long)]
        all: bool,
        /// What their arguments become, a JSON Merge Patch
        #[arg(long, value_name = "JSON", value_parser = parse_edit)]
        edit: Option<Args>,
        /// Only say which ones it would be
        #[arg(long)]
        dry_run: bool,
        /// The most dead letters
        #[arg(long, default_value_t = MAX_PAGE, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PAGE)))]
        limit: u32,
        /// The most in a second
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PAGE)))]
        per_second: u32,
    },
}

#[derive(Debug, Flags)]
struct Wanted {
    /// Those in this queue
    #[arg(long)]
    queue: Option<Queue>,
    /// Those of this kind
    #[arg(long)]
    kind: Option<Kind>,
    /// Those that ended for this reason, as in error, timeout, poison
    #[arg(long, value_parser = parse_reason)]
    reason: Option<Reason>,
}

impl Wanted {
    fn filter(self) -> Filter {
        Filter {
            queue: self.queue,
            kind: self.kind,
            reason: self.reason,
            ..Filter::default()
        }
    }
}

pub(crate) async fn run(arguments: Arguments, session: &Session) -> anyhow::Result<ExitCode> {
    let store = database::open(session).await?;
    let jobs = Jobs::new(Broker::of(&store).port().clone(), session.ids.clone());
    let json = arguments.json;
    match arguments.action {
        Action::List {
            state,
            which,
            limit,
        } => {
            let filter = Filter {
                state,
                ..which.filter()
            };
            list(&jobs, &filter, limit, json).await?;
        }
        Action::Show { id } => show(&jobs.status(id).await?, json)?,
        Action::Retry { id, edit } => retry(&jobs, id, edit, json).await?,
        Action::Cancel { id } => cancel(&jobs, id, json).await?,
        Action::Replay {
            which,
            input,
            all: _,
            edit,
            dry_run,
            limit,
            per_second,
        } => {
            let filter = Filter {
                input,
                ..which.filter()
            };
            let plan = Replay {
                which: Which::Filter(filter),
                edit,
                dry_run: true,
            };
            replay(&jobs, plan, (limit, per_second, dry_run), json).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(jobs: &Jobs, filter: &Filter, limit: u32, json: bool) -> anyhow::Result<()> {
    let (mut before, mut left) = (None, limit);
    while left > 0 {
        let page = jobs.list(filter.clone(), before, left.min(200)).await?;
        left -= u32::try_from(page.jobs.len()).unwrap_or(left).min(left);
        for row in &page.jobs {
            if json {
                print_json(&view(row)?)?;
            } else {
                print(line(row))?;
            }
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    Ok(())
}

fn show(row: &JobRow, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&view(row)?);
    }
    print(line(row))?;
    print(format_args!("  input     {}", row.input))?;
    print(format_args!("  args      {}", row.args.as_str()))?;
    print(format_args!("  enqueued  {}", row.created_at))?;
    print(format_args!(
        "  failures  {} of {}",
        row.failures, row.policy.max_attempts
    ))?;
    if let Some(parent) = &row.traceparent {
        print(format_args!("  trace     {}", parent.as_str()))?;
    }
    if let Some(message) = &row.message {
        print(format_args!("  message   {}", plain(message)))?;
    }
    for attempt in &row.attempts {
        print(format_args!(
            "  attempt {}  {}  {}  {}  {}",
            attempt.number,
            attempt.ended_at,
            attempt.reason.as_str(),
            plain(&attempt.worker),
            plain(&attempt.message)
        ))?;
    }
    Ok(())
}

async fn retry(jobs: &Jobs, id: JobId, edit: Option<Args>, json: bool) -> anyhow::Result<()> {
    let replay = Replay {
        which: Which::Ids(vec![id]),
        edit,
        dry_run: false,
    };
    let replayed = jobs.replay(replay, 1).await?;
    if let Some((_, why)) = replayed.left.first() {
        bail!("job {id} stays a dead letter: {}", told(why));
    }
    let row = jobs.status(id).await?;
    if replayed.jobs.is_empty() {
        bail!("job {id} is {}, and no dead letter", row.state.as_str());
    }
    show(&row, json)
}

async fn cancel(jobs: &Jobs, id: JobId, json: bool) -> anyhow::Result<()> {
    let state = match jobs.cancel(id).await? {
        Cancelled::Now => "cancelled",
        Cancelled::Requested => "requested",
        Cancelled::Ended(stanchion_jobs::State::Cancelled) => "cancelled",
        Cancelled::Ended(state) => bail!("job {id} has ended: it is {}", state.as_str()),
        Cancelled::NoJob => bail!("there is no job {id}"),
    };
    if json {
        return print_json(&json!({ "id": id, "cancel": state }));
    }
    Ok(print(match state {
        "requested" => "its worker will hear of it",
        _ => "cancelled",
    })?)
}

async fn replay(
    jobs: &Jobs,
    plan: Replay,
    (limit, per_second, dry_run): (u32, u32, bool),
    json: bool,
) -> anyhow::Result<()> {
    let edit = plan.edit.clone();
    let planned = jobs.replay(plan, limit).await?;
    let done = if dry_run {
        planned
    } else {
        let ids = &planned.jobs;
        let mut done = jobs.replay_paced(ids, edit.as_ref(), per_second).await?;
        done.left.extend(planned.left);
        done
    };
    if json {
        return print_json(&summary(&done, dry_run));
    }
    for id in &done.jobs {
        print(id)?;
    }
    for (id, why) in &done.left {
        print(format_args!("{id} stays a dead letter: {}", told(why)))?;
    }
    let verb = if dry_run { "would wait" } else { "wait" };
    Ok(print(format_args!("{} {verb} again", done.jobs.len()))?)
}

fn summary(done: &Replayed, dry_run: bool) -> Value {
    let left = done.left.iter();
    let left: Vec<_> = left
        .map(|(id, why)| json!({ "id": id, "why": told(why) }))
        .collect();
    json!({ "dry_run": dry_run, "jobs": done.jobs, "left": left })
}

fn told(why: &LeftBehind) -> String {
    match why {
        LeftBehind::Duplicate(of) => format!("job {of} has its unique key"),
        LeftBehind::ArgsTooLarge => "its arguments would become too large".to_owned(),
    }
}

fn line(row: &JobRow) -> String {
    let end = row.reason.map_or("", Reason::as_str);
    format!(
        "{}  {:<9}  {}/{}  {}  attempt {}  {end}",
        row.id,
        row.state.as_str(),
        row.queue,
        row.priority,
        row.kind,
        row.attempt
    )
}

fn view(row: &JobRow) -> anyhow::Result<Value> {
    let args: Value = row.args.read().context("the arguments of a job")?;
    Ok(json!({
        "id": row.id,
        "kind": row.kind,
        "queue": row.queue,
        "priority": row.priority,
        "state": row.state,
        "args": args,
        "input": row.input.to_string(),
        "attempt": row.attempt,
        "failures": row.failures,
        "lost_leases": row.lost_leases,
        "cancel_requested": row.cancel_requested,
        "traceparent": row.traceparent.as_ref().map(Traceparent::as_str),
        "worker": row.worker,
        "created_at": row.created_at,
        "run_at": row.run_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "reason": row.reason,
        "message": row.message,
        "attempts": row.attempts,
    }))
}

/// A message may hold anything but what would steer a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn parse_state(text: &str) -> Result<stanchion_jobs::State, String> {
    let names = stanchion_jobs::State::ALL.map(stanchion_jobs::State::as_str);
    let state = stanchion_jobs::State::parse(text);
    state.ok_or_else(|| format!("must be one of {}", names.join(", ")))
}

fn parse_reason(text: &str) -> Result<Reason, String> {
    let names: Vec<_> = Reason::all().iter().map(|reason| reason.as_str()).collect();
    Reason::parse(text).ok_or_else(|| format!("must be one of {}", names.join(", ")))
}

fn parse_edit(text: &str) -> Result<Args, String> {
    Args::parse(text).map_err(|error| error.to_string())
}
