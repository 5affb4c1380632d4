//! What a database must do for the catalogue, and the two that do it.

#[cfg(test)]
mod plans;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::fmt;

use async_trait::async_trait;
use stanchion_kernel::Uuid;
use stanchion_store::feed::{Change, Kind};
use stanchion_store::{StoreError, Tx};

use crate::CatalogError;
pub use crate::cursor::{Cursors, Place, Row, SortKey};
use crate::model::{
    AddedPicture, Category, NewPicture, NewProduct, Picture, PictureState, Product, Rendition,
    Revision, Status,
};
pub use crate::prepared::Prepared;
pub use crate::query::Checked;
pub use crate::terms::{Search, Terms};

/// The feed's topic of products.
pub const TOPIC: &str = "product";

/// Which revision a row must have for a change to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Any, as long as it is there.
    Exists,
    /// One of these.
    OneOf(Vec<Revision>),
}

impl Precondition {
    pub(crate) fn allows(&self, revision: Revision) -> bool {
        match self {
            Self::Exists => true,
            Self::OneOf(revisions) => revisions.contains(&revision),
        }
    }
}

/// How to change a product.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Everything that a writer can set is replaced.
    Replace(Box<NewProduct>),
    /// A JSON Merge Patch (RFC 7396).
    Patch(serde_json::Value),
}

/// What became of a product that was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upserted {
    /// There was none with its SKU.
    Created,
    /// There was one with other content.
    Updated,
    /// There was one with the same content, which was left alone.
    Unchanged,
}

/// The state of a row, deleted ones included: for caches, which must tell old from new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowState {
    /// Its revision; a deleted product's version is newer than any that it had.
    pub revision: Revision,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// A product with its place in the order of its list.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The product.
    pub product: Product,
    /// Its place.
    pub place: Place,
}

/// A database for the catalogue.
///
/// A write that is given a transaction happens in it and is undone with it; without one it has its own. Every write
/// appends to the change feed in the same transaction. A refused write changes nothing, and a transaction that it was
/// given stays usable.
#[async_trait]
pub trait Port: Send + Sync + fmt::Debug {
    /// The product, if it is there and not deleted.
    async fn product(&self, id: Uuid) -> Result<Option<Product>, CatalogError>;

    /// Those of these products that are there and not deleted, in any order.
    async fn products(&self, ids: &[Uuid]) -> Result<Vec<Product>, CatalogError>;

    /// The status of the product with each of these SKUs, in their order; `None` where there is none.
    async fn statuses(&self, skus: &[&str]) -> Result<Vec<Option<Status>>, CatalogError>;

    /// How many reads by id are worth running at once; more are put together.
    fn parallel_lookups(&self) -> usize;

    /// The state of the row, deleted or not.
    async fn row_state(&self, id: Uuid) -> Result<Option<RowState>, CatalogError>;

    /// Up to `limit + 1` products after `after`, in order; the one too many shows that there are more.
    async fn list(
        &self,
        query: &Checked,
        after: Option<&Place>,
    ) -> Result<Vec<Placed>, CatalogError>;

    /// All categories by name, at most 10,000.
    async fn categories(&self) -> Result<Vec<Category>, CatalogError>;

    /// Up to `limit` products by SKU after `after`, of the given statuses.
    async fn export(
        &self,
        after: Option<String>,
        statuses: &[Status],
        limit: u32,
    ) -> Result<Vec<Product>, CatalogError>;

    /// Makes a product; [`CatalogError::SkuTaken`] when there is one with its SKU.
    async fn create(&self, tx: Option<&mut Tx>, new: Prepared) -> Result<Product, CatalogError>;

    /// Changes a product, if its revision is one that the precondition allows. An edit that changes nothing keeps the
    /// version.
    async fn update(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
        edit: Edit,
    ) -> Result<Product, CatalogError>;

    /// Deletes a product and keeps its row, with a newer version.
    async fn delete(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
    ) -> Result<Revision, CatalogError>;

    /// How many [`upsert`](Port::upsert)s an import gains by running at once, 1 or more.
    fn parallel_upserts(&self) -> usize;

    /// Makes or changes each by its SKU, all in one transaction. No SKU may occur twice.
    async fn upsert(&self, batch: Vec<Prepared>) -> Result<Vec<Upserted>, CatalogError>;

    /// Much was written at once: brings up to date what the database chooses its plans by.
    async fn refresh_statistics(&self) -> Result<(), CatalogError>;

    /// The product that has a picture, if it is there and not deleted.
    async fn product_of_picture(&self, id: Uuid) -> Result<Option<Product>, CatalogError>;

    /// Up to `limit` pictures that are pending, by their ids after `after`.
    async fn pending_pictures(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, CatalogError>;

    /// Up to `limit` pictures whose product was deleted.
    async fn orphaned_pictures(&self, limit: u32) -> Result<Vec<Uuid>, CatalogError>;

    /// Records a picture behind the product's other ones; the product gets a new version. A product has a picture once: of
    /// the same bytes the first stays, and nothing changes.
    async fn add_picture(
        &self,
        tx: Option<&mut Tx>,
        new: NewPicture,
    ) -> Result<AddedPicture, CatalogError>;

    /// A picture, which nobody else changes or removes until the transaction ends.
    async fn lock_picture(&self, tx: &mut Tx, id: Uuid) -> Result<Picture, CatalogError>;

    /// Records what became of a picture; the product gets a new version.
    async fn settle_picture(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        state: PictureState,
        renditions: Vec<Rendition>,
    ) -> Result<Product, CatalogError>;

    /// Removes a picture's record; the product gets a new version.
    async fn remove_picture(&self, tx: Option<&mut Tx>, id: Uuid) -> Result<Product, CatalogError>;

    /// Removes the record of a picture whose product was deleted, if it is still there.
    async fn forget_picture(&self, tx: &mut Tx, id: Uuid) -> Result<(), CatalogError>;
}

/// The picture among those of its product.
fn picture_of(product: Product, id: Uuid) -> Result<Picture, CatalogError> {
    let mut images = product.images.into_iter();
    images
        .find(|image| image.id == id)
        .ok_or(CatalogError::NotFound)
}

/// The row that an edit of `current` leads to, if its revision is one that the precondition allows.
fn edited(
    current: Product,
    precondition: &Precondition,
    edit: Edit,
) -> Result<Prepared, CatalogError> {
    if !precondition.allows(current.revision()) {
        return Err(CatalogError::RevisionConflict {
            current: Box::new(current),
        });
    }
    let product = match edit {
        Edit::Replace(new) => *new,
        Edit::Patch(patch) => crate::patch::apply(&current, &patch)?,
    };
    Ok(Prepared::new(current.id, product))
}

fn product_change(id: Uuid, version: i64, kind: Kind) -> Change {
    Change {
        topic: TOPIC.into(),
        key: id.to_string(),
        version,
        kind,
    }
}

fn renditions_json(renditions: &[Rendition]) -> Result<String, CatalogError> {
    serde_json::to_string(renditions)
        .map_err(|error| CatalogError::Store(StoreError::Corrupt(error.to_string())))
}

/// A transaction of one database was given to a catalogue on the other.
fn foreign_transaction() -> CatalogError {
    let why = "the transaction belongs to another kind of database";
    CatalogError::Store(StoreError::Config(why.to_owned()))
}

/// The first `limit + 1` of several lists that are each in order, in order.
pub(crate) fn merge(lists: Vec<Vec<Placed>>, query: &Checked) -> Vec<Placed> {
    use crate::query::Sort;
    let mut all: Vec<Placed> = lists.into_iter().flatten().collect();
    let key = |placed: &Placed| (placed.place.key.clone(), placed.place.row);
    match query.sort {
        Sort::Name | Sort::Price => all.sort_by_cached_key(key),
        Sort::NameDescending | Sort::PriceDescending => {
            all.sort_by_cached_key(|placed| std::cmp::Reverse(key(placed)));
        }
        // Tiers go up while rows go down.
        Sort::Newest | Sort::Relevance => all.sort_by_cached_key(|placed| {
            (
                placed.place.key.clone(),
                std::cmp::Reverse(placed.place.row),
            )
        }),
    }
    all.truncate(query.limit as usize + 1);
    all
}

/// The place of a product in an order, as far as the product itself says it.
pub(crate) fn place(query: &Checked, product: &Product, row: Row, tier: u8) -> Place {
    use crate::query::Sort;
    let key = match query.sort {
        Sort::Name | Sort::NameDescending => SortKey::Name(crate::terms::sort_key(&product.name)),
        Sort::Price | Sort::PriceDescending => {
            SortKey::Price(product.price.currency.clone(), product.price.amount)
        }
        Sort::Newest => SortKey::Newest,
        Sort::Relevance => SortKey::Relevance(tier),
    };
    Place { key, row }
}
