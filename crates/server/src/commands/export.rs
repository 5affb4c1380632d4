use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use stanchion_catalog::{Catalog, Status};

use super::Session;
use super::progress::Progress;
use crate::wiring::database;

/// Export all products, one JSON object a line, by SKU
#[derive(Debug, Args)]
#[command(after_help = "Example: stanchion export > products.ndjson")]
pub(crate) struct Arguments {
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Everything is exported, so that importing it elsewhere gives the same catalogue.
const ALL: [Status; 3] = [Status::Draft, Status::Active, Status::Archived];

pub(crate) async fn run(arguments: Arguments, session: &Session) -> anyhow::Result<ExitCode> {
    let store = database::open(session).await?;
    let catalog = Catalog::new(&store, session.ids.clone());
    let mut out: Box<dyn Write> = match &arguments.output {
        Some(path) => {
            let file = std::fs::File::create(path);
            Box::new(file.with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => Box::new(std::io::stdout()),
    };
    let mut progress = Progress::start(&session.clock, None);
    let mut chunks = std::pin::pin!(catalog.export(&ALL));
    let (mut bytes, mut lines) = (0, 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        out.write_all(&chunk).context("cannot write the export")?;
        bytes += chunk.len() as u64;
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
        progress.show(bytes, || format!("{lines} products"));
    }
    out.flush().context("cannot write the export")?;
    progress.finish();
    Ok(ExitCode::SUCCESS)
}
