mod find;
mod matching;
mod pictures;
mod row;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _};
use stanchion_kernel::{Clock, Timestamp, Uuid};
use stanchion_store::{Sqlite, Tx, TxKind};

use super::{Edit, Placed, Port, Precondition, RowState, Upserted};
use crate::CatalogError;
use crate::cursor::Place;
use crate::model::{
    AddedPicture, Category, NewPicture, Picture, PictureState, Product, Rendition, Revision, Status,
};
use crate::prepared::Prepared;
use crate::query::Checked;
use write::Entry;

/// The catalogue on a SQLite file.
#[derive(Debug)]
pub(crate) struct SqliteCatalog {
    sqlite: Sqlite,
    clock: Clock,
    statements: Arc<find::Statements>,
}

impl SqliteCatalog {
    pub(crate) fn new(sqlite: Sqlite, clock: Clock) -> Self {
        Self {
            sqlite,
            clock,
            statements: Arc::new(find::Statements::new()),
        }
    }

    /// Runs a write in the caller's transaction, or in the next group of the writer thread.
    async fn write<T, F>(
        &self,
        tx: Option<&mut Tx>,
        name: &'static str,
        write: F,
    ) -> Result<T, CatalogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Timestamp) -> Result<T, CatalogError> + Send + 'static,
    {
        let now = self.clock.now();
        match tx.map(Tx::kind) {
            None => {
                self.sqlite
                    .write(name, move |connection| write(connection, now))
                    .await
            }
            Some(TxKind::Sqlite(tx, _)) => tx.run(move |connection| write(connection, now)).await,
            Some(TxKind::Postgres(_)) => Err(super::foreign_transaction()),
        }
    }
}

#[async_trait]
impl Port for SqliteCatalog {
    async fn product(&self, id: Uuid) -> Result<Option<Product>, CatalogError> {
        let read = move |connection: &Connection| find::product(connection, id);
        self.sqlite.look_up("product_get", read).await
    }

    async fn products(&self, ids: &[Uuid]) -> Result<Vec<Product>, CatalogError> {
        let ids = ids.to_vec();
        let read = move |connection: &Connection| find::products(connection, &ids);
        self.sqlite.look_up("product_get_many", read).await
    }

    async fn statuses(&self, skus: &[&str]) -> Result<Vec<Option<Status>>, CatalogError> {
        let skus: Vec<String> = skus.iter().map(|sku| (*sku).to_owned()).collect();
        let read = move |connection: &Connection| find::statuses(connection, &skus);
        self.sqlite.look_up("product_statuses", read).await
    }

    /// There is one writer.
    fn parallel_upserts(&self) -> usize {
        1
    }

    /// The locks of the file's log are one for the whole process: two at once would only wait for each other.
    fn parallel_lookups(&self) -> usize {
        1
    }

    async fn row_state(&self, id: Uuid) -> Result<Option<RowState>, CatalogError> {
        let read = move |connection: &Connection| find::row_state(connection, id);
        self.sqlite.look_up("product_row_state", read).await
    }

    async fn list(
        &self,
        query: &Checked,
        after: Option<&Place>,
    ) -> Result<Vec<Placed>, CatalogError> {
        let (query, after) = (query.clone(), after.cloned());
        let statements = Arc::clone(&self.statements);
        let name = if query.search.is_some() {
            "product_search"
        } else {
            "product_list"
        };
        let read =
            move |connection: &Connection| statements.list(connection, &query, after.as_ref());
        self.sqlite.read(name, read).await
    }

    async fn categories(&self) -> Result<Vec<Category>, CatalogError> {
        self.sqlite.read("category_list", find::categories).await
    }

    async fn export(
        &self,
        after: Option<String>,
        statuses: &[Status],
        limit: u32,
    ) -> Result<Vec<Product>, CatalogError> {
        let (statements, statuses) = (Arc::clone(&self.statements), statuses.to_vec());
        let read = move |connection: &Connection| {
            statements.export(connection, after.as_deref(), &statuses, limit)
        };
        self.sqlite.read("product_export", read).await
    }

    async fn create(&self, tx: Option<&mut Tx>, new: Prepared) -> Result<Product, CatalogError> {
        let entry = Entry::from(new);
        self.write(tx, "product_create", move |connection, now| {
            let sku = &entry.new.product.sku;
            if write::by_sku(connection, sku)?.is_some() {
                return Err(CatalogError::SkuTaken { sku: sku.clone() });
            }
            write::add_categories(connection, now, std::slice::from_ref(&entry))?;
            write::insert(connection, now, &entry)?;
            find::product(connection, entry.new.id)?.ok_or(CatalogError::NotFound)
        })
        .await
    }

    async fn update(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
        edit: Edit,
    ) -> Result<Product, CatalogError> {
        let precondition = precondition.clone();
        self.write(tx, "product_update", move |connection, now| {
            let current = find::product(connection, id)?.ok_or(CatalogError::NotFound)?;
            let edited = super::edited(current, &precondition, edit)?;
            let taken = write::by_sku(connection, &edited.product.sku)?;
            if taken.as_ref().is_some_and(|other| other.id != id) {
                return Err(CatalogError::SkuTaken {
                    sku: edited.product.sku.clone(),
                });
            }
            let entry = Entry::from(edited);
            write::add_categories(connection, now, std::slice::from_ref(&entry))?;
            write::replace_by_id(connection, now, &entry)?;
            find::product(connection, id)?.ok_or(CatalogError::NotFound)
        })
        .await
    }

    async fn delete(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
    ) -> Result<Revision, CatalogError> {
        let precondition = precondition.clone();
        self.write(tx, "product_delete", move |connection, now| {
            let current = find::product(connection, id)?.ok_or(CatalogError::NotFound)?;
            if !precondition.allows(current.revision()) {
                return Err(CatalogError::RevisionConflict {
                    current: Box::new(current),
                });
            }
            write::delete(connection, now, id)
        })
        .await
    }

    async fn upsert(&self, batch: Vec<Prepared>) -> Result<Vec<Upserted>, CatalogError> {
        let entries: Vec<Entry> = batch.into_iter().map(Entry::from).collect();
        let write = self.write(None, "product_upsert", move |connection, now| {
            write::add_categories(connection, now, &entries)?;
            let upsert = |entry| write::upsert(connection, now, entry);
            let upserted: Result<Vec<_>, _> = entries.iter().map(upsert).collect();
            Ok((upserted?, entries))
        });
        // The entries come back so that their memory is not given back by the one thread that writes.
        let (upserted, _entries) = write.await?;
        Ok(upserted)
    }

    /// Its plans follow from the indexes alone.
    async fn refresh_statistics(&self) -> Result<(), CatalogError> {
        Ok(())
    }

    async fn product_of_picture(&self, id: Uuid) -> Result<Option<Product>, CatalogError> {
        let read = move |connection: &Connection| pictures::product(connection, id);
        self.sqlite.look_up("picture_product", read).await
    }

    async fn pending_pictures(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, CatalogError> {
        let read = move |connection: &Connection| pictures::pending(connection, after, limit);
        self.sqlite.read("picture_pending", read).await
    }

    async fn orphaned_pictures(&self, limit: u32) -> Result<Vec<Uuid>, CatalogError> {
        let read = move |connection: &Connection| pictures::orphaned(connection, limit);
        self.sqlite.read("picture_orphaned", read).await
    }

    async fn add_picture(
        &self,
        tx: Option<&mut Tx>,
        new: NewPicture,
    ) -> Result<AddedPicture, CatalogError> {
        self.write(tx, "picture_add", move |connection, now| {
            pictures::add(connection, now, &new)
        })
        .await
    }

    async fn lock_picture(&self, tx: &mut Tx, id: Uuid) -> Result<Picture, CatalogError> {
        self.write(Some(tx), "picture_lock", move |connection, _| {
            pictures::locked(connection, id)
        })
        .await
    }

    async fn settle_picture(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        state: PictureState,
        renditions: Vec<Rendition>,
    ) -> Result<Product, CatalogError> {
        self.write(tx, "picture_settle", move |connection, now| {
            pictures::settle(connection, now, id, state, &renditions)
        })
        .await
    }

    async fn remove_picture(&self, tx: Option<&mut Tx>, id: Uuid) -> Result<Product, CatalogError> {
        self.write(tx, "picture_remove", move |connection, now| {
            pictures::remove(connection, now, id)
        })
        .await
    }

    async fn forget_picture(&self, tx: &mut Tx, id: Uuid) -> Result<(), CatalogError> {
        self.write(Some(tx), "picture_forget", move |connection, _| {
            pictures::forget(connection, id)
        })
        .await
    }
}

/// The only row of a query, if there is one.
fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    map: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, CatalogError> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row(params, map)
        .optional()?)
}
