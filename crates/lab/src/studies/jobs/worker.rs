//! A worker that is a process, so that it can be killed. The study starts it by itself.

use std::time::Duration;

use stanchion_jobs::{Context, Handlers, Job};

use super::place;
use super::team::{Settings, Working};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The database.
    #[arg(long)]
    url: String,
    /// The worker's name.
    #[arg(long)]
    name: String,
}

/// A job that takes a moment, so that a worker has many in its hands when it dies.
pub(super) struct Moment;

impl Job for Moment {
    const KIND: &'static str = "lab.moment";
    type Args = u64;
}

const TAKES: Duration = Duration::from_millis(20);

/// Works until it is killed.
pub(crate) async fn serve(options: &Options) -> anyhow::Result<()> {
    let store = place::open(&options.url).await?;
    store.ready().await?;
    let take = |_: u64, _: Context| async {
        tokio::time::sleep(TAKES).await;
        Ok(())
    };
    let handlers = Handlers::new().with::<Moment>(take)?;
    let config = Settings::Default.config(&options.name)?;
    let _working = Working::start(&store, handlers, config)?;
    std::future::pending().await
}
