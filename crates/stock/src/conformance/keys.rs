use std::time::Duration;

use futures_util::future::join_all;

use super::{Subject, adjust, config, key, refusal, reserve};
use crate::model::Refusal;
use crate::{Adjust, Reserve, StockConfig};

pub(super) async fn a_retried_key_gets_the_first_answer_and_changes_nothing(subject: Subject) {
    let receipt = Adjust {
        key: key("receipt", 1),
        ..adjust("A", 10)
    };
    let row = subject
        .stock
        .adjust(receipt.clone(), None)
        .await
        .expect("received");
    let wish = Reserve {
        key: key("wish", 1),
        ..reserve(&[("A", 4)])
    };
    let held = subject
        .stock
        .reserve(wish.clone(), None)
        .await
        .expect("held");
    let sold = subject
        .stock
        .commit(held.id, None, key("sale", 1), None)
        .await
        .expect("sold");
    for stock in [&subject.other, &subject.stock] {
        let again = stock.adjust(receipt.clone(), None).await;
        assert_eq!(again.expect("the first answer"), row);
        let again = stock.reserve(wish.clone(), None).await;
        assert_eq!(again.expect("the first answer"), held);
        let again = stock.commit(held.id, None, key("sale", 1), None).await;
        assert_eq!(again.expect("the first answer"), sold);
    }
    assert_eq!(subject.counts("A").await, (6, 0));
}

pub(super) async fn a_key_with_another_request_is_refused(subject: Subject) {
    subject.receive("A", 10).await;
    let wish = |pieces, body| Reserve {
        key: key("wish", body),
        ..reserve(&[("A", pieces)])
    };
    subject.stock.reserve(wish(1, 1), None).await.expect("held");
    let other = subject.stock.reserve(wish(2, 2), None).await;
    assert_eq!(refusal(other), Refusal::KeyReused);
    assert_eq!(subject.counts("A").await, (10, 1));
    // Another caller's key of the same name is another key.
    let mut theirs = wish(3, 3);
    theirs.key.as_mut().expect("a key").caller = "warehouse".to_owned();
    subject.stock.reserve(theirs, None).await.expect("held");
}

pub(super) async fn concurrent_calls_with_one_key_have_one_effect(subject: Subject) {
    subject.receive("A", 100).await;
    subject.receive("B", 100).await;
    for round in 0..4 {
        let calls = (0..8).map(|n| {
            let stock = [&subject.stock, &subject.other][n % 2].clone();
            let wish = Reserve {
                key: key(&format!("wish {round}"), 1),
                ..reserve(&[("A", 1), ("B", 2)])
            };
            tokio::spawn(async move { stock.reserve(wish, None).await })
        });
        let answers = join_all(calls).await;
        let mut held = answers
            .into_iter()
            .map(|call| call.expect("a call").expect("held"));
        let first = held.next().expect("an answer");
        assert!(held.all(|other| other == first));
    }
    assert_eq!(subject.counts("A").await, (100, 4));
    assert_eq!(subject.counts("B").await, (100, 8));
}

pub(super) async fn a_refusal_is_kept_with_its_key(subject: Subject) {
    subject.receive("A", 1).await;
    let wish = Reserve {
        key: key("wish", 1),
        ..reserve(&[("A", 2)])
    };
    let refused = refusal(subject.stock.reserve(wish.clone(), None).await);
    subject.receive("A", 10).await;
    let again = refusal(subject.other.reserve(wish.clone(), None).await);
    assert_eq!(again, refused);
    let anew = Reserve {
        key: key("another wish", 1),
        ..wish
    };
    subject.stock.reserve(anew, None).await.expect("held");
}

pub(super) async fn a_key_whose_time_is_over_is_as_good_as_none(subject: Subject) {
    subject.receive("A", 10).await;
    let forgetful = StockConfig {
        keep_outcomes: Duration::from_micros(1),
        ..config(subject.stock.config().strategy)
    };
    let stock = subject.over(subject.stock.port(), forgetful);
    let wish = |body| Reserve {
        key: key("wish", body),
        ..reserve(&[("A", 1)])
    };
    let first = stock.reserve(wish(1), None).await.expect("held");
    subject
        .passes(first.created_at.saturating_add(Duration::from_micros(1)))
        .await;
    let second = stock.reserve(wish(2), None).await.expect("held");
    assert_ne!(first.id, second.id);
    assert_eq!(subject.counts("A").await, (10, 2));
    subject
        .passes(second.created_at.saturating_add(Duration::from_micros(1)))
        .await;
    assert_eq!(stock.prune_requests().await.expect("pruned"), 1);
}
