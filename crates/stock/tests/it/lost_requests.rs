//! A statement that is lost on its way, and may still get there.

use std::sync::atomic::AtomicU32;

use stanchion_stock::conformance::{Fault, Faulty, config, over};
use stanchion_stock::{Adjust, Lines, Refusal, Reserve, Stock, StockError, Strategy};
use stanchion_store::StoreError;
use stanchion_store::idempotency::IdempotencyKey;

use crate::databases;

fn wish(key: Option<IdempotencyKey>) -> Reserve {
    Reserve {
        lines: Lines::one("A", 2).unwrap(),
        ttl: None,
        key,
    }
}

/// A ledger with too few pieces, whose first statement is lost.
async fn too_few(stock: &Stock) -> Stock {
    let received = Adjust {
        sku: "A".to_owned(),
        delta: 1,
        ..Adjust::default()
    };
    stock.adjust(received, None).await.unwrap();
    let port = Faulty::new(stock.port(), Fault::LosesRequests(AtomicU32::new(1)));
    over(port, config(Strategy::Atomic))
}

#[tokio::test]
async fn nobody_is_refused_whose_lost_statement_may_still_get_there() {
    let (subject, _folder) = databases::sqlite(Strategy::Atomic).await;
    let lossy = too_few(&subject.stock).await;
    let answer = lossy.reserve(wish(None), None).await;
    let is_unknown = matches!(answer, Err(StockError::Store(StoreError::CommitUnknown(_))));
    assert!(is_unknown, "{answer:?}");
}

#[tokio::test]
async fn a_refusal_that_is_kept_with_its_key_is_told() {
    let (subject, _folder) = databases::sqlite(Strategy::Atomic).await;
    let lossy = too_few(&subject.stock).await;
    let key = IdempotencyKey {
        caller: "shop".to_owned(),
        route: "POST /v1/reservations".to_owned(),
        key: "wish".to_owned(),
        fingerprint: [1; 32],
    };
    let answer = lossy.reserve(wish(Some(key)), None).await;
    let is_short = matches!(
        answer,
        Err(StockError::Refused(Refusal::Insufficient { .. }))
    );
    assert!(is_short, "{answer:?}");
}
