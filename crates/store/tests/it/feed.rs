use std::time::Duration;

use stanchion_kernel::Timestamp;
use stanchion_store::feed::{Change, Kind, Polled, Start, Tail, append_postgres, append_sqlite};
use stanchion_store::{Store, StoreError, Tx, TxKind};
use stanchion_testkit::eventually;

use crate::databases::{Guard, on_both, postgres, postgres_alone, sqlite};

on_both! {
    a_tail_gets_what_commits_after_it_began
    what_is_rolled_back_is_never_delivered
    another_process_hears_of_a_change
    what_is_not_acknowledged_comes_again
    a_long_backlog_comes_in_order_and_whole
}

fn change(key: &str, version: i64) -> Change {
    Change {
        topic: "thing".into(),
        key: key.to_owned(),
        version,
        kind: Kind::Updated,
    }
}

async fn append(tx: &mut Tx, changes: Vec<Change>) {
    match tx.kind() {
        TxKind::Sqlite(tx, clock) => {
            let now = clock.now();
            tx.run(move |connection| append_sqlite(connection, now, &changes))
                .await
                .unwrap();
        }
        TxKind::Postgres(tx) => append_postgres(tx, &changes).await.unwrap(),
    }
}

async fn commit(store: &Store, changes: Vec<Change>) {
    let mut tx = store.begin().await.unwrap();
    append(&mut tx, changes).await;
    tx.commit().await.unwrap();
}

async fn delivered(tail: &mut Tail) -> Vec<(String, i64)> {
    let mut all = Vec::new();
    loop {
        let Polled { entries, lagged } = tail.poll().await.unwrap();
        assert!(!lagged);
        if entries.is_empty() {
            return all;
        }
        all.extend(
            entries
                .into_iter()
                .map(|entry| (entry.change.key, entry.change.version)),
        );
    }
}

fn expected(pairs: &[(&str, i64)]) -> Vec<(String, i64)> {
    pairs
        .iter()
        .map(|(key, version)| ((*key).to_owned(), *version))
        .collect()
}

async fn a_tail_gets_what_commits_after_it_began(store: Store, _guard: Guard) {
    commit(&store, vec![change("before", 1)]).await;
    let mut tail = store.tail("test", Start::Now).await.unwrap();
    commit(&store, vec![change("a", 1), change("b", 1)]).await;
    commit(&store, vec![change("a", 2)]).await;
    assert_eq!(
        delivered(&mut tail).await,
        expected(&[("a", 1), ("b", 1), ("a", 2)])
    );
    assert_eq!(delivered(&mut tail).await, []);
    let mut oldest = store.tail("test", Start::Oldest).await.unwrap();
    assert_eq!(delivered(&mut oldest).await[0], ("before".to_owned(), 1));
}

async fn what_is_rolled_back_is_never_delivered(store: Store, _guard: Guard) {
    let mut tail = store.tail("test", Start::Now).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    append(&mut tx, vec![change("a", 1)]).await;
    tx.rollback().await.unwrap();
    let mut dropped = store.begin().await.unwrap();
    append(&mut dropped, vec![change("a", 1)]).await;
    drop(dropped);
    commit(&store, vec![change("b", 1)]).await;
    assert_eq!(delivered(&mut tail).await, expected(&[("b", 1)]));
}

async fn another_process_hears_of_a_change(store: Store, guard: Guard) {
    let other = guard.open_again().await;
    let mut tail = other.tail("test", Start::Now).await.unwrap();
    commit(&store, vec![change("a", 1)]).await;
    let mut heard = Vec::new();
    let hear = async {
        while heard.is_empty() {
            heard = tail.next().await.unwrap().entries;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), hear)
        .await
        .expect("heard in time");
    assert_eq!(heard[0].change, change("a", 1));
}

async fn what_is_not_acknowledged_comes_again(store: Store, _guard: Guard) {
    commit(&store, vec![change("a", 1)]).await;
    let mut consumer = store.consumer("durable").await.unwrap();
    assert_eq!(consumer.next().await.unwrap().entries.len(), 1);
    let mut again = store.consumer("durable").await.unwrap();
    assert_eq!(
        again.next().await.unwrap().entries.len(),
        1,
        "it was not acknowledged"
    );
    again.acknowledge().await.unwrap();
    commit(&store, vec![change("a", 2)]).await;
    let mut later = store.consumer("durable").await.unwrap();
    let entries = later.next().await.unwrap().entries;
    assert_eq!(
        entries
            .into_iter()
            .map(|e| e.change.version)
            .collect::<Vec<_>>(),
        [2]
    );
}

async fn a_long_backlog_comes_in_order_and_whole(store: Store, _guard: Guard) {
    let mut tail = store.tail("test", Start::Now).await.unwrap().page(7);
    for round in 0..10 {
        commit(
            &store,
            (0..10)
                .map(|key| change(&format!("k{key}"), round))
                .collect(),
        )
        .await;
    }
    let all = delivered(&mut tail).await;
    assert_eq!(all.len(), 100);
    for key in 0..10 {
        let name = format!("k{key}");
        let versions: Vec<i64> = all
            .iter()
            .filter(|(k, _)| *k == name)
            .map(|(_, v)| *v)
            .collect();
        assert_eq!(versions, (0..10).collect::<Vec<_>>());
    }
}

/// A handle that keeps no row longer than it must.
async fn without_retention(guard: &Guard) -> Store {
    let config = stanchion_store::StoreConfig {
        feed_retention: Duration::ZERO,
        ..stanchion_store::StoreConfig::new(guard.url())
    };
    crate::databases::open(config).await
}

/// Every row that was committed is gone.
async fn pruned(store: &Store) {
    eventually(
        "the rows are older than the retention",
        Duration::from_secs(5),
        || async { store.prune_feed().await.unwrap() > 0 },
    )
    .await;
    store.prune_feed().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_stayed_away_too_long_is_told_on_sqlite() {
    let (_store, guard) = sqlite().await;
    a_consumer_that_stayed_away_too_long_is_told(guard).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_stayed_away_too_long_is_told_on_postgres() {
    let (_store, guard) = postgres_alone().await;
    a_consumer_that_stayed_away_too_long_is_told(guard).await;
}

async fn a_consumer_that_stayed_away_too_long_is_told(guard: Guard) {
    let store = without_retention(&guard).await;
    let mut tail = store.tail("test", Start::Now).await.unwrap();
    let mut quick = store.tail("test", Start::Now).await.unwrap();
    commit(&store, vec![change("a", 1)]).await;
    commit(&store, vec![change("a", 2)]).await;
    assert_eq!(delivered(&mut quick).await.len(), 2);
    pruned(&store).await;
    assert!(tail.poll().await.unwrap().lagged, "it missed two changes");
    commit(&store, vec![change("a", 3)]).await;
    assert_eq!(
        delivered(&mut tail).await,
        expected(&[("a", 3)]),
        "it goes on from then"
    );
    assert_eq!(
        delivered(&mut quick).await,
        expected(&[("a", 3)]),
        "it had missed nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_in_reversed_order_are_all_delivered_and_none_waits_for_a_slow_one() {
    let (store, _guard) = postgres().await;
    let mut tail = store.tail("test", Start::Now).await.unwrap();
    let (mut slow, mut middle, mut quick) = (
        store.begin().await.unwrap(),
        store.begin().await.unwrap(),
        store.begin().await.unwrap(),
    );
    append(&mut slow, vec![change("slow", 1)]).await;
    append(&mut middle, vec![change("middle", 1)]).await;
    append(&mut quick, vec![change("quick", 1)]).await;
    quick.commit().await.unwrap();
    assert_eq!(
        delivered(&mut tail).await,
        expected(&[("quick", 1)]),
        "two are still open"
    );
    append(&mut slow, vec![change("slow", 2)]).await;
    middle.commit().await.unwrap();
    assert_eq!(delivered(&mut tail).await, expected(&[("middle", 1)]));
    commit_third(&store).await;
    assert_eq!(delivered(&mut tail).await, expected(&[("third", 1)]));
    slow.commit().await.unwrap();
    assert_eq!(
        delivered(&mut tail).await,
        expected(&[("slow", 1), ("slow", 2)])
    );
    assert_eq!(delivered(&mut tail).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pruning_beside_a_slow_transaction_is_no_loss_to_those_who_have_seen_the_rest() {
    let (_store, guard) = postgres_alone().await;
    let store = without_retention(&guard).await;
    let mut slow = store.begin().await.unwrap();
    append(&mut slow, vec![change("slow", 1)]).await;
    let mut tail = store.tail("test", Start::Now).await.unwrap();
    let mut behind = store.tail("test", Start::Now).await.unwrap();
    commit(&store, vec![change("quick", 1)]).await;
    assert_eq!(delivered(&mut tail).await, expected(&[("quick", 1)]));
    pruned(&store).await;
    assert!(behind.poll().await.unwrap().lagged, "it missed a change");
    assert_eq!(delivered(&mut tail).await, []);
    slow.commit().await.unwrap();
    assert_eq!(delivered(&mut tail).await, expected(&[("slow", 1)]));
    assert_eq!(delivered(&mut behind).await, expected(&[("slow", 1)]));
}

async fn commit_third(store: &Store) {
    commit(store, vec![change("third", 1)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_interleavings_deliver_every_commit_once_and_in_order_per_key() {
    let (store, _guard) = postgres().await;
    let mut tail = store.tail("test", Start::Now).await.unwrap().page(3);
    let entropy = stanchion_kernel::Entropy::seeded(11);
    let mut open: Vec<(Tx, i64)> = Vec::new();
    let mut got = Vec::new();
    let mut committed = 0;
    for n in 0..120_i64 {
        if open.len() < 3 && entropy.below(2) == 0 {
            let mut tx = store.begin().await.unwrap();
            append(
                &mut tx,
                vec![change(&format!("k{n}"), 1), change(&format!("k{n}"), 2)],
            )
            .await;
            open.push((tx, n));
        } else if !open.is_empty() {
            let at = usize::try_from(entropy.below(open.len() as u64)).unwrap();
            let (tx, _) = open.swap_remove(at);
            if entropy.below(4) == 0 {
                tx.rollback().await.unwrap();
            } else {
                tx.commit().await.unwrap();
                committed += 1;
            }
        }
        if entropy.below(3) == 0 {
            let polled = tail.poll().await.unwrap();
            got.extend(
                polled
                    .entries
                    .into_iter()
                    .map(|e| (e.change.key, e.change.version)),
            );
        }
    }
    for (tx, _) in open {
        tx.commit().await.unwrap();
        committed += 1;
    }
    got.extend(delivered(&mut tail).await);
    assert_eq!(got.len(), committed * 2);
    let mut per_key = std::collections::HashMap::<String, Vec<i64>>::new();
    for (key, version) in got {
        per_key.entry(key).or_default().push(version);
    }
    assert!(
        per_key.values().all(|versions| *versions == [1, 2]),
        "{per_key:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_file_replaced_by_an_older_copy_makes_its_consumers_start_over() {
    let (store, _guard) = sqlite().await;
    commit(&store, vec![change("a", 1)]).await;
    let mut tail = store.tail("test", Start::Now).await.unwrap();
    let stanchion_store::Backend::Sqlite(sqlite) = store.backend() else {
        panic!("SQLite")
    };
    let forget = |connection: &rusqlite::Connection| -> Result<(), StoreError> {
        connection
            .execute_batch("DELETE FROM stanchion_store_feed; DELETE FROM sqlite_sequence;")?;
        append_sqlite(connection, Timestamp::default(), &[])
    };
    sqlite.write("forget", forget).await.unwrap();
    assert!(tail.poll().await.unwrap().lagged);
}
