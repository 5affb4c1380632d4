//! What every backend of the catalogue promises, as named cases. A case panics with what is wrong.

mod imports;
mod lists;
mod pictures;
mod reads;
mod searches;
mod writes;

use std::pin::Pin;

use stanchion_store::Store;

use crate::Catalog;
use crate::model::{NewProduct, Product, ProductInput, Status};
use crate::query::ListQuery;

/// A catalogue to be examined, empty, and the store underneath.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The store.
    pub store: Store,
    /// The catalogue.
    pub catalog: Catalog,
}

/// A case: its name, which is its promise, and its examination.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise.
    pub name: &'static str,
    /// Examines an empty catalogue; panics when the promise is broken.
    pub examine: fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! cases {
    ($($module:ident :: $name:ident),* $(,)?) => {
        /// All cases.
        pub const CASES: &[Case] = &[
            $(Case { name: stringify!($name), examine: |subject| Box::pin($module::$name(subject)) }),*
        ];
    };
}

cases! {
    writes::a_product_is_read_as_it_was_written,
    writes::a_sku_belongs_to_one_live_product,
    writes::every_change_bumps_the_version_and_the_moment,
    writes::an_edit_that_changes_nothing_keeps_the_version,
    writes::a_stale_precondition_changes_nothing,
    writes::of_concurrent_edits_of_one_revision_one_wins,
    writes::a_merge_patch_changes_what_it_names,
    writes::a_deleted_product_is_gone_and_its_version_is_newer,
    writes::a_deleted_sku_can_be_used_again,
    writes::a_shared_transaction_undoes_everything_together,
    writes::a_refused_write_leaves_a_shared_transaction_usable,
    writes::every_write_is_announced_once_with_its_version,
    reads::reads_that_come_together_each_get_their_own,
    reads::the_status_of_a_sku_is_its_live_product_s,
    reads::a_read_after_a_write_sees_it_whoever_else_reads,
    lists::pages_give_every_product_once_in_order,
    lists::equal_sort_keys_lose_nothing_between_pages,
    lists::concurrent_inserts_do_not_disturb_pages,
    lists::filters_are_exact,
    lists::only_the_wanted_statuses_are_listed,
    lists::a_cursor_of_another_query_is_refused,
    searches::every_word_must_occur_and_may_be_begun,
    searches::matches_in_the_name_come_first,
    searches::an_edit_changes_what_is_found,
    searches::search_filters_and_orders_combine,
    imports::importing_again_changes_nothing,
    imports::a_bad_line_is_reported_and_the_others_are_taken,
    imports::of_two_lines_with_one_sku_the_later_counts,
    imports::export_import_export_is_byte_identical,
    pictures::pictures_are_part_of_their_product,
    pictures::a_product_has_a_picture_once,
    pictures::pending_pictures_are_listed_until_they_are_settled,
    pictures::the_pictures_of_a_deleted_product_wait_to_be_forgotten,
}

/// A product with this SKU and name, in EUR, active.
fn product(sku: &str, name: &str) -> NewProduct {
    product_with(sku, name, |_| ())
}

fn product_with(sku: &str, name: &str, change: impl FnOnce(&mut ProductInput)) -> NewProduct {
    let mut input: ProductInput = serde_json::from_value(serde_json::json!({
        "sku": sku, "name": name, "category": "things", "status": "active",
        "price": {"amount": 100, "currency": "EUR"},
    }))
    .expect("a product's JSON");
    change(&mut input);
    input.check().expect("a valid product")
}

impl Subject {
    async fn create(&self, new: NewProduct) -> Product {
        self.catalog.create(None, new).await.expect("created")
    }

    /// The SKUs of all pages of a query, read page by page.
    async fn skus(&self, query: &ListQuery) -> Vec<String> {
        let mut query = query.clone();
        let mut skus = Vec::new();
        for _ in 0..1_000 {
            let page = self.catalog.list(&query).await.expect("a page");
            skus.extend(page.items.into_iter().map(|product| product.sku));
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => return skus,
            }
        }
        panic!("the pages do not end");
    }

    /// The SKUs that a search finds, in order.
    async fn found(&self, search: &str) -> Vec<String> {
        self.skus(&ListQuery {
            search: Some(search.to_owned()),
            ..active()
        })
        .await
    }
}

/// A query for active products.
fn active() -> ListQuery {
    ListQuery {
        statuses: vec![Status::Active],
        ..ListQuery::default()
    }
}
