//! What becomes of pictures when nobody asks: given up with their jobs, forgotten with their products, collected.

use std::time::Duration;

use metrics::counter;
use stanchion_catalog::{CatalogError, PictureState};
use stanchion_jobs::{JobId, JobsError};
use stanchion_kernel::Uuid;
use stanchion_store::objects::{Objects, ObjectsError};

use super::Gallery;

/// What one round looks at, of each kind.
const ROUND: u32 = 200;

/// Something kept a sweep from going on.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Stopped {
    Catalog(#[from] CatalogError),
    Jobs(#[from] JobsError),
    Objects(#[from] ObjectsError),
    Store(#[from] stanchion_store::StoreError),
}

/// Sweeps for ever. Any number of servers may: whoever comes second finds nothing to do.
pub(crate) async fn sweep(gallery: Gallery, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    let mut place = None;
    loop {
        ticks.tick().await;
        for result in [
            gallery.forget().await,
            gallery.give_up(&mut place).await,
            gallery.collect().await,
        ] {
            if let Err(error) = result {
                tracing::warn!(%error, "pictures cannot be swept");
            }
        }
    }
}

impl Gallery {
    /// Forgets the pictures of deleted products, and refers to their objects no more.
    async fn forget(&self) -> Result<(), Stopped> {
        for picture in self.catalog.orphaned_pictures(ROUND).await? {
            let mut tx = self.store.begin().await?;
            self.catalog.forget_picture(&mut tx, picture).await?;
            Objects::release(&mut tx, picture).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Gives pictures up whose job has ended without having rendered them. `place` goes round all that wait.
    async fn give_up(&self, place: &mut Option<Uuid>) -> Result<(), Stopped> {
        let pending = self.catalog.pending_pictures(*place, ROUND).await?;
        let is_last = pending.len() < ROUND as usize;
        *place = pending.last().copied().filter(|_| !is_last);
        for picture in pending {
            if self.is_given_up(picture).await? {
                self.fail(picture).await?;
            }
        }
        Ok(())
    }

    /// Whoever renders a picture settles it as it completes the job: one that is completed and has left the picture pending was
    /// completed by somebody else, say a worker over HTTP that takes from this queue.
    async fn is_given_up(&self, picture: Uuid) -> Result<bool, Stopped> {
        match self.jobs.status(JobId(picture)).await {
            Ok(job) => Ok(job.state.is_final()),
            Err(JobsError::NoJob(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn fail(&self, picture: Uuid) -> Result<(), Stopped> {
        let mut tx = self.store.begin().await?;
        let current = match self.catalog.lock_picture(&mut tx, picture).await {
            Ok(current) if current.state == PictureState::Pending => current,
            Ok(_) | Err(CatalogError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let failed = PictureState::Failed;
        let settled =
            self.catalog
                .settle_picture(Some(&mut tx), picture, failed, current.renditions);
        settled.await?;
        tx.commit().await?;
        tracing::warn!(%picture, "a picture was given up with its job");
        Ok(())
    }

    /// Deletes objects that nobody refers to any more.
    async fn collect(&self) -> Result<(), Stopped> {
        let collected = self.objects.collect(self.settings.grace, ROUND).await?;
        counter!("stanchion_pictures_objects_collected_total").increment(collected.deleted);
        Ok(())
    }
}
