use std::sync::Arc;

use stanchion_kernel::{Ids, Uuid};
use stanchion_store::{Backend, Migration, Migrations, Store, Tx};

use crate::CatalogError;
use crate::cursor::Cursors;
use crate::gather::Gather;
use crate::model::{
    AddedPicture, Category, NewPicture, NewProduct, Picture, PictureState, Product, Rendition,
    Revision, Status,
};
use crate::port::postgres::PostgresCatalog;
use crate::port::sqlite::SqliteCatalog;
use crate::port::{Edit, Port, Precondition, RowState, Upserted};
use crate::prepared::Prepared;
use crate::query::{ListQuery, Page};

/// The tables of this crate; they need those of `stanchion-store`.
pub const MIGRATIONS: Migrations = Migrations {
    component: "catalog",
    sqlite: &[Migration {
        version: 1,
        name: "init",
        sql: include_str!("../migrations/sqlite/0001_init.sql"),
    }],
    postgres: &[Migration {
        version: 1,
        name: "init",
        sql: include_str!("../migrations/postgres/0001_init.sql"),
    }],
};

/// Names, dates and purposes of derived keys are fixed: another text is another key.
const CURSOR_CONTEXT: &str = "stanchion 2026-11 catalog cursor check";

/// The catalogue of a database. Cheap to clone.
///
/// A method that takes a transaction writes in it when it is given one, and in one of its own otherwise. Each write
/// bumps the row's version and appends to the change feed in the same transaction.
#[derive(Clone)]
pub struct Catalog {
    port: Arc<dyn Port>,
    lookups: Arc<Gather>,
    ids: Ids,
    cursors: Cursors,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Catalog {
    /// The catalogue in `store`; needs [`Store::ready`] and the schema of [`MIGRATIONS`].
    #[must_use]
    pub fn new(store: &Store, ids: Ids) -> Self {
        let port: Arc<dyn Port> = match store.backend() {
            Backend::Sqlite(sqlite) => {
                Arc::new(SqliteCatalog::new(sqlite.clone(), store.clock().clone()))
            }
            Backend::Postgres(postgres) => {
                Arc::new(PostgresCatalog::new(store.clone(), postgres.clone()))
            }
        };
        Self::over(port, ids, store.instance().derive_key(CURSOR_CONTEXT))
    }

    /// The catalogue on any backend; `cursor_key` must be the same on all servers of a database, and a secret.
    #[must_use]
    pub fn over(port: Arc<dyn Port>, ids: Ids, cursor_key: [u8; 32]) -> Self {
        Self {
            lookups: Gather::new(Arc::clone(&port)),
            port,
            ids,
            cursors: Cursors::new(cursor_key),
        }
    }

    /// The backend underneath, for a decorator.
    #[must_use]
    pub fn port(&self) -> Arc<dyn Port> {
        Arc::clone(&self.port)
    }

    /// The product, if it is there and not deleted. Calls that come together are one query.
    ///
    /// # Errors
    /// The database's own.
    pub async fn product(&self, id: Uuid) -> Result<Option<Product>, CatalogError> {
        self.lookups.product(id).await
    }

    /// The status of the product with each of these SKUs, in their order; `None` where there is none.
    ///
    /// # Errors
    /// The database's own.
    pub async fn statuses(&self, skus: &[&str]) -> Result<Vec<Option<Status>>, CatalogError> {
        self.port.statuses(skus).await
    }

    /// The state of a product's row, deleted or not.
    ///
    /// # Errors
    /// The database's own.
    pub async fn row_state(&self, id: Uuid) -> Result<Option<RowState>, CatalogError> {
        self.port.row_state(id).await
    }

    /// A page of products. Following the cursors gives each product that stays as it is exactly once, whatever is
    /// written meanwhile.
    ///
    /// # Errors
    /// [`CatalogError::InvalidQuery`], [`CatalogError::InvalidCursor`], or the database's own.
    pub async fn list(&self, query: &ListQuery) -> Result<Page, CatalogError> {
        let checked = query.check()?;
        let fingerprint = query.fingerprint(checked.sort);
        let after = match &query.cursor {
            Some(text) => Some(self.cursors.read(&fingerprint, text)?),
            None => None,
        };
        let mut found = self.port.list(&checked, after.as_ref()).await?;
        let more = found.len() > checked.limit as usize;
        found.truncate(checked.limit as usize);
        let next = found
            .last()
            .filter(|_| more)
            .map(|last| self.cursors.write(&fingerprint, &last.place));
        let items = found.into_iter().map(|placed| placed.product).collect();
        Ok(Page {
            items,
            next_cursor: next,
        })
    }

    /// All categories by name.
    ///
    /// # Errors
    /// The database's own.
    pub async fn categories(&self) -> Result<Vec<Category>, CatalogError> {
        self.port.categories().await
    }

    /// Makes a product.
    ///
    /// # Errors
    /// [`CatalogError::SkuTaken`], or the database's own.
    pub async fn create(
        &self,
        tx: Option<&mut Tx>,
        new: NewProduct,
    ) -> Result<Product, CatalogError> {
        self.port.create(tx, self.prepare(new)).await
    }

    /// Changes a product. An edit that changes nothing keeps the version.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`], [`CatalogError::RevisionConflict`], [`CatalogError::SkuTaken`],
    /// [`CatalogError::InvalidPatch`], [`CatalogError::Invalid`], or the database's own.
    pub async fn update(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
        edit: Edit,
    ) -> Result<Product, CatalogError> {
        self.port.update(tx, id, precondition, edit).await
    }

    /// Deletes a product. Its row stays, with a version newer than any that it had; its SKU may be used again.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`], [`CatalogError::RevisionConflict`], or the database's own.
    pub async fn delete(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
    ) -> Result<Revision, CatalogError> {
        self.port.delete(tx, id, precondition).await
    }

    /// Makes or changes each product by its SKU, all in one transaction; one with the same content is left alone. Of
    /// products with the same SKU the last one counts.
    ///
    /// # Errors
    /// The database's own; then none has been written.
    pub async fn upsert(&self, batch: Vec<NewProduct>) -> Result<Vec<Upserted>, CatalogError> {
        self.upsert_prepared(batch.into_iter().map(|new| self.prepare(new)).collect())
            .await
    }

    pub(crate) async fn upsert_prepared(
        &self,
        batch: Vec<Prepared>,
    ) -> Result<Vec<Upserted>, CatalogError> {
        self.port.upsert(batch).await
    }

    pub(crate) fn parallel_upserts(&self) -> usize {
        self.port.parallel_upserts()
    }

    pub(crate) async fn refresh_statistics(&self) -> Result<(), CatalogError> {
        self.port.refresh_statistics().await
    }

    pub(crate) fn prepare(&self, new: NewProduct) -> Prepared {
        Prepared::new(self.ids.next(), new)
    }

    pub(crate) async fn export_page(
        &self,
        after: Option<String>,
        statuses: &[Status],
        limit: u32,
    ) -> Result<Vec<Product>, CatalogError> {
        self.port.export(after, statuses, limit).await
    }

    /// The product that has a picture, if it is there and not deleted.
    ///
    /// # Errors
    /// The database's own.
    pub async fn product_of_picture(&self, id: Uuid) -> Result<Option<Product>, CatalogError> {
        self.port.product_of_picture(id).await
    }

    /// Up to `limit` pictures that are pending, by their ids after `after`.
    ///
    /// # Errors
    /// The database's own.
    pub async fn pending_pictures(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, CatalogError> {
        self.port.pending_pictures(after, limit).await
    }

    /// Up to `limit` pictures whose product was deleted. They stay until each is
    /// [forgotten](Catalog::forget_picture), so that whoever stores their bytes hears of it.
    ///
    /// # Errors
    /// The database's own.
    pub async fn orphaned_pictures(&self, limit: u32) -> Result<Vec<Uuid>, CatalogError> {
        self.port.orphaned_pictures(limit).await
    }

    /// Records a picture behind the product's other ones; the product gets a new version. A product has a picture once: of
    /// the same bytes the first stays, and nothing changes.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] when there is no such product, or the database's own.
    pub async fn add_picture(
        &self,
        tx: Option<&mut Tx>,
        new: NewPicture,
    ) -> Result<AddedPicture, CatalogError> {
        self.port.add_picture(tx, new).await
    }

    /// A picture, which nobody else changes or removes until the transaction ends.
    ///
    /// # Errors
    /// As for [`Catalog::settle_picture`].
    pub async fn lock_picture(&self, tx: &mut Tx, id: Uuid) -> Result<Picture, CatalogError> {
        self.port.lock_picture(tx, id).await
    }

    /// Records what became of a picture; the product gets a new version.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`] when there is no such picture or its product is deleted, or the database's own.
    pub async fn settle_picture(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        state: PictureState,
        renditions: Vec<Rendition>,
    ) -> Result<Product, CatalogError> {
        self.port.settle_picture(tx, id, state, renditions).await
    }

    /// Removes a picture's record; the product gets a new version.
    ///
    /// # Errors
    /// As for [`Catalog::settle_picture`].
    pub async fn remove_picture(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
    ) -> Result<Product, CatalogError> {
        self.port.remove_picture(tx, id).await
    }

    /// Removes the record of a picture whose product was deleted, if it is still there.
    ///
    /// # Errors
    /// The database's own.
    pub async fn forget_picture(&self, tx: &mut Tx, id: Uuid) -> Result<(), CatalogError> {
        self.port.forget_picture(tx, id).await
    }
}
