//! The batches that are being written.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use super::batch::Batch;
use super::{ImportEvent, ImportFailure, ImportSummary};
use crate::port::Upserted;
use crate::{Catalog, CatalogError};

type Written = Result<Vec<Upserted>, CatalogError>;

/// Writes as many batches at a time as the database gains by. Dropped, it begins nothing more.
pub(super) struct Writing<'a> {
    catalog: &'a Catalog,
    events: &'a mpsc::Sender<ImportEvent>,
    summary: &'a mut ImportSummary,
    tasks: JoinSet<Written>,
    /// What each task writes, without the products.
    under_way: HashMap<Id, Batch>,
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        catalog: &'a Catalog,
        events: &'a mpsc::Sender<ImportEvent>,
        summary: &'a mut ImportSummary,
    ) -> Self {
        Self {
            catalog,
            events,
            summary,
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
        }
    }

    /// Counts and reports a line that was refused.
    pub(super) async fn refuse(&mut self, bad: super::BadLine) {
        self.summary.lines += 1;
        self.summary.failed += 1;
        let _ = self.events.send(ImportEvent::BadLine(bad)).await;
    }

    /// Begins to write a batch, once there is room and no other one writes a product of it: the later line counts.
    pub(super) async fn begin(&mut self, mut batch: Batch) -> Result<(), ImportFailure> {
        while self.under_way.len() >= self.catalog.parallel_upserts()
            || self.under_way.values().any(|other| other.overlaps(&batch))
        {
            self.settle_one().await?;
        }
        let (catalog, products) = (self.catalog.clone(), batch.take_products());
        let task = self
            .tasks
            .spawn(async move { catalog.upsert_prepared(products).await });
        self.under_way.insert(task.id(), batch);
        Ok(())
    }

    /// Waits for all that was begun, also for what is left when one has failed.
    pub(super) async fn finish(mut self) -> Result<(), ImportFailure> {
        let mut result = Ok(());
        while !self.under_way.is_empty() {
            result = result.and(self.settle_one().await);
        }
        result
    }

    async fn settle_one(&mut self) -> Result<(), ImportFailure> {
        let Some(joined) = self.tasks.join_next_with_id().await else {
            return Ok(());
        };
        let (id, written) = joined.unwrap_or_else(|error| (error.id(), Err(ended(&error))));
        let lines = self.under_way.remove(&id).map_or(0, |batch| batch.lines());
        for upserted in written? {
            match upserted {
                Upserted::Created => self.summary.created += 1,
                Upserted::Updated => self.summary.updated += 1,
                Upserted::Unchanged => self.summary.unchanged += 1,
            }
        }
        self.summary.lines += lines;
        let _ = self.events.send(ImportEvent::Progress(*self.summary)).await;
        Ok(())
    }
}

fn ended(error: &JoinError) -> CatalogError {
    stanchion_store::StoreError::CommitUnknown(format!("a batch of the import ended: {error}"))
        .into()
}
