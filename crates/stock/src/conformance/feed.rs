use stanchion_store::feed::{Kind, Start, Tail};

use super::{Subject, reserve};
use crate::{SetLowStock, TOPIC};

/// The versions and kinds that were announced of a SKU.
async fn announced(tail: &mut Tail, sku: &str) -> Vec<(i64, Kind)> {
    let mut announced = Vec::new();
    for _ in 0..5 {
        let polled = tail.poll().await.expect("polled");
        let changes = polled.entries.into_iter().map(|entry| entry.change);
        let of_sku = changes.filter(|change| change.topic == TOPIC && change.key == sku);
        announced.extend(of_sku.map(|change| (change.version, change.kind)));
    }
    announced
}

async fn tail(subject: &Subject) -> Tail {
    let tail = subject.store.tail("conformance", Start::Now).await;
    tail.expect("a tail")
}

pub(super) async fn adjustments_and_levels_are_announced_once(subject: Subject) {
    let mut tail = tail(&subject).await;
    subject.receive("A", 10).await;
    let low = SetLowStock {
        sku: "A".to_owned(),
        threshold: 4,
        key: None,
    };
    subject.stock.set_low_stock(low, None).await.expect("set");
    assert_eq!(announced(&mut tail, "A").await, [(1, Kind::Created)]);
    // 10 available, then 8, 5: enough. Then 4, 3: low. Then 0: sold out.
    for pieces in [2, 3] {
        subject.hold(&[("A", pieces)]).await;
    }
    assert_eq!(announced(&mut tail, "A").await, []);
    let reached = subject.hold(&[("A", 1)]).await;
    subject.hold(&[("A", 1)]).await;
    assert_eq!(announced(&mut tail, "A").await, [(5, Kind::Updated)]);
    let last = subject.hold(&[("A", 3)]).await;
    assert_eq!(announced(&mut tail, "A").await, [(7, Kind::Updated)]);
    // What is given back is announced in the same way: 3 is low, 4 still is, and a receipt always is news.
    subject
        .stock
        .release(last.id, None, None)
        .await
        .expect("released");
    subject
        .stock
        .release(reached.id, None, None)
        .await
        .expect("released");
    assert_eq!(announced(&mut tail, "A").await, [(8, Kind::Updated)]);
    subject.receive("A", 5).await;
    assert_eq!(announced(&mut tail, "A").await, [(10, Kind::Updated)]);
}

pub(super) async fn a_level_is_announced_in_the_transaction_that_reaches_it(subject: Subject) {
    subject.receive("A", 2).await;
    let mut tail = tail(&subject).await;
    let mut tx = subject.store.begin().await.expect("begun");
    let all = reserve(&[("A", 2)]);
    subject
        .stock
        .reserve_in(&mut tx, all.clone())
        .await
        .expect("held");
    tx.rollback().await.expect("undone");
    assert_eq!(announced(&mut tail, "A").await, []);
    let mut tx = subject.store.begin().await.expect("begun");
    subject.stock.reserve_in(&mut tx, all).await.expect("held");
    tx.commit().await.expect("committed");
    assert_eq!(announced(&mut tail, "A").await, [(2, Kind::Updated)]);
}
