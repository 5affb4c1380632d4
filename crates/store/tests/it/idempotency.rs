use std::time::Duration;

use stanchion_store::Store;
use stanchion_store::idempotency::{Claim, IdempotencyKey, StoredAnswer};
use stanchion_testkit::eventually;

use crate::databases::{Guard, on_both};

on_both! {
    a_retry_gets_the_first_answer
    another_body_under_the_same_key_is_told_apart
    keys_are_scoped_to_caller_and_route
    what_is_rolled_back_leaves_the_key_free
    an_expired_key_is_free_again
}

const HOUR: Duration = Duration::from_hours(1);

fn key(caller: &str, fingerprint: u8) -> IdempotencyKey {
    IdempotencyKey {
        caller: caller.to_owned(),
        route: "POST /v1/products".to_owned(),
        key: "k".to_owned(),
        fingerprint: [fingerprint; 32],
    }
}

fn answer() -> StoredAnswer {
    StoredAnswer {
        status: 201,
        headers: "{}".to_owned(),
        body: b"made".to_vec(),
    }
}

/// Claims the key, answers it when it is fresh, and commits.
async fn request(store: &Store, key: &IdempotencyKey, keep: Duration) -> Claim {
    let mut tx = store.begin().await.unwrap();
    let claim = key.claim(&mut tx, keep).await.unwrap();
    if claim == Claim::Fresh {
        key.answer(&mut tx, &answer()).await.unwrap();
    }
    tx.commit().await.unwrap();
    claim
}

async fn a_retry_gets_the_first_answer(store: Store, _guard: Guard) {
    assert_eq!(request(&store, &key("a", 1), HOUR).await, Claim::Fresh);
    for _ in 0..2 {
        assert_eq!(
            request(&store, &key("a", 1), HOUR).await,
            Claim::Answered(answer())
        );
    }
}

async fn another_body_under_the_same_key_is_told_apart(store: Store, _guard: Guard) {
    assert_eq!(request(&store, &key("a", 1), HOUR).await, Claim::Fresh);
    assert_eq!(request(&store, &key("a", 2), HOUR).await, Claim::Mismatch);
}

async fn keys_are_scoped_to_caller_and_route(store: Store, _guard: Guard) {
    assert_eq!(request(&store, &key("a", 1), HOUR).await, Claim::Fresh);
    assert_eq!(request(&store, &key("b", 2), HOUR).await, Claim::Fresh);
    let other = IdempotencyKey {
        route: "POST /v1/keys".to_owned(),
        ..key("a", 3)
    };
    assert_eq!(request(&store, &other, HOUR).await, Claim::Fresh);
}

async fn what_is_rolled_back_leaves_the_key_free(store: Store, _guard: Guard) {
    let mut tx = store.begin().await.unwrap();
    assert_eq!(
        key("a", 1).claim(&mut tx, HOUR).await.unwrap(),
        Claim::Fresh
    );
    tx.rollback().await.unwrap();
    assert_eq!(request(&store, &key("a", 2), HOUR).await, Claim::Fresh);
}

async fn an_expired_key_is_free_again(store: Store, _guard: Guard) {
    assert_eq!(
        request(&store, &key("a", 1), Duration::from_micros(1)).await,
        Claim::Fresh
    );
    eventually("the key has expired", Duration::from_secs(5), || async {
        request(&store, &key("a", 2), Duration::from_micros(1)).await == Claim::Fresh
    })
    .await;
    eventually(
        "expired keys are pruned",
        Duration::from_secs(5),
        || async { store.prune_idempotency_keys().await.unwrap() > 0 },
    )
    .await;
}
