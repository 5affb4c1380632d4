use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use stanchion_http::auth::ApiKey;
use stanchion_http::{Drained, Draining};
use stanchion_limiter::port::Leased;
use stanchion_stock::Stock;
use stanchion_store::keys::Keys;
use tokio_util::sync::CancellationToken;

use super::signals::{Second, stop_on_signals};
use super::{Session, check, print};
use crate::background::Background;
use crate::pictures::Gallery;
use crate::telemetry::Telemetry;
use crate::wiring::surface::{Listening, authenticator, surface};
use crate::wiring::{
    buckets, database, demo_data, demo_pictures, jobs, keda, limits, stock, upkeep,
};

/// How long a server that stops tries to give back what it has borrowed.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(2);

/// Serve the catalogue over HTTP, until Ctrl-C or SIGTERM
///
/// Without a configuration: an SQLite file in ./stanchion-data, on 127.0.0.1:8080.
#[derive(Debug, Args)]
#[command(after_help = "Example: stanchion serve --demo")]
pub(crate) struct Arguments {
    /// Fill an empty catalogue with generated products and print an admin key
    #[arg(long)]
    demo: bool,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Check the configuration and the database, print what would be in effect, and exit
    #[arg(long)]
    check: bool,
}

pub(crate) async fn run(
    arguments: Arguments,
    session: &Session,
    telemetry: &Telemetry,
) -> anyhow::Result<ExitCode> {
    if arguments.check {
        return check::run(session).await;
    }
    // From here on a signal is ours to handle, also in the middle of a start.
    let stop = stop_on_signals(Second::Ends)?;
    let listening = Listening::bind(&session.config.server, &session.config.limiter).await?;
    // Buckets fill from here on: before the first request comes, they hold what a start took.
    let buckets = buckets::open(session).await?;
    let leased = buckets.leased();
    let store = database::open(session).await?;
    let stock = stock::stock(session, &store);
    let queues = jobs::open(session, &store, &stop)?;
    let gallery = queues.gallery.clone();
    let auth = authenticator(session, &store).await?;
    let limits = limits::open(session, &store, buckets.backend).await?;
    let limiter = limits.registry.limiter().clone();
    let key = if arguments.demo {
        Some(fill_demo(&gallery, &stock, auth.keys(), &stop).await?)
    } else {
        None
    };
    let background = Background::new(session.clock.clone(), stop.child_token());
    upkeep::start(
        &background,
        session,
        (&store, &stock, &gallery, &limits.registry, leased.as_ref()),
        &auth,
        telemetry.metrics(),
    );
    let draining = Draining::default();
    let surface = surface(
        session,
        telemetry,
        (&store, stock, &queues, &gallery),
        (auth, limits),
        draining.clone(),
    )?;
    let scaler = keda::scaler(session, &queues, stop.clone()).await?;
    let worker = queues.start_inside(session, telemetry, stop.child_token())?;
    print(greeting(
        &listening,
        session,
        key.map(|key| key.to_string()),
    ))?;
    tracing::info!(address = %listening.address, database = %session.config.database.url, "serving");
    let announce = announce_stop(stop.clone(), draining);
    let (drained, (), ()) = tokio::join!(listening.serve(surface, limiter, stop), announce, scaler);
    background.ended().await;
    if worker.await.is_err() {
        tracing::error!("the worker panicked; its jobs will be rescued");
    }
    if let Some(leased) = leased {
        give_back(&leased).await;
    }
    report(drained);
    Ok(ExitCode::SUCCESS)
}

/// Fills an empty catalogue and makes a key; pictures are taken in behind the start.
async fn fill_demo(
    gallery: &Gallery,
    stock: &Stock,
    keys: &Keys,
    stop: &CancellationToken,
) -> anyhow::Result<ApiKey> {
    demo_data::fill(&gallery.catalog, stock, keys).await?;
    let filling = demo_pictures::add(gallery.clone());
    tokio::spawn(stop.child_token().run_until_cancelled_owned(filling));
    demo_data::new_key(keys).await
}

fn report(drained: Drained) {
    match drained {
        Drained::Clean => tracing::info!("stopped; every request was answered"),
        Drained::Cut(left) => {
            tracing::warn!(left, "stopped; connections were cut at the time limit");
        }
    }
}

/// What was borrowed and not spent is there for others at once, and not after the lease alone.
async fn give_back(leased: &Leased) {
    match tokio::time::timeout(GIVE_BACK_WITHIN, leased.give_back_all()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "leased tokens could not be given back"),
        Err(_) => tracing::warn!("leased tokens were not given back in time"),
    }
}

/// Readiness ends the moment that the stop begins.
async fn announce_stop(stop: CancellationToken, draining: Draining) {
    stop.cancelled().await;
    draining.begin();
    tracing::info!("stopping: requests in flight may finish");
}

fn greeting(listening: &Listening, session: &Session, key: Option<String>) -> String {
    let scheme = if listening.tls { "https" } else { "http" };
    let base = format!("{scheme}://{}", reachable(listening.address));
    let metrics = match listening.metrics_address {
        Some(address) => format!("http://{}", reachable(address)),
        None => base.clone(),
    };
    let mut text = format!(
        "Stanchion {} serves on {base}\n  products   {base}/v1/products\n  docs       {base}/docs\n  \
         metrics    {metrics}/metrics\n  database   {}",
        env!("CARGO_PKG_VERSION"),
        session.config.database.url
    );
    if let Some(address) = listening.envoy_address {
        text.push_str(&format!("\n  Envoy      {}", reachable(address)));
    }
    if let Some(key) = key {
        text.push_str(&format!(
            "\n  admin key  {key}  (for this start; those of earlier ones are revoked)"
        ));
    }
    text
}

/// Where a person on this machine reaches a listener: an unspecified address is no place to go to.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
