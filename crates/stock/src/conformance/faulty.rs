use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::Uuid;
use stanchion_store::{StoreError, Tx};
use tokio::sync::Semaphore;

use crate::Finding;
use crate::command::{Batch, Command};
use crate::decide::{Plan, View};
use crate::model::{Outcome, Reservation, StockRow};
use crate::port::{Port, Seat};

/// What goes wrong with a write.
#[derive(Debug)]
pub enum Fault {
    /// The answers of so many are lost after they were committed.
    LosesAnswers(AtomicU32),
    /// So many are lost before they get to the database, and nobody can tell.
    LosesRequests(AtomicU32),
    /// Somebody is always faster.
    IsOutpaced,
    /// Somebody is always faster, and it is another call with the same key or id.
    IsOutpacedByItself,
    /// Each waits at a gate first.
    Waits(Arc<Gate>),
    /// Whatever concerns this SKU is refused by the database.
    RefusesSku(String),
}

/// Where writes wait until they are let through.
#[derive(Debug)]
pub struct Gate {
    permits: Semaphore,
    came: AtomicU32,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            permits: Semaphore::new(0),
            came: AtomicU32::new(0),
        }
    }
}

impl Gate {
    /// Lets so many through, now or when they come.
    pub fn open(&self, writes: usize) {
        self.permits.add_permits(writes);
    }

    /// How many came, let through or not.
    #[must_use]
    pub fn came(&self) -> u32 {
        self.came.load(Ordering::SeqCst)
    }

    async fn pass(&self) {
        self.came.fetch_add(1, Ordering::SeqCst);
        self.permits.acquire().await.expect("never closed").forget();
    }
}

/// A port with a fault in front of its writes.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Port>,
    fault: Fault,
}

impl Faulty {
    /// Puts `fault` in front of `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Port>, fault: Fault) -> Arc<Self> {
        Arc::new(Self { inner, fault })
    }

    async fn before(&self, skus: Vec<String>) -> Result<(), StoreError> {
        match &self.fault {
            Fault::LosesRequests(count) if is_left(count) => Err(lost()),
            Fault::IsOutpaced => Err(outpaced()),
            Fault::Waits(gate) => {
                gate.pass().await;
                Ok(())
            }
            Fault::RefusesSku(sku) if skus.contains(sku) => {
                Err(StoreError::Database("a fault".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn after<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        match &self.fault {
            Fault::LosesAnswers(count) if done.is_ok() && is_left(count) => Err(lost()),
            Fault::IsOutpacedByItself if done.is_ok() => Err(outpaced()),
            _ => done,
        }
    }
}

fn is_left(count: &AtomicU32) -> bool {
    let less = |left: u32| left.checked_sub(1);
    count
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        .is_ok()
}

fn outpaced() -> StoreError {
    StoreError::Conflict("a fault".to_owned())
}

fn lost() -> StoreError {
    StoreError::CommitUnknown("a fault".to_owned())
}

#[async_trait]
impl Port for Faulty {
    async fn view(&self, batch: &Batch) -> Result<View, StoreError> {
        self.inner.view(batch).await
    }

    async fn apply(&self, plan: Plan) -> Result<(), StoreError> {
        let skus = plan.rows.iter().map(|(_, row)| row.sku.clone());
        self.before(skus.collect()).await?;
        self.after(self.inner.apply(plan).await)
    }

    async fn decide(&self, tx: Option<&mut Tx>, batch: Batch) -> Result<Vec<Outcome>, StoreError> {
        self.before(batch.skus()).await?;
        self.after(self.inner.decide(tx, batch).await)
    }

    async fn take(
        &self,
        seat: &mut Seat,
        command: &Command,
        keep: Duration,
    ) -> Result<Option<Reservation>, StoreError> {
        let skus = command.skus().into_iter().map(str::to_owned);
        self.before(skus.collect()).await?;
        self.after(self.inner.take(seat, command, keep).await)
    }

    async fn row(&self, sku: &str) -> Result<Option<StockRow>, StoreError> {
        self.inner.row(sku).await
    }

    async fn locked_rows(&self, skus: Vec<String>) -> Result<Vec<StockRow>, StoreError> {
        self.inner.locked_rows(skus).await
    }

    async fn reservation(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
    ) -> Result<Option<Reservation>, StoreError> {
        self.inner.reservation(tx, id).await
    }

    async fn due(&self, limit: u32) -> Result<Vec<Reservation>, StoreError> {
        self.inner.due(limit).await
    }

    async fn prune_requests(&self) -> Result<u64, StoreError> {
        self.inner.prune_requests().await
    }

    async fn audit(&self, limit: u32) -> Result<Vec<Finding>, StoreError> {
        self.inner.audit(limit).await
    }
}
