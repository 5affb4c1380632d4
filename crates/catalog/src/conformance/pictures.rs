use stanchion_kernel::Uuid;

use super::{Subject, product};
use crate::CatalogError;
use crate::model::{NewPicture, PictureState, Rendition};
use crate::port::Precondition;

fn picture(n: u8, product_id: Uuid) -> NewPicture {
    NewPicture {
        id: Uuid::from_u128(n.into()),
        product_id,
        content_hash: [n; 32],
        media_type: "image/jpeg".to_owned(),
        bytes: 1_000,
        width: 40,
        height: 30,
    }
}

pub(super) async fn pictures_are_part_of_their_product(subject: Subject) {
    let catalog = &subject.catalog;
    let made = subject.create(product("A-1", "Thing")).await;
    catalog
        .add_picture(None, picture(1, made.id))
        .await
        .expect("added");
    let two = catalog
        .add_picture(None, picture(2, made.id))
        .await
        .expect("added")
        .product;
    assert_eq!(two.version, 3);
    assert_eq!(
        two.images
            .iter()
            .map(|image| image.position)
            .collect::<Vec<_>>(),
        [0, 1]
    );
    let rendition = Rendition {
        width: 20,
        height: 15,
        format: "webp".to_owned(),
        bytes: 99,
        url: "/media/x".to_owned(),
    };
    let settled = catalog
        .settle_picture(
            None,
            Uuid::from_u128(1),
            PictureState::Ready,
            vec![rendition.clone()],
        )
        .await
        .expect("settled");
    assert_eq!(settled.images[0].state, PictureState::Ready);
    assert_eq!(settled.images[0].renditions, [rendition]);
    assert_eq!(
        catalog.list(&super::active()).await.expect("a page").items,
        [settled]
    );
    let mut tx = subject.store.begin().await.expect("begun");
    let left = catalog
        .remove_picture(Some(&mut tx), Uuid::from_u128(1))
        .await
        .expect("removed");
    assert_eq!((left.version, left.images.len()), (5, 1));
    tx.commit().await.expect("committed");
    for unknown in [
        catalog.remove_picture(None, Uuid::from_u128(1)).await,
        catalog
            .add_picture(None, picture(3, Uuid::from_u128(77)))
            .await
            .map(|added| added.product),
    ] {
        assert!(matches!(unknown, Err(CatalogError::NotFound)));
    }
}

pub(super) async fn a_product_has_a_picture_once(subject: Subject) {
    let catalog = &subject.catalog;
    let made = subject.create(product("A-1", "Thing")).await;
    let other = subject.create(product("A-2", "Other")).await;
    let first = catalog.add_picture(None, picture(1, made.id)).await;
    let first = first.expect("added");
    let again = NewPicture {
        id: Uuid::from_u128(2),
        ..picture(1, made.id)
    };
    let again = catalog.add_picture(None, again).await.expect("answered");
    assert_eq!(again, first, "the same bytes are the same picture");
    let elsewhere = NewPicture {
        id: Uuid::from_u128(3),
        ..picture(1, other.id)
    };
    let elsewhere = catalog.add_picture(None, elsewhere).await.expect("added");
    assert_eq!(elsewhere.id, Uuid::from_u128(3));
    let found = catalog.product_of_picture(first.id).await.expect("read");
    assert_eq!(found, Some(first.product));
}

pub(super) async fn pending_pictures_are_listed_until_they_are_settled(subject: Subject) {
    let catalog = &subject.catalog;
    let made = subject.create(product("A-1", "Thing")).await;
    for n in [3, 1, 2] {
        let added = catalog.add_picture(None, picture(n, made.id)).await;
        added.expect("added");
    }
    let id = Uuid::from_u128;
    let pending = |after, limit| catalog.pending_pictures(after, limit);
    assert_eq!(pending(None, 2).await.expect("a page"), [id(1), id(2)]);
    assert_eq!(
        pending(Some(id(1)), 9).await.expect("a page"),
        [id(2), id(3)]
    );
    let mut tx = subject.store.begin().await.expect("begun");
    let locked = catalog.lock_picture(&mut tx, id(2)).await.expect("locked");
    assert_eq!((locked.id, locked.state), (id(2), PictureState::Pending));
    let failed = PictureState::Failed;
    let settled = catalog.settle_picture(Some(&mut tx), id(2), failed, Vec::new());
    settled.await.expect("settled");
    tx.commit().await.expect("committed");
    assert_eq!(pending(None, 9).await.expect("a page"), [id(1), id(3)]);
}

pub(super) async fn the_pictures_of_a_deleted_product_wait_to_be_forgotten(subject: Subject) {
    let catalog = &subject.catalog;
    let made = subject.create(product("A-1", "Thing")).await;
    for n in [1, 2] {
        let added = catalog.add_picture(None, picture(n, made.id)).await;
        added.expect("added");
    }
    let id = Uuid::from_u128;
    let orphaned = catalog.orphaned_pictures(9).await.expect("a page");
    assert!(orphaned.is_empty(), "{orphaned:?}");
    let deleted = catalog.delete(None, made.id, &Precondition::Exists).await;
    deleted.expect("deleted");
    assert_eq!(
        catalog.orphaned_pictures(9).await.expect("a page"),
        [id(1), id(2)]
    );
    let pending = catalog.pending_pictures(None, 9).await.expect("a page");
    assert!(pending.is_empty(), "{pending:?}");
    assert_eq!(catalog.product_of_picture(id(1)).await.expect("read"), None);
    let mut tx = subject.store.begin().await.expect("begun");
    let late = catalog.settle_picture(Some(&mut tx), id(1), PictureState::Ready, Vec::new());
    assert!(matches!(late.await, Err(CatalogError::NotFound)));
    let late = catalog.lock_picture(&mut tx, id(1)).await;
    assert!(matches!(late, Err(CatalogError::NotFound)));
    let forgotten = catalog.forget_picture(&mut tx, id(1)).await;
    forgotten.expect("forgotten");
    tx.commit().await.expect("committed");
    assert_eq!(catalog.orphaned_pictures(9).await.expect("a page"), [id(2)]);
}
