#![doc = include_str!("../README.md")]

mod cpu;
mod database;
mod load;
mod meter;
mod peers;
mod report;
mod server;
mod spreading;
mod studies;

use clap::{Parser, Subcommand};

// As the server has it, so that the bare handler does not lose by its allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Side-by-side studies, faults included.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Lab {
    #[command(subcommand)]
    study: Study,
}

#[derive(Subcommand)]
enum Study {
    /// Reads, lists, searches, writes, import and export of the catalogue on both databases.
    Catalog(studies::catalog::Options),
    /// Every way to reserve a piece of stock, beside the best single statement.
    Stock(studies::stock::Options),
    /// How fast jobs are, and what becomes of them when a worker dies, many wait or a snapshot stays open.
    Jobs(studies::jobs::Options),
    /// A worker that is a process of its own. The study starts it by itself.
    #[command(hide = true)]
    JobsWorker(studies::jobs::worker::Options),
    /// Every way to share a limit among servers, in good times and through faults.
    Limiter(studies::limiter::Options),
    /// Renditions of pictures, by codec and format, beside sharp.
    Media(studies::media::Options),
    /// One server of a fleet that shares a limit. The study starts it by itself.
    #[command(hide = true)]
    LimiterWorker(studies::limiter::worker::Options),
    /// Envoy's rate limit service. The study starts it by itself.
    #[command(hide = true)]
    LimiterEnvoy(studies::limiter::envoy::Options),
    /// The peer of the catalogue's reads: a handler that answers fixed bytes. The study starts it by itself.
    #[command(hide = true)]
    Bare(peers::bare::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Lab::parse().study {
        Study::Catalog(options) => studies::catalog::run(&options).await,
        Study::Stock(options) => studies::stock::run(&options).await,
        Study::Jobs(options) => studies::jobs::run(&options).await,
        Study::JobsWorker(options) => studies::jobs::worker::serve(&options).await,
        Study::Limiter(options) => studies::limiter::run(&options).await,
        Study::Media(options) => studies::media::run(&options),
        Study::LimiterWorker(options) => studies::limiter::worker::serve(&options).await,
        Study::LimiterEnvoy(options) => studies::limiter::envoy::serve(&options).await,
        Study::Bare(options) => peers::bare::serve(&options).await,
    }
}
