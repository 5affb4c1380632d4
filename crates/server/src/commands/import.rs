use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use stanchion_catalog::{Catalog, ImportEvent, ImportSummary};
use tokio::io::AsyncRead;
use tokio::sync::mpsc;

use super::progress::{Counted, Progress};
use super::{Session, print, print_json};
use crate::wiring::database;

/// Import products, one JSON object a line
///
/// A product whose SKU is known is changed, so that an import can be run again. A bad line is reported with its number
/// and reason and left out; the exit code is 1 when there was one.
#[derive(Debug, Args)]
#[command(after_help = "Example: stanchion import products.ndjson")]
pub(crate) struct Arguments {
    /// The file, or - for standard input
    file: PathBuf,
    /// Print JSON: one line for each bad line, and the counts at the end
    #[arg(long)]
    json: bool,
}

/// Events that may wait to be shown.
const EVENTS: usize = 64;

pub(crate) async fn run(arguments: Arguments, session: &Session) -> anyhow::Result<ExitCode> {
    let (input, size) = open(&arguments.file).await?;
    let store = database::open(session).await?;
    let catalog = Catalog::new(&store, session.ids.clone());
    let (input, read) = Counted::new(input);
    let (sender, events) = mpsc::channel(EVENTS);
    let progress = Progress::start(&session.clock, size);
    let (result, shown) = tokio::join!(
        catalog.import(input, sender),
        show(events, progress, &read, arguments.json)
    );
    let summary = result?;
    shown?;
    report(summary, arguments.json)?;
    Ok(if summary.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn open(file: &Path) -> anyhow::Result<(Box<dyn AsyncRead + Send + Unpin>, Option<u64>)> {
    if file == Path::new("-") {
        return Ok((Box::new(tokio::io::stdin()), None));
    }
    let shown = file.display();
    let input = tokio::fs::File::open(file).await;
    let input = input.with_context(|| format!("cannot open {shown}"))?;
    let size = input
        .metadata()
        .await
        .with_context(|| format!("cannot read {shown}"))?
        .len();
    Ok((Box::new(input), Some(size)))
}

async fn show(
    mut events: mpsc::Receiver<ImportEvent>,
    mut progress: Progress,
    read: &AtomicU64,
    json: bool,
) -> anyhow::Result<()> {
    while let Some(event) = events.recv().await {
        match event {
            ImportEvent::BadLine(bad) if json => print_json(&bad)?,
            ImportEvent::BadLine(bad) => {
                progress.say(&format!("line {}: {}", bad.line, bad.reason));
            }
            ImportEvent::Progress(so_far) => progress.show(read.load(Ordering::Relaxed), || {
                format!("{} lines", so_far.lines)
            }),
        }
    }
    progress.finish();
    Ok(())
}

fn report(summary: ImportSummary, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&json!({ "summary": summary }));
    }
    let ImportSummary {
        lines,
        created,
        updated,
        unchanged,
        failed,
    } = summary;
    print(format_args!(
        "{lines} lines: {created} created, {updated} updated, {unchanged} unchanged, {failed} failed"
    ))?;
    Ok(())
}
