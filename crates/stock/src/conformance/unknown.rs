use std::sync::atomic::AtomicU32;

use stanchion_store::StoreError;

use super::{Fault, Faulty, Subject, adjust, config, key, reserve};
use crate::{Adjust, Reserve, SetLowStock, Stock, StockConfig, StockError};

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

/// The ledger behind a fault, with one attempt for each call.
fn once(subject: &Subject, fault: Fault) -> Stock {
    let single = StockConfig {
        attempts: 1,
        ..config(subject.stock.config().strategy)
    };
    subject.over(Faulty::new(subject.stock.port(), fault), single)
}

pub(super) async fn an_unknown_commit_without_another_attempt_is_told_as_such(subject: Subject) {
    subject.receive("A", 5).await;
    let lossy = once(&subject, Fault::LosesAnswers(AtomicU32::new(9)));
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

pub(super) async fn the_only_attempt_finds_what_its_key_did_before(subject: Subject) {
    subject.receive("A", 5).await;
    let stock = once(&subject, Fault::LosesAnswers(AtomicU32::new(0)));
    let wish = || Reserve {
        key: key("wish", 1),
        ..reserve(&[("A", 4)])
    };
    let more = || Adjust {
        key: key("more", 1),
        ..adjust("A", 2)
    };
    let made = stock.reserve(wish(), None).await.expect("held");
    let row = stock.adjust(more(), None).await.expect("received");
    let same = stock.reserve(wish(), None).await;
    assert_eq!(same.expect("the first answer"), made);
    let same = stock.adjust(more(), None).await;
    assert_eq!(same.expect("the first answer"), row);
    assert_eq!(subject.counts("A").await, (7, 4));
}

pub(super) async fn nobody_hears_of_contention_whose_effect_is_there(subject: Subject) {
    subject.receive("A", 9).await;
    let outpaced = once(&subject, Fault::IsOutpacedByItself);
    let keyed = Reserve {
        key: key("wish", 1),
        ..reserve(&[("A", 2)])
    };
    for wish in [keyed, reserve(&[("A", 3)])] {
        let answer = outpaced.reserve(wish, None).await;
        let is_unknown = matches!(answer, Err(StockError::Store(StoreError::CommitUnknown(_))));
        assert!(is_unknown, "{answer:?}");
    }
    let answer = outpaced.adjust(adjust("A", 1), None).await;
    let is_unknown = matches!(answer, Err(StockError::Store(StoreError::CommitUnknown(_))));
    assert!(is_unknown, "{answer:?}");
    assert_eq!(subject.counts("A").await, (10, 5));
}
