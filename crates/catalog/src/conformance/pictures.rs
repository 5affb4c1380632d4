use stanchion_kernel::Uuid;

use super::{Subject, product};
use crate::CatalogError;
use crate::model::{NewPicture, PictureState, Rendition};

fn picture(n: u128, product_id: Uuid) -> NewPicture {
    NewPicture {
        id: Uuid::from_u128(n),
        product_id,
        content_hash: [9; 32],
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
        .expect("added");
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
            .await,
    ] {
        assert!(matches!(unknown, Err(CatalogError::NotFound)));
    }
}
