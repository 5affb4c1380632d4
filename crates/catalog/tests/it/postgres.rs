use stanchion_catalog::conformance::CASES;
use tokio::sync::mpsc;

use crate::databases;

/// Runs the case of this name on a fresh database.
async fn conforms(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let (subject, _database) = databases::postgres().await;
    (case.examine)(subject).await;
}

macro_rules! conform {
    ($($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            conforms(stringify!($name)).await;
        })*

        #[test]
        fn every_case_is_run() {
            assert_eq!([$(stringify!($name)),*].len(), CASES.len());
        }
    };
}

conform! {
    a_product_is_read_as_it_was_written
    a_sku_belongs_to_one_live_product
    every_change_bumps_the_version_and_the_moment
    an_edit_that_changes_nothing_keeps_the_version
    a_stale_precondition_changes_nothing
    of_concurrent_edits_of_one_revision_one_wins
    a_merge_patch_changes_what_it_names
    a_deleted_product_is_gone_and_its_version_is_newer
    a_deleted_sku_can_be_used_again
    a_shared_transaction_undoes_everything_together
    a_refused_write_leaves_a_shared_transaction_usable
    every_write_is_announced_once_with_its_version
    reads_that_come_together_each_get_their_own
    the_status_of_a_sku_is_its_live_product_s
    a_read_after_a_write_sees_it_whoever_else_reads
    pages_give_every_product_once_in_order
    equal_sort_keys_lose_nothing_between_pages
    concurrent_inserts_do_not_disturb_pages
    filters_are_exact
    only_the_wanted_statuses_are_listed
    a_cursor_of_another_query_is_refused
    every_word_must_occur_and_may_be_begun
    matches_in_the_name_come_first
    an_edit_changes_what_is_found
    search_filters_and_orders_combine
    importing_again_changes_nothing
    a_bad_line_is_reported_and_the_others_are_taken
    of_two_lines_with_one_sku_the_later_counts
    export_import_export_is_byte_identical
    pictures_are_part_of_their_product
    a_product_has_a_picture_once
    pending_pictures_are_listed_until_they_are_settled
    the_pictures_of_a_deleted_product_wait_to_be_forgotten
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_planner_knows_of_an_import_when_it_ends() {
    let (subject, database) = databases::postgres().await;
    let line = |n| {
        format!(
            "{{\"sku\":\"S-{n}\",\"name\":\"Lamp {n}\",\"category\":\"c\",\
             \"price\":{{\"amount\":5,\"currency\":\"EUR\"}}}}\n"
        )
    };
    let text: String = (0..1_000).map(line).collect();
    // As many events as there are; nobody listens.
    let (events, _received) = mpsc::channel(16);
    let imported = subject.catalog.import(std::io::Cursor::new(text), events);
    assert_eq!(imported.await.unwrap().created, 1_000);
    let known = "SELECT reltuples FROM pg_class WHERE oid = 'stanchion_catalog.products'::regclass";
    assert_eq!(database.psql(known).await.trim(), "1000");
}
