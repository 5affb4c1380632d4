//! Import: NDJSON in, products out, in constant memory. A line is taken whole or refused with its number and reason.

mod batch;
mod line;
mod lines;
mod writing;

use tokio::io::AsyncRead;
use tokio::sync::mpsc;

use batch::Batch;
pub use line::{BadLine, Reason, parse_line};
use lines::{Line, Lines};
use writing::Writing;

use crate::{Catalog, CatalogError};

/// Batches that are parsed ahead of the one being written.
const AHEAD: usize = 2;

/// So many changes at once, and the database's statistics say little about what is there.
const MANY: u64 = 1_000;

/// What happens during an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportEvent {
    /// A line was refused; the import goes on.
    BadLine(BadLine),
    /// A batch was committed; these are the counts so far.
    Progress(ImportSummary),
}

/// Counts of an import.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
pub struct ImportSummary {
    /// Lines read, empty ones not counted.
    pub lines: u64,
    /// Products made.
    pub created: u64,
    /// Products changed.
    pub updated: u64,
    /// Products that were there with the same content.
    pub unchanged: u64,
    /// Lines refused.
    pub failed: u64,
}

/// An import ended early. What was committed before stays; running it again takes up the rest.
#[derive(Debug, thiserror::Error)]
#[error("the import ended after {} lines: {cause}", .committed.lines)]
pub struct ImportError {
    /// Counts of what was committed.
    pub committed: ImportSummary,
    /// Why it ended.
    #[source]
    pub cause: ImportFailure,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    /// The input could not be read further.
    #[error("the input cannot be read: {0}")]
    Input(#[from] std::io::Error),
    /// The database refused a batch.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

enum Parsed {
    Bad(BadLine),
    Batch(Batch),
    Failed(std::io::Error),
}

impl Catalog {
    /// Imports products, one JSON object a line. A product whose SKU is known is changed, or left alone when its
    /// content is the same, so that an import can be run again.
    ///
    /// Events are sent to `events`; a receiver that went away does not stop the import, one that is slow holds it up.
    ///
    /// # Errors
    /// [`ImportError`] when the input breaks off or the database refuses; bad lines are events, not errors.
    pub async fn import(
        &self,
        input: impl AsyncRead + Unpin + Send + 'static,
        events: mpsc::Sender<ImportEvent>,
    ) -> Result<ImportSummary, ImportError> {
        let (sender, mut parsed) = mpsc::channel(AHEAD);
        // Parsing runs beside the database's work. It ends when this future is dropped, with its channel.
        let parser = tokio::spawn(parse(self.clone(), Lines::new(input), sender));
        let mut summary = ImportSummary::default();
        let result = self.write_parsed(&mut parsed, &events, &mut summary).await;
        drop(parsed);
        let _ = parser.await;
        if summary.created + summary.updated >= MANY {
            // Without it the first searches are planned as if the products were not there.
            if let Err(error) = self.refresh_statistics().await {
                tracing::warn!(%error, "the statistics are as they were before the import");
            }
        }
        result.map(|()| summary).map_err(|cause| ImportError {
            committed: summary,
            cause,
        })
    }

    async fn write_parsed(
        &self,
        parsed: &mut mpsc::Receiver<Parsed>,
        events: &mpsc::Sender<ImportEvent>,
        summary: &mut ImportSummary,
    ) -> Result<(), ImportFailure> {
        let mut writing = Writing::new(self, events, summary);
        let mut result = Ok(());
        while let (Ok(()), Some(parsed)) = (&result, parsed.recv().await) {
            match parsed {
                Parsed::Failed(error) => result = Err(error.into()),
                Parsed::Bad(bad) => writing.refuse(bad).await,
                Parsed::Batch(batch) => result = writing.begin(batch).await,
            }
        }
        let finished = writing.finish().await;
        result.and(finished)
    }
}

/// Reads lines until the input ends or nobody takes what is read.
async fn parse<R: AsyncRead + Unpin>(
    catalog: Catalog,
    mut lines: Lines<R>,
    out: mpsc::Sender<Parsed>,
) {
    let mut batch = Batch::default();
    loop {
        let sent = match lines.next().await {
            Ok(None) => break,
            Err(error) => {
                let _ = flush(&mut batch, &out).await;
                let _ = out.send(Parsed::Failed(error)).await;
                return;
            }
            Ok(Some(Line { number, text })) => match text.and_then(parse_line) {
                Ok(new) => {
                    // A SKU that the batch has already begins a new one, so that the later line counts.
                    let sent = !batch.has(&new.sku) || flush(&mut batch, &out).await;
                    batch.add(catalog.prepare(new));
                    sent && (!batch.is_full() || flush(&mut batch, &out).await)
                }
                Err(reason) => {
                    let bad = BadLine {
                        line: number,
                        reason,
                    };
                    out.send(Parsed::Bad(bad)).await.is_ok()
                }
            },
        };
        if !sent {
            return;
        }
    }
    let _ = flush(&mut batch, &out).await;
}

/// Whether somebody still takes batches.
async fn flush(batch: &mut Batch, out: &mpsc::Sender<Parsed>) -> bool {
    let full = std::mem::take(batch);
    full.lines() == 0 || out.send(Parsed::Batch(full)).await.is_ok()
}
