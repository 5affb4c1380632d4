use std::time::Duration;

use futures_util::future::join_all;
use stanchion_kernel::Uuid;

use super::{Fault, Faulty, Subject, config, is_short, refusal, reserve, reserve_for};
use crate::model::{Refusal, Short, State};
use crate::{Invalid, StockConfig, StockError, Strategy};

pub(super) async fn what_is_held_is_there_and_not_to_be_had(subject: Subject) {
    subject.receive("A", 5).await;
    let held = subject.hold(&[("A", 3)]).await;
    assert_eq!(held.state, State::Held);
    assert!(held.expires_at > held.created_at);
    let found = subject.other.reservation(held.id).await.expect("an answer");
    assert_eq!(found, Some(held));
    let row = subject.row("A").await;
    assert_eq!((row.on_hand, row.reserved, row.available()), (5, 3, 2));
    let short = refusal(subject.stock.reserve(reserve(&[("A", 3)]), None).await);
    let line = Short {
        sku: "A".to_owned(),
        requested: 3,
        available: 2,
    };
    assert_eq!(short, Refusal::Insufficient { lines: vec![line] });
    assert_eq!(subject.counts("A").await, (5, 3));
    let none = subject.stock.reservation(Uuid::from_u128(1)).await;
    assert_eq!(none.expect("an answer"), None);
}

pub(super) async fn all_lines_are_held_or_none(subject: Subject) {
    subject.receive("A", 5).await;
    subject.receive("B", 1).await;
    let short = subject.stock.reserve(reserve(&[("A", 1), ("B", 2)]), None);
    assert!(is_short(&short.await));
    let unknown = subject.stock.reserve(reserve(&[("A", 1), ("C", 1)]), None);
    let skus = vec!["C".to_owned()];
    assert_eq!(refusal(unknown.await), Refusal::UnknownSkus { skus });
    assert_eq!(subject.counts("A").await, (5, 0));
    let held = subject.hold(&[("B", 1), ("A", 2)]).await;
    let skus: Vec<&str> = held.lines.iter().map(|line| line.sku.as_str()).collect();
    assert_eq!(skus, ["A", "B"]);
    assert_eq!(subject.counts("A").await, (5, 2));
    assert_eq!(subject.counts("B").await, (1, 1));
}

pub(super) async fn a_small_request_behind_a_too_large_one_is_served(subject: Subject) {
    subject.receive("A", 10).await;
    let wishes = [8, 50, 2, 30];
    let calls = wishes.map(|wish| {
        let stock = subject.stock.clone();
        async move { stock.reserve(reserve(&[("A", wish)]), None).await }
    });
    let answers = join_all(calls).await;
    let served: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(served, [true, false, true, false], "{answers:?}");
    assert_eq!(subject.counts("A").await, (10, 10));
}

pub(super) async fn concurrent_calls_on_two_servers_never_oversell(subject: Subject) {
    subject.receive("A", 40).await;
    let calls = (0..32).map(|n| {
        let stock = [&subject.stock, &subject.other][n % 2].clone();
        tokio::spawn(async move {
            let mut held = 0;
            for _ in 0..3 {
                let answer = stock.reserve(reserve(&[("A", 1)]), None).await;
                assert!(answer.is_ok() || is_short(&answer), "{answer:?}");
                held += i64::from(answer.is_ok());
            }
            held
        })
    });
    let held: i64 = join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap_or_default)
        .sum();
    assert_eq!(held, 40);
    assert_eq!(subject.counts("A").await, (40, 40));
}

pub(super) async fn opposed_lines_on_two_servers_never_fail(subject: Subject) {
    for sku in ["A", "B", "C"] {
        subject.receive(sku, 1_000).await;
    }
    // A deadlock would be the end of the only attempt; who reads without locks must try again.
    let strategy = subject.stock.config().strategy;
    let is_optimistic = strategy == Strategy::Optimistic;
    let config = StockConfig {
        attempts: if is_optimistic { 200 } else { 1 },
        ..config(strategy)
    };
    let stock = subject.over(subject.stock.port(), config.clone());
    let other = subject.over(subject.other.port(), config);
    let wishes = [
        [("A", 1), ("B", 1)],
        [("B", 1), ("A", 1)],
        [("C", 1), ("A", 1)],
        [("B", 1), ("C", 1)],
    ];
    let calls = (0..16).map(|n| {
        let stock = [&stock, &other][n % 2].clone();
        tokio::spawn(async move {
            for round in 0..5 {
                let wish = reserve(&wishes[(n + round) % wishes.len()]);
                let held = stock.reserve(wish, None).await.expect("held");
                stock.release(held.id, None, None).await.expect("released");
            }
        })
    });
    for call in join_all(calls).await {
        call.expect("no call fails");
    }
    assert_eq!(subject.counts("A").await, (1_000, 0));
}

pub(super) async fn a_time_out_of_bounds_is_refused(subject: Subject) {
    subject.receive("A", 1).await;
    for ttl in [Duration::ZERO, Duration::from_hours(100 * 365 * 24)] {
        let answer = subject.stock.reserve(reserve_for(&[("A", 1)], ttl), None);
        let answer = answer.await;
        assert!(
            matches!(answer, Err(StockError::Invalid(Invalid::Ttl { .. }))),
            "{answer:?}"
        );
    }
    assert_eq!(subject.counts("A").await, (1, 0));
}

pub(super) async fn exhausted_attempts_tell_what_the_row_is(subject: Subject) {
    subject.receive("A", 7).await;
    let config = StockConfig {
        attempts: 3,
        ..config(subject.stock.config().strategy)
    };
    let port = Faulty::new(subject.stock.port(), Fault::IsOutpaced);
    let outpaced = subject.over(port, config);
    match outpaced.reserve(reserve(&[("A", 1)]), None).await {
        Err(StockError::Contended { rows }) => assert_eq!(rows, [subject.row("A").await]),
        other => panic!("contended, not {other:?}"),
    }
}
