use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use stanchion_http::{HttpConfig, Listener, metrics_router};
use stanchion_jobs::fleet::end_with_parent;
use tokio_util::sync::CancellationToken;

use super::serve::reachable;
use super::signals::{Second, stop_on_signals};
use super::{Session, print};
use crate::background::Background;
use crate::telemetry::Telemetry;
use crate::wiring::fleet::{Size, fleet};
use crate::wiring::jobs::{Duty, Queues};
use crate::wiring::{database, jobs, upkeep};

/// The most worker processes of one supervisor.
const MOST: i64 = 256;

/// Do jobs without serving, until Ctrl-C or SIGTERM
///
/// One process, or with --max a supervisor that starts and drains as many as there is work for.
#[derive(Debug, Args)]
#[command(after_help = "Example: stanchion work --min 1 --max 8 --metrics-listen 127.0.0.1:9100")]
pub(crate) struct Arguments {
    /// The fewest worker processes
    #[arg(long, value_name = "N", requires = "max", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(0..=MOST))]
    min: u32,
    /// The most worker processes; without it this process does the work itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST))]
    max: Option<u32>,
    /// Where /metrics is served; workers of a supervisor take the ports that follow
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,
    /// The process whose worker this is
    #[arg(long, hide = true, value_name = "PID", conflicts_with = "max")]
    member_of: Option<u32>,
    /// What this worker is called
    #[arg(long, hide = true, value_name = "NAME", requires = "member_of")]
    worker_name: Option<String>,
}

pub(crate) async fn run(
    arguments: Arguments,
    session: &Session,
    telemetry: &Telemetry,
) -> anyhow::Result<ExitCode> {
    if let Some(max) = arguments.max.filter(|max| *max < arguments.min) {
        eprintln!(
            "stanchion: --min {} is more than --max {max}",
            arguments.min
        );
        return Ok(ExitCode::from(2));
    }
    // A supervisor that drains its worker and dies before it has ended sends two signals.
    let stop = stop_on_signals(match arguments.member_of {
        Some(_) => Second::Nothing,
        None => Second::Ends,
    })?;
    if let Some(supervisor) = arguments.member_of {
        end_with_parent(supervisor).context("a worker without its supervisor")?;
    }
    let listener = match arguments.metrics_listen {
        Some(address) => Some(Listener::bind(address, &HttpConfig::default()).await?),
        None => None,
    };
    let store = database::open(session).await?;
    let queues = jobs::open(session, &store, &stop)?;
    let background = Background::new(session.clock.clone(), stop.child_token());
    upkeep::start_anywhere(&background, (&store, &queues.gallery), telemetry.metrics());
    print(greeting(&arguments, listener.as_ref())?)?;
    // Metrics stay readable until the last job has ended.
    let ended = CancellationToken::new();
    let metrics = async {
        if let Some(listener) = listener {
            let router = metrics_router(telemetry.metrics().clone(), session.clock.clone());
            listener.serve(router, ended.clone()).await;
        }
    };
    let working = async {
        let _ended = ended.clone().drop_guard();
        work(&arguments, session, telemetry, &queues, stop.clone()).await
    };
    let (worked, ()) = tokio::join!(working, metrics);
    // It may have failed before anybody told it to stop.
    stop.cancel();
    background.ended().await;
    worked?;
    tracing::info!("stopped; no job was left behind");
    Ok(ExitCode::SUCCESS)
}

async fn work(
    arguments: &Arguments,
    session: &Session,
    telemetry: &Telemetry,
    queues: &Queues,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    if let Some(max) = arguments.max {
        let size = Size {
            min: arguments.min,
            max,
            metrics: arguments.metrics_listen,
        };
        return Ok(fleet(session, queues, size)?.run(stop).await?);
    }
    let name = match &arguments.worker_name {
        Some(name) => name.clone(),
        None => format!("work-{}", std::process::id()),
    };
    let worker = queues.start(session, telemetry, (&name, Duty::Work), stop)?;
    if worker.await.is_err() {
        bail!("the worker panicked; its jobs will be rescued");
    }
    Ok(())
}

fn greeting(arguments: &Arguments, metrics: Option<&Listener>) -> anyhow::Result<String> {
    let mut text = match (arguments.max, &arguments.worker_name) {
        (Some(max), _) => format!("Stanchion keeps {} to {max} workers", arguments.min),
        (None, Some(name)) => format!("Stanchion works as {name}"),
        (None, None) => "Stanchion works".to_owned(),
    };
    if let Some(listener) = metrics {
        let address = reachable(listener.local_addr()?);
        text.push_str(&format!("\n  metrics    http://{address}/metrics"));
    }
    Ok(text)
}
