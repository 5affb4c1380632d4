use serde_json::json;
use stanchion_kernel::Uuid;
use stanchion_store::feed::{Kind, Start};

use super::{Subject, product, product_with};
use crate::CatalogError;
use crate::model::{AttributeValue, Scalar, Status};
use crate::port::{Edit, Precondition, TOPIC};

pub(super) async fn a_product_is_read_as_it_was_written(subject: Subject) {
    let new = product_with("A-1", "Ünïcode ☂ 'quoted' \"twice\"", |input| {
        input.description = "Line one.\nLine two; DROP TABLE products; --\t%_\\".to_owned();
        input.price.amount = 1_000_000_000_000_000;
        input.attributes = [
            (
                "text".to_owned(),
                AttributeValue::One(Scalar::Text("a'b\"c\\".to_owned())),
            ),
            (
                "whole".to_owned(),
                AttributeValue::One(Scalar::Integer(i64::MIN)),
            ),
            (
                "large".to_owned(),
                AttributeValue::One(Scalar::Decimal(1e300)),
            ),
            (
                "small".to_owned(),
                AttributeValue::One(Scalar::Decimal(0.1)),
            ),
            ("truth".to_owned(), AttributeValue::One(Scalar::Bool(false))),
            ("empty".to_owned(), AttributeValue::Many(Vec::new())),
            (
                "many".to_owned(),
                AttributeValue::Many(vec![Scalar::Integer(1), Scalar::Text("é".into())]),
            ),
        ]
        .into_iter()
        .collect();
        input.status = Status::Draft;
    });
    let created = subject.create(new.clone()).await;
    assert_eq!(created.to_input(), *new);
    assert_eq!(
        (created.version, created.created_at),
        (1, created.updated_at)
    );
    assert_eq!(
        subject
            .catalog
            .product(created.id)
            .await
            .expect("an answer"),
        Some(created)
    );
    assert_eq!(
        subject
            .catalog
            .product(Uuid::from_u128(1))
            .await
            .expect("an answer"),
        None
    );
}

pub(super) async fn a_sku_belongs_to_one_live_product(subject: Subject) {
    let first = subject.create(product("A-1", "First")).await;
    let second = subject.create(product("A-2", "Second")).await;
    let again = subject.catalog.create(None, product("A-1", "Again")).await;
    assert!(matches!(again, Err(CatalogError::SkuTaken { sku }) if sku == "A-1"));
    let edit = Edit::Replace(Box::new(product("A-1", "Second")));
    let moved = subject
        .catalog
        .update(None, second.id, &Precondition::Exists, edit)
        .await;
    assert!(
        matches!(moved, Err(CatalogError::SkuTaken { .. })),
        "{moved:?}"
    );
    assert_eq!(
        subject.catalog.product(first.id).await.expect("an answer"),
        Some(first)
    );
    assert_eq!(
        subject.catalog.product(second.id).await.expect("an answer"),
        Some(second)
    );
}

pub(super) async fn every_change_bumps_the_version_and_the_moment(subject: Subject) {
    let mut last = subject.create(product("A-1", "Name 0")).await;
    for n in 1..=5 {
        let edit = Edit::Replace(Box::new(product("A-1", &format!("Name {n}"))));
        let precondition = Precondition::OneOf(vec![last.revision()]);
        let next = subject
            .catalog
            .update(None, last.id, &precondition, edit)
            .await
            .expect("changed");
        assert_eq!(next.version, last.version + 1);
        assert!(next.updated_at > last.updated_at);
        assert_eq!(next.created_at, last.created_at);
        last = next;
    }
}

pub(super) async fn an_edit_that_changes_nothing_keeps_the_version(subject: Subject) {
    let created = subject.create(product("A-1", "Same")).await;
    for edit in [
        Edit::Replace(Box::new(product("A-1", "Same"))),
        Edit::Patch(json!({})),
    ] {
        let same = subject
            .catalog
            .update(None, created.id, &Precondition::Exists, edit)
            .await;
        assert_eq!(same.expect("accepted"), created);
    }
}

pub(super) async fn a_stale_precondition_changes_nothing(subject: Subject) {
    let first = subject.create(product("A-1", "One")).await;
    let edit = |name: &str| Edit::Replace(Box::new(product("A-1", name)));
    let stale = Precondition::OneOf(vec![first.revision()]);
    let second = subject
        .catalog
        .update(None, first.id, &stale, edit("Two"))
        .await
        .expect("fresh");
    let refused = subject
        .catalog
        .update(None, first.id, &stale, edit("Three"))
        .await;
    assert!(
        matches!(refused, Err(CatalogError::RevisionConflict { current }) if *current == second)
    );
    let refused = subject.catalog.delete(None, first.id, &stale).await;
    assert!(
        matches!(refused, Err(CatalogError::RevisionConflict { current }) if *current == second)
    );
    assert_eq!(
        subject.catalog.product(first.id).await.expect("an answer"),
        Some(second)
    );
}

pub(super) async fn of_concurrent_edits_of_one_revision_one_wins(subject: Subject) {
    let first = subject.create(product("A-1", "One")).await;
    let edits = (0..8).map(|n| {
        let (catalog, precondition) = (
            subject.catalog.clone(),
            Precondition::OneOf(vec![first.revision()]),
        );
        let edit = Edit::Replace(Box::new(product("A-1", &format!("By {n}"))));
        tokio::spawn(async move { catalog.update(None, first.id, &precondition, edit).await })
    });
    let mut won = 0;
    for edit in edits.collect::<Vec<_>>() {
        match edit.await.expect("no panic") {
            Ok(_) => won += 1,
            Err(CatalogError::RevisionConflict { current }) => assert_eq!(current.version, 2),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, 1);
}

pub(super) async fn a_merge_patch_changes_what_it_names(subject: Subject) {
    let created = subject
        .create(product_with("A-1", "Lamp", |input| {
            input.attributes = [
                (
                    "colour".to_owned(),
                    AttributeValue::One(Scalar::Text("red".to_owned())),
                ),
                ("watts".to_owned(), AttributeValue::One(Scalar::Integer(40))),
            ]
            .into_iter()
            .collect();
        }))
        .await;
    let patch = json!({"price": {"amount": 7}, "attributes": {"watts": null, "new": true}});
    let update = |patch| {
        subject
            .catalog
            .update(None, created.id, &Precondition::Exists, Edit::Patch(patch))
    };
    let patched = update(patch).await.expect("patched");
    assert_eq!(
        (patched.price.amount, patched.price.currency.as_str()),
        (7, "EUR")
    );
    let attributes = serde_json::to_value(&patched.attributes).expect("an answer");
    assert_eq!(attributes, json!({"colour": "red", "new": true}));
    for bad in [
        json!({"price": null}),
        json!({"version": 9}),
        json!([]),
        json!({"name": 1}),
    ] {
        assert!(matches!(
            update(bad).await,
            Err(CatalogError::InvalidPatch(_))
        ));
    }
    assert!(matches!(
        update(json!({"name": ""})).await,
        Err(CatalogError::Invalid(_))
    ));
    assert_eq!(
        subject
            .catalog
            .product(created.id)
            .await
            .expect("an answer"),
        Some(patched)
    );
}

pub(super) async fn a_deleted_product_is_gone_and_its_version_is_newer(subject: Subject) {
    let created = subject.create(product("A-1", "Gone")).await;
    let deleted = subject
        .catalog
        .delete(None, created.id, &Precondition::Exists)
        .await
        .expect("deleted");
    assert!(deleted.version > created.version);
    assert_eq!(
        subject
            .catalog
            .product(created.id)
            .await
            .expect("an answer"),
        None
    );
    let state = subject
        .catalog
        .row_state(created.id)
        .await
        .expect("an answer")
        .expect("the row stays");
    assert_eq!((state.revision, state.deleted), (deleted, true));
    let again = subject
        .catalog
        .delete(None, created.id, &Precondition::Exists)
        .await;
    assert!(matches!(again, Err(CatalogError::NotFound)));
    assert!(subject.found("gone").await.is_empty());
    assert!(subject.skus(&super::active()).await.is_empty());
}

pub(super) async fn a_deleted_sku_can_be_used_again(subject: Subject) {
    let first = subject.create(product("A-1", "First")).await;
    subject
        .catalog
        .delete(None, first.id, &Precondition::Exists)
        .await
        .expect("deleted");
    let second = subject.create(product("A-1", "Second")).await;
    assert_ne!(first.id, second.id);
    assert_eq!(subject.skus(&super::active()).await, ["A-1"]);
}

pub(super) async fn a_shared_transaction_undoes_everything_together(subject: Subject) {
    let kept = subject.create(product("A-1", "Kept")).await;
    let mut tx = subject.store.begin().await.expect("begun");
    let made = subject
        .catalog
        .create(Some(&mut tx), product("A-2", "Undone"))
        .await
        .expect("made");
    let edit = Edit::Replace(Box::new(product("A-1", "Undone")));
    let update = subject
        .catalog
        .update(Some(&mut tx), kept.id, &Precondition::Exists, edit);
    assert_eq!(update.await.expect("changed").version, 2);
    tx.rollback().await.expect("undone");
    assert_eq!(
        subject.catalog.product(made.id).await.expect("an answer"),
        None
    );
    assert_eq!(
        subject.catalog.product(kept.id).await.expect("an answer"),
        Some(kept)
    );
    let mut tx = subject.store.begin().await.expect("begun");
    let made = subject
        .catalog
        .create(Some(&mut tx), product("A-2", "Kept"))
        .await
        .expect("made");
    tx.commit().await.expect("committed");
    assert_eq!(
        subject.catalog.product(made.id).await.expect("an answer"),
        Some(made)
    );
}

pub(super) async fn a_refused_write_leaves_a_shared_transaction_usable(subject: Subject) {
    let first = subject.create(product("A-1", "First")).await;
    let mut tx = subject.store.begin().await.expect("begun");
    let refused = subject
        .catalog
        .create(Some(&mut tx), product("A-1", "Again"))
        .await;
    assert!(matches!(refused, Err(CatalogError::SkuTaken { .. })));
    let second = subject
        .catalog
        .create(Some(&mut tx), product("A-2", "Second"))
        .await
        .expect("made");
    let edit = Edit::Replace(Box::new(product("A-1", "Second")));
    let refused = subject
        .catalog
        .update(Some(&mut tx), second.id, &Precondition::Exists, edit)
        .await;
    assert!(
        matches!(refused, Err(CatalogError::SkuTaken { .. })),
        "{refused:?}"
    );
    tx.commit().await.expect("committed");
    assert_eq!(
        subject.catalog.product(first.id).await.expect("an answer"),
        Some(first)
    );
    assert_eq!(
        subject.catalog.product(second.id).await.expect("an answer"),
        Some(second)
    );
}

pub(super) async fn every_write_is_announced_once_with_its_version(subject: Subject) {
    let mut tail = subject
        .store
        .tail("conformance", Start::Now)
        .await
        .expect("a tail");
    let created = subject.create(product("A-1", "One")).await;
    let edit = Edit::Replace(Box::new(product("A-1", "Two")));
    subject
        .catalog
        .update(None, created.id, &Precondition::Exists, edit)
        .await
        .expect("changed");
    let same = vec![product("A-1", "Two"), product("A-2", "Other")];
    subject.catalog.upsert(same).await.expect("upserted");
    subject
        .catalog
        .delete(None, created.id, &Precondition::Exists)
        .await
        .expect("deleted");
    let mut announced = Vec::new();
    for _ in 0..10 {
        let polled = tail.poll().await.expect("polled");
        announced.extend(polled.entries.into_iter().map(|entry| entry.change));
    }
    assert!(announced.iter().all(|change| change.topic == TOPIC));
    let of_first: Vec<_> = announced
        .iter()
        .filter(|change| change.key == created.id.to_string())
        .map(|change| (change.version, change.kind))
        .collect();
    assert_eq!(
        of_first,
        [(1, Kind::Created), (2, Kind::Updated), (3, Kind::Deleted)]
    );
    assert_eq!(announced.len(), 4);
}
