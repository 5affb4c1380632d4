use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, Ids, Uuid};
use stanchion_store::Store;
use stanchion_store::keys::{CreatedKey, Keys, NewKey};
use stanchion_testkit::eventually;

use crate::databases::{Guard, on_both};

on_both! {
    a_key_is_known_by_its_secret_alone
    a_revoked_key_is_refused_at_once_here_and_within_a_second_elsewhere
    an_expired_key_is_refused
    keys_are_listed_newest_first
    a_key_is_refused_elsewhere_without_word_from_the_feed
}

fn keys(store: &Store) -> Keys {
    Keys::new(store, Ids::new(Clock::system(), Entropy::system()))
}

async fn create(keys: &Keys, name: &str, expires_in: Option<Duration>) -> CreatedKey {
    let scopes = vec!["catalog:read".to_owned(), "ops".to_owned()];
    keys.create(NewKey {
        name: name.to_owned(),
        scopes,
        expires_in,
    })
    .await
    .unwrap()
}

async fn is_good(keys: &Keys, key: &CreatedKey) -> bool {
    keys.verify(key.record.id, &key.secret)
        .await
        .unwrap()
        .is_some()
}

async fn a_key_is_known_by_its_secret_alone(store: Store, guard: Guard) {
    let here = keys(&store);
    let key = create(&here, "till", None).await;
    let found = here.verify(key.record.id, &key.secret).await.unwrap();
    assert_eq!(found.as_ref(), Some(&key.record));
    assert_eq!(key.record.scopes, ["catalog:read", "ops"]);
    assert!(
        here.verify(key.record.id, &[0; 32])
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        here.verify(Uuid::from_u128(5), &key.secret)
            .await
            .unwrap()
            .is_none()
    );
    assert_ne!(key.record.hash, key.secret, "the secret is not stored");
    assert!(
        is_good(&keys(&guard.open_again().await), &key).await,
        "it is good on every server"
    );
}

async fn a_revoked_key_is_refused_at_once_here_and_within_a_second_elsewhere(
    store: Store,
    guard: Guard,
) {
    let (here, there) = (keys(&store), keys(&guard.open_again().await));
    let tasks =
        [here.clone(), there.clone()].map(|keys| tokio::spawn(async move { keys.follow().await }));
    let key = create(&here, "till", None).await;
    for _ in 0..50 {
        assert!(is_good(&here, &key).await && is_good(&there, &key).await);
    }
    assert!(here.revoke(key.record.id).await.unwrap());
    assert!(!is_good(&here, &key).await);
    // The promise is one second; the slack is for a machine that is busy.
    eventually(
        "the other server refuses it",
        Duration::from_secs(3),
        || async { !is_good(&there, &key).await },
    )
    .await;
    assert!(
        !here.revoke(key.record.id).await.unwrap(),
        "there is nothing left to revoke"
    );
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn a_key_is_refused_elsewhere_without_word_from_the_feed(store: Store, guard: Guard) {
    let (here, there) = (keys(&store), keys(&guard.open_again().await));
    let key = create(&here, "till", None).await;
    assert!(is_good(&there, &key).await);
    here.revoke(key.record.id).await.unwrap();
    assert!(
        !is_good(&there, &key).await,
        "nobody follows the feed there, so nothing is cached"
    );
}

async fn an_expired_key_is_refused(store: Store, _guard: Guard) {
    let here = keys(&store);
    let follower = here.clone();
    let task = tokio::spawn(async move { follower.follow().await });
    let key = create(&here, "short", Some(Duration::from_secs(1))).await;
    assert!(is_good(&here, &key).await);
    eventually("it has expired", Duration::from_secs(5), || async {
        !is_good(&here, &key).await
    })
    .await;
    task.abort();
}

async fn keys_are_listed_newest_first(store: Store, _guard: Guard) {
    let here = keys(&store);
    for name in ["one", "two", "three"] {
        create(&here, name, None).await;
    }
    let first = here.list(None, 2).await.unwrap();
    assert_eq!(
        first
            .iter()
            .map(|key| key.name.as_str())
            .collect::<Vec<_>>(),
        ["three", "two"]
    );
    let rest = here.list(Some(first[1].id), 2).await.unwrap();
    assert_eq!(
        rest.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(),
        ["one"]
    );
}
