//! Backends with one wrong each. The suite is only worth something if the case named for that wrong rejects it.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use stanchion_catalog::conformance::{CASES, Subject};
use stanchion_catalog::port::{Checked, Place, Placed, Port, Prepared, Row};
use stanchion_catalog::{
    AddedPicture, Catalog, CatalogError, Category, Edit, NewPicture, Picture, PictureState,
    Precondition, Product, Rendition, Revision, RowState, Status, Upserted,
};
use stanchion_kernel::{Clock, Entropy, Ids, Uuid};
use stanchion_store::Tx;

use crate::databases;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    VersionStays,
    PreconditionIgnored,
    DeletedIsStillRead,
    DeletedVersionIsOld,
    OwnTransactionInsteadOfTheCallers,
    TiesAreSkipped,
    StatusIgnored,
    AttributesIgnored,
    RelevanceIgnored,
    SameContentIsWritten,
    ExportSkipsALine,
    SkuTakenIsIgnored,
    PicturesAreForgotten,
    PicturesAreAddedTwice,
    PendingPicturesStay,
    OrphansAreLost,
}

#[derive(Debug)]
struct Broken {
    inner: Arc<dyn Port>,
    wrong: Wrong,
}

impl Broken {
    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    fn tx<'a>(&self, tx: Option<&'a mut Tx>) -> Option<&'a mut Tx> {
        tx.filter(|_| !self.is(Wrong::OwnTransactionInsteadOfTheCallers))
    }

    fn demand(&self, precondition: &Precondition) -> Precondition {
        if self.is(Wrong::PreconditionIgnored) {
            Precondition::Exists
        } else {
            precondition.clone()
        }
    }
}

#[async_trait]
impl Port for Broken {
    async fn product(&self, id: Uuid) -> Result<Option<Product>, CatalogError> {
        let found = self.inner.product(id).await?;
        if found.is_some() || !self.is(Wrong::DeletedIsStillRead) {
            return Ok(found);
        }
        let any = self.inner.export(None, &Status::ALL, 1).await?;
        Ok(any.into_iter().next().or_else(|| Some(ghost(id))))
    }

    async fn products(&self, ids: &[Uuid]) -> Result<Vec<Product>, CatalogError> {
        self.inner.products(ids).await
    }

    async fn statuses(&self, skus: &[&str]) -> Result<Vec<Option<Status>>, CatalogError> {
        self.inner.statuses(skus).await
    }

    fn parallel_upserts(&self) -> usize {
        self.inner.parallel_upserts()
    }

    fn parallel_lookups(&self) -> usize {
        self.inner.parallel_lookups()
    }

    async fn row_state(&self, id: Uuid) -> Result<Option<RowState>, CatalogError> {
        self.inner.row_state(id).await
    }

    async fn list(
        &self,
        query: &Checked,
        after: Option<&Place>,
    ) -> Result<Vec<Placed>, CatalogError> {
        let mut query = query.clone();
        let mut after = after.cloned();
        match self.wrong {
            Wrong::StatusIgnored => query.statuses = Status::ALL.to_vec(),
            Wrong::AttributesIgnored => query.attributes.clear(),
            Wrong::RelevanceIgnored if query.sort == stanchion_catalog::Sort::Relevance => {
                query.sort = stanchion_catalog::Sort::Newest;
            }
            Wrong::TiesAreSkipped => {
                if let Some(place) = &mut after {
                    place.row = Row::Number(i64::MAX);
                }
            }
            _ => {}
        }
        self.inner.list(&query, after.as_ref()).await
    }

    async fn categories(&self) -> Result<Vec<Category>, CatalogError> {
        self.inner.categories().await
    }

    async fn export(
        &self,
        after: Option<String>,
        statuses: &[Status],
        limit: u32,
    ) -> Result<Vec<Product>, CatalogError> {
        let mut page = self.inner.export(after.clone(), statuses, limit).await?;
        if self.is(Wrong::ExportSkipsALine) && after.is_some() && !page.is_empty() {
            page.remove(0);
        }
        Ok(page)
    }

    async fn create(&self, tx: Option<&mut Tx>, new: Prepared) -> Result<Product, CatalogError> {
        if self.is(Wrong::SkuTakenIsIgnored) {
            let id = new.id;
            self.inner.upsert(vec![new]).await?;
            return Ok(self.inner.product(id).await?.unwrap_or_else(|| ghost(id)));
        }
        self.inner.create(self.tx(tx), new).await
    }

    async fn update(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
        edit: Edit,
    ) -> Result<Product, CatalogError> {
        let mut product = self
            .inner
            .update(self.tx(tx), id, &self.demand(precondition), edit)
            .await?;
        if self.is(Wrong::VersionStays) {
            product.version = 1;
        }
        Ok(product)
    }

    async fn delete(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        precondition: &Precondition,
    ) -> Result<Revision, CatalogError> {
        let mut revision = self
            .inner
            .delete(self.tx(tx), id, &self.demand(precondition))
            .await?;
        if self.is(Wrong::DeletedVersionIsOld) {
            revision.version -= 1;
        }
        Ok(revision)
    }

    async fn refresh_statistics(&self) -> Result<(), CatalogError> {
        self.inner.refresh_statistics().await
    }

    async fn upsert(&self, batch: Vec<Prepared>) -> Result<Vec<Upserted>, CatalogError> {
        let mut upserted = self.inner.upsert(batch).await?;
        if self.is(Wrong::SameContentIsWritten) {
            for one in &mut upserted {
                if *one == Upserted::Unchanged {
                    *one = Upserted::Updated;
                }
            }
        }
        Ok(upserted)
    }

    async fn product_of_picture(&self, id: Uuid) -> Result<Option<Product>, CatalogError> {
        self.inner.product_of_picture(id).await
    }

    async fn pending_pictures(
        &self,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, CatalogError> {
        if self.is(Wrong::PendingPicturesStay) {
            return Ok([1, 2, 3].map(Uuid::from_u128).to_vec());
        }
        self.inner.pending_pictures(after, limit).await
    }

    async fn orphaned_pictures(&self, limit: u32) -> Result<Vec<Uuid>, CatalogError> {
        if self.is(Wrong::OrphansAreLost) {
            return Ok(Vec::new());
        }
        self.inner.orphaned_pictures(limit).await
    }

    async fn add_picture(
        &self,
        tx: Option<&mut Tx>,
        mut new: NewPicture,
    ) -> Result<AddedPicture, CatalogError> {
        if self.is(Wrong::PicturesAreAddedTwice) {
            new.content_hash[..16].copy_from_slice(new.id.as_bytes());
        }
        let mut added = self.inner.add_picture(self.tx(tx), new).await?;
        if self.is(Wrong::PicturesAreForgotten) {
            added.product.images.clear();
        }
        Ok(added)
    }

    async fn lock_picture(&self, tx: &mut Tx, id: Uuid) -> Result<Picture, CatalogError> {
        self.inner.lock_picture(tx, id).await
    }

    async fn settle_picture(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        state: PictureState,
        renditions: Vec<Rendition>,
    ) -> Result<Product, CatalogError> {
        self.inner
            .settle_picture(self.tx(tx), id, state, renditions)
            .await
    }

    async fn remove_picture(&self, tx: Option<&mut Tx>, id: Uuid) -> Result<Product, CatalogError> {
        self.inner.remove_picture(self.tx(tx), id).await
    }

    async fn forget_picture(&self, tx: &mut Tx, id: Uuid) -> Result<(), CatalogError> {
        self.inner.forget_picture(tx, id).await
    }
}

/// A product that is nowhere.
fn ghost(id: Uuid) -> Product {
    let text = format!(
        r#"{{"id": "{id}", "sku": "GHOST", "name": "Ghost", "description": "", "category": "none", "images": [],
            "price": {{"amount": 1, "currency": "EUR"}}, "attributes": {{}}, "status": "active", "version": 1,
            "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z"}}"#
    );
    serde_json::from_str(&text).unwrap()
}

/// Whether the case of this name rejects a backend with this wrong.
async fn rejects(wrong: Wrong, name: &str) -> bool {
    let (sound, _folder) = databases::sqlite().await;
    let inner = sound.catalog.port();
    let ids = Ids::new(Clock::system(), Entropy::system());
    let catalog = Catalog::over(Arc::new(Broken { inner, wrong }), ids, [1; 32]);
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let examination = (case.examine)(Subject {
        store: sound.store,
        catalog,
    });
    std::panic::AssertUnwindSafe(examination)
        .catch_unwind()
        .await
        .is_err()
}

macro_rules! rejected {
    ($($wrong:ident by $case:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            assert!(rejects(Wrong::$wrong, stringify!($case)).await, "{:?} was let through", Wrong::$wrong);
        })*
    };
}

rejected! {
    VersionStays by every_change_bumps_the_version_and_the_moment,
    PreconditionIgnored by a_stale_precondition_changes_nothing,
    DeletedIsStillRead by a_deleted_product_is_gone_and_its_version_is_newer,
    OwnTransactionInsteadOfTheCallers by a_shared_transaction_undoes_everything_together,
    TiesAreSkipped by equal_sort_keys_lose_nothing_between_pages,
    StatusIgnored by only_the_wanted_statuses_are_listed,
    AttributesIgnored by filters_are_exact,
    RelevanceIgnored by matches_in_the_name_come_first,
    SameContentIsWritten by importing_again_changes_nothing,
    ExportSkipsALine by export_import_export_is_byte_identical,
    SkuTakenIsIgnored by a_sku_belongs_to_one_live_product,
    PicturesAreForgotten by pictures_are_part_of_their_product,
    PicturesAreAddedTwice by a_product_has_a_picture_once,
    PendingPicturesStay by pending_pictures_are_listed_until_they_are_settled,
    OrphansAreLost by the_pictures_of_a_deleted_product_wait_to_be_forgotten,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_product_with_an_old_version_is_rejected() {
    let case = "a_deleted_product_is_gone_and_its_version_is_newer";
    assert!(rejects(Wrong::DeletedVersionIsOld, case).await);
}
