use futures_util::future::join_all;

use super::{Subject, adjust, refusal};
use crate::model::{MAX_ON_HAND, Refusal};
use crate::{Adjust, Invalid, SetLowStock, StockError};

pub(super) async fn every_change_bumps_the_version(subject: Subject) {
    assert_eq!(subject.receive("A", 10).await.version, 1);
    let held = subject.hold(&[("A", 2)]).await;
    assert_eq!(subject.row("A").await.version, 2);
    subject
        .stock
        .commit(held.id, None, None, None)
        .await
        .expect("sold");
    assert_eq!(subject.row("A").await.version, 3);
    let held = subject.hold(&[("A", 2)]).await;
    subject
        .stock
        .release(held.id, None, None)
        .await
        .expect("released");
    assert_eq!(subject.row("A").await.version, 5);
    let low = SetLowStock {
        sku: "A".to_owned(),
        threshold: 3,
        key: None,
    };
    let row = subject
        .stock
        .set_low_stock(low.clone(), None)
        .await
        .expect("set");
    assert_eq!((row.version, row.low_stock), (6, 3));
    let same = subject.other.set_low_stock(low, None).await.expect("set");
    assert_eq!(same.version, 6);
    let row = subject
        .stock
        .adjust(adjust("A", -1), None)
        .await
        .expect("lost");
    assert_eq!((row.version, row.on_hand), (7, 7));
    assert_eq!(subject.row("A").await, row);
}

pub(super) async fn no_adjustment_is_lost_between_two_servers(subject: Subject) {
    subject.receive("A", 1).await;
    let calls = (0..24).map(|n| {
        let stock = [&subject.stock, &subject.other][n % 2].clone();
        tokio::spawn(async move { stock.adjust(adjust("A", 1), None).await })
    });
    let rows = join_all(calls).await;
    let rows = rows
        .into_iter()
        .map(|call| call.expect("a call").expect("received"));
    let mut versions: Vec<i64> = rows.map(|row| row.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=25).collect::<Vec<_>>());
    assert_eq!(subject.counts("A").await, (25, 0));
}

pub(super) async fn the_version_tells_what_the_quantity_hides(subject: Subject) {
    let seen = subject.receive("A", 10).await;
    subject.receive("A", 5).await;
    let back = subject
        .other
        .adjust(adjust("A", -5), None)
        .await
        .expect("taken");
    assert_eq!(back.on_hand, seen.on_hand);
    let demanding = |version| Adjust {
        if_version: Some(version),
        ..adjust("A", 1)
    };
    let stale = refusal(subject.stock.adjust(demanding(seen.version), None).await);
    assert_eq!(
        stale,
        Refusal::VersionConflict {
            current: back.clone()
        }
    );
    let row = subject.stock.adjust(demanding(back.version), None).await;
    assert_eq!(row.expect("received").on_hand, 11);
}

pub(super) async fn stock_stays_within_its_bounds(subject: Subject) {
    subject.receive("A", 10).await;
    subject.hold(&[("A", 8)]).await;
    let current = subject.row("A").await;
    for delta in [-3, -MAX_ON_HAND, MAX_ON_HAND] {
        let refused = refusal(subject.stock.adjust(adjust("A", delta), None).await);
        let current = current.clone();
        assert_eq!(refused, Refusal::OutOfBounds { current });
    }
    for delta in [0, i64::MIN, i64::MAX] {
        let refused = subject.stock.adjust(adjust("A", delta), None).await;
        assert!(
            matches!(refused, Err(StockError::Invalid(Invalid::Delta))),
            "{refused:?}"
        );
    }
    assert_eq!(subject.row("A").await, current);
    let left = subject.stock.adjust(adjust("A", -2), None).await;
    assert_eq!(left.expect("lost").available(), 0);
}

pub(super) async fn the_first_pieces_come_in_once(subject: Subject) {
    for round in 0..4 {
        let sku = format!("NEW-{round}");
        let calls = (0..6).map(|n| {
            let stock = [&subject.stock, &subject.other][n % 2].clone();
            let first = Adjust {
                if_version: Some(0),
                ..adjust(&sku, 7)
            };
            tokio::spawn(async move { stock.adjust(first, None).await })
        });
        let answers = join_all(calls).await;
        let answers = answers.into_iter().map(|call| call.expect("a call"));
        let (first, others): (Vec<_>, Vec<_>) = answers.partition(Result::is_ok);
        assert_eq!((first.len(), others.len()), (1, 5), "{others:?}");
        for other in others {
            assert!(matches!(refusal(other), Refusal::VersionConflict { .. }));
        }
        assert_eq!(subject.counts(&sku).await, (7, 0));
    }
}
