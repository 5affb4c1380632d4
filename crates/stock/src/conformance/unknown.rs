use std::sync::atomic::AtomicU32;

use stanchion_store::StoreError;

use super::{Fault, Faulty, Subject, adjust, config, key, reserve};
use crate::{Reserve, SetLowStock, Stock, StockConfig, StockError};

/// The ledger behind a fault that is new for each call.
fn behind(subject: &Subject, fault: fn(AtomicU32) -> Fault) -> Stock {
    let port = Faulty::new(subject.stock.port(), fault(AtomicU32::new(1)));
    subject.over(port, subject.stock.config().clone())
}

/// Each kind of change once, each behind a fault of its own; what they add up to shows whether each happened once.
async fn every_change_once(subject: &Subject, fault: fn(AtomicU32) -> Fault) {
    let faulty = || behind(subject, fault);
    let received = faulty().adjust(adjust("A", 20), None).await;
    assert_eq!(received.expect("received").on_hand, 20);
    faulty()
        .adjust(adjust("B", 20), None)
        .await
        .expect("received");
    let low = SetLowStock {
        sku: "A".to_owned(),
        threshold: 1,
        key: None,
    };
    faulty().set_low_stock(low, None).await.expect("set");
    let one = faulty()
        .reserve(reserve(&[("A", 2)]), None)
        .await
        .expect("held");
    let keyed = Reserve {
        key: key("wish", 1),
        ..reserve(&[("A", 3)])
    };
    let wish = faulty().reserve(keyed.clone(), None).await.expect("held");
    let again = subject.other.reserve(keyed, None).await;
    assert_eq!(again.expect("the first answer"), wish);
    let many = faulty()
        .reserve(reserve(&[("A", 4), ("B", 5)]), None)
        .await
        .expect("held");
    assert_eq!(subject.counts("A").await, (20, 9));
    assert_eq!(subject.counts("B").await, (20, 5));
    faulty()
        .commit(one.id, None, None, None)
        .await
        .expect("sold");
    faulty()
        .commit(many.id, None, key("sale", 1), None)
        .await
        .expect("sold");
    faulty()
        .release(wish.id, None, None)
        .await
        .expect("released");
    assert_eq!(subject.counts("A").await, (14, 0));
    assert_eq!(subject.counts("B").await, (15, 0));
    assert_eq!(subject.row("A").await.version, 8);
}

pub(super) async fn an_unknown_commit_is_looked_up_and_not_repeated(subject: Subject) {
    every_change_once(&subject, Fault::LosesAnswers).await;
}

pub(super) async fn a_commit_that_did_not_happen_is_repeated(subject: Subject) {
    every_change_once(&subject, Fault::LosesRequests).await;
}

pub(super) async fn an_unknown_commit_without_another_attempt_is_told_as_such(subject: Subject) {
    subject.receive("A", 5).await;
    let single = StockConfig {
        attempts: 1,
        ..config(subject.stock.config().strategy)
    };
    let port = Faulty::new(subject.stock.port(), Fault::LosesAnswers(AtomicU32::new(9)));
    let lossy = subject.over(port, single);
    let wish = Reserve {
        key: key("wish", 1),
        ..reserve(&[("A", 2)])
    };
    let answer = lossy.reserve(wish.clone(), None).await;
    assert!(
        matches!(answer, Err(StockError::Store(StoreError::CommitUnknown(_)))),
        "{answer:?}"
    );
    // It happened all the same, and the key says so.
    assert_eq!(subject.counts("A").await, (5, 2));
    subject
        .stock
        .reserve(wish, None)
        .await
        .expect("the first answer");
    assert_eq!(subject.counts("A").await, (5, 2));
}
