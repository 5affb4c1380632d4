mod common_searches;
mod find;
mod matching;
mod pictures;
mod row;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgConnection;
use stanchion_kernel::Uuid;
use stanchion_store::{Postgres, Store, StoreError, Tx, TxKind};

use super::{Edit, Placed, Port, Precondition, RowState, Upserted};
use crate::CatalogError;
use crate::cursor::Place;
use crate::model::{
    AddedPicture, Category, NewPicture, Picture, PictureState, Product, Rendition, Revision, Status,
};
use crate::prepared::Prepared;
use crate::query::Checked;

/// The catalogue on a PostgreSQL database.
#[derive(Debug)]
pub(crate) struct PostgresCatalog {
    store: Store,
    postgres: Postgres,
    statements: find::Statements,
}

/// A write that can be run again as a whole, since it keeps nothing of the attempt before.
#[async_trait]
trait Write: Sync {
    /// What it answers.
    type Outcome: Send;

    /// Runs it in the transaction that is open on `connection`.
    async fn run(&self, connection: &mut PgConnection) -> Result<Self::Outcome, CatalogError>;
}

const ANALYZE: &str = include_str!("postgres/analyze.sql");
/// A transaction that lost against another is run again this often.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(5);

impl PostgresCatalog {
    pub(crate) fn new(store: Store, postgres: Postgres) -> Self {
        Self {
            store,
            postgres,
            statements: find::Statements::new(),
        }
    }

    /// Runs a write in the caller's transaction, or in one of its own, which is run again when it lost against another.
    async fn write<W: Write>(
        &self,
        tx: Option<&mut Tx>,
        name: &'static str,
        write: W,
    ) -> Result<W::Outcome, CatalogError> {
        match tx.map(Tx::kind) {
            Some(TxKind::Postgres(tx)) => self.postgres.timed(name, write.run(tx)).await,
            Some(TxKind::Sqlite(..)) => Err(super::foreign_transaction()),
            None => {
                let write = self.write_alone(&write);
                self.postgres.timed_commit(name, write).await
            }
        }
    }

    async fn write_alone<W: Write>(&self, write: &W) -> Result<W::Outcome, CatalogError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match self.attempt(write).await {
                Err(CatalogError::Store(StoreError::Conflict(why))) => {
                    tracing::debug!(why, "a transaction is run again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
        self.attempt(write).await
    }

    async fn attempt<W: Write>(&self, write: &W) -> Result<W::Outcome, CatalogError> {
        let mut tx = self.store.begin().await?;
        let TxKind::Postgres(inner) = tx.kind() else {
            return Err(super::foreign_transaction());
        };
        let outcome = write.run(inner).await?;
        tx.commit().await?;
        Ok(outcome)
    }
}

#[async_trait]
impl Port for PostgresCatalog {
    async fn product(&self, id: Uuid) -> Result<Option<Product>, CatalogError> {
        find::product(&self.postgres, id).await
    }

    async fn products(&self, ids: &[Uuid]) -> Result<Vec<Product>, CatalogError> {
        find::products(&self.postgres, ids).await
    }

    async fn statuses(&self, skus: &[&str]) -> Result<Vec<Option<Status>>, CatalogError> {
        find::statuses(&self.postgres, skus).await
    }

    /// A transaction keeps one core of the database busy; more of them wait for each other's index pages.
    fn parallel_upserts(&self) -> usize {
        2
    }

    /// Enough to keep a few cores of the database busy, few enough that what comes together goes together.
    fn parallel_lookups(&self) -> usize {
        1
    }

    async fn row_state(&self, id: Uuid) -> Result<Option<RowState>, CatalogError> {
        find::row_state(&self.postgres, id).await
    }

    async fn list(
        &self,
        query: &Checked,
        after: Option<&Place>,
    ) -> Result<Vec<Placed>, CatalogError> {
        self.statements.list(&self.postgres, query, after).await
    }

    async fn categories(&self) -> Result<Vec<Category>, CatalogError> {
        find::categories(&self.postgres).await
    }

    async fn export(
        &self,
        after: Option<String>,
        statuses: &[Status],
        limit: u32,
    ) -> Result<Vec<Product>, CatalogError> {
        self.statements
            .export(&self.postgres, after, statuses, limit)
            .await
    }

    async fn create(&self, tx: Option<&mut Tx>, new: Prepared) -> Result<Product, CatalogError> {
        self.write(tx, "product_create", write::Create { new })
            .await
    }

    async fn update(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
        edit: Edit,
    ) -> Result<Product, CatalogError> {
        self.write(
            tx,
            "product_update",
            write::Update {
                id,
                precondition: precondition.clone(),
                edit,
            },
        )
        .await
    }

    async fn delete(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
    ) -> Result<Revision, CatalogError> {
        self.write(
            tx,
            "product_delete",
            write::Delete {
                id,
                precondition: precondition.clone(),
            },
        )
        .await
    }

    async fn upsert(&self, batch: Vec<Prepared>) -> Result<Vec<Upserted>, CatalogError> {
        self.write(None, "product_upsert", write::Upsert { batch })
            .await
    }

    async fn refresh_statistics(&self) -> Result<(), CatalogError> {
        let analyze = sqlx::query(ANALYZE).execute(self.postgres.pool());
        self.postgres.timed("product_analyze", analyze).await?;
        Ok(())
    }

    async fn product_of_picture(&self, id: Uuid) -> Result<Option<Product>, CatalogError> {
        match pictures::product_of(&self.postgres, id).await? {
            Some(product) => find::product(&self.postgres, product).await,
            None => Ok(None),
        }
    }

    async fn pending_pictures(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, CatalogError> {
        pictures::pending(&self.postgres, after, limit).await
    }

    async fn orphaned_pictures(&self, limit: u32) -> Result<Vec<Uuid>, CatalogError> {
        pictures::orphaned(&self.postgres, limit).await
    }

    async fn add_picture(
        &self,
        tx: Option<&mut Tx>,
        new: NewPicture,
    ) -> Result<AddedPicture, CatalogError> {
        self.write(tx, "picture_add", pictures::Add { new }).await
    }

    async fn lock_picture(&self, tx: &mut Tx, id: Uuid) -> Result<Picture, CatalogError> {
        self.write(Some(tx), "picture_lock", pictures::Lock { id })
            .await
    }

    async fn settle_picture(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        state: PictureState,
        renditions: Vec<Rendition>,
    ) -> Result<Product, CatalogError> {
        self.write(
            tx,
            "picture_settle",
            pictures::Settle {
                id,
                state,
                renditions,
            },
        )
        .await
    }

    async fn remove_picture(&self, tx: Option<&mut Tx>, id: Uuid) -> Result<Product, CatalogError> {
        self.write(tx, "picture_remove", pictures::Remove { id })
            .await
    }

    async fn forget_picture(&self, tx: &mut Tx, id: Uuid) -> Result<(), CatalogError> {
        self.write(Some(tx), "picture_forget", pictures::Forget { id })
            .await
    }
}
