//! Stored limits, on both databases.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy};
use stanchion_limiter::port::{Memory, MemoryConfig};
use stanchion_limiter::registry::{
    MAX_STORED, MIGRATIONS, Precondition, Registry, RegistryError, TOPIC,
};
use stanchion_limiter::{Fallback, Limit, LimitName, Limiter, Rate};
use stanchion_store::feed::{Kind, Start};
use stanchion_store::{Store, StoreConfig};
use stanchion_testkit::{Postgres, eventually};

const SOON: Duration = Duration::from_secs(10);

async fn store(url: &str) -> Store {
    let store = Store::open(StoreConfig::new(url), Clock::system(), Entropy::system())
        .await
        .expect("a store");
    let tables = [stanchion_store::MIGRATIONS, MIGRATIONS];
    store.migrate(&tables).await.expect("migrated");
    store.ready().await.expect("ready");
    store
}

fn registry(store: &Store, fixed: Vec<Limit>) -> Registry {
    let buckets = Memory::new(MemoryConfig::default(), Clock::system());
    Registry::new(store, Limiter::new(Arc::new(buckets)), fixed)
}

fn limit(name: &str, burst: u64) -> Limit {
    Limit::new(name, Rate::per_second(1), burst).expect("a limit")
}

fn named(name: &str) -> LimitName {
    name.parse().expect("a name")
}

macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(&format!("sqlite:{}", folder.path().join("limits.db").display())).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let database = super::Postgres::shared().await.empty_database().await;
                super::$name(database.url()).await;
            })*
        }
    };
}

on_both_databases!(
    a_limit_is_read_back_as_it_was_stored,
    a_change_may_demand_the_state_that_it_starts_from,
    a_limit_that_is_made_again_has_a_newer_version,
    every_change_is_announced_once_with_its_version,
    of_concurrent_changes_of_one_state_one_happens,
    a_change_reaches_every_server_that_follows,
    a_fixed_limit_is_not_changed_and_comes_first,
    one_limit_more_than_the_bound_is_refused,
);

async fn a_limit_is_read_back_as_it_was_stored(url: &str) {
    let store = store(url).await;
    let registry = registry(&store, Vec::new());
    let servers = NonZeroU16::new(3).expect("not zero");
    let rate = Rate::new(7, Duration::from_hours(24));
    let all = [
        limit("a", 1),
        limit("b", 9).with_fallback(Fallback::Allow).in_shadow(true),
        Limit::new("c.d_e-f", rate, 1_000)
            .and_then(|limit| limit.in_parts(4))
            .expect("a limit")
            .with_fallback(Fallback::Share { servers }),
    ];
    for limit in &all {
        let (stored, is_new) = registry
            .put(limit.clone(), &Precondition::None)
            .await
            .expect("stored");
        assert!(is_new);
        let read = registry.get(limit.name()).await.expect("read");
        assert_eq!(read, Some(stored));
    }
    let listed = registry.list().await.expect("listed");
    let listed: Vec<_> = listed.into_iter().map(|stored| stored.limit).collect();
    assert_eq!(listed, all);
    let held = registry.limiter().limits();
    assert!(
        held.iter().map(|limit| &**limit).eq(&all),
        "in effect at once"
    );
}

async fn a_change_may_demand_the_state_that_it_starts_from(url: &str) {
    let store = store(url).await;
    let registry = registry(&store, Vec::new());
    let refused = registry.put(limit("a", 1), &Precondition::Exists).await;
    assert!(
        matches!(refused, Err(RegistryError::Conflict { current: None })),
        "{refused:?}"
    );
    let (first, _) = registry
        .put(limit("a", 1), &Precondition::None)
        .await
        .expect("stored");
    let of_first = Precondition::OneOf(vec![first.version]);
    let (second, is_new) = registry
        .put(limit("a", 2), &of_first)
        .await
        .expect("stored");
    assert!(!is_new && second.version > first.version);
    let refused = registry.put(limit("a", 3), &of_first).await;
    let Err(RegistryError::Conflict { current }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(current, Some(second.version));
    let refused = registry.delete(&named("a"), &of_first).await;
    assert!(
        matches!(refused, Err(RegistryError::Conflict { .. })),
        "{refused:?}"
    );
    assert_eq!(registry.get(&named("a")).await.expect("read"), Some(second));
    registry
        .delete(&named("a"), &Precondition::Exists)
        .await
        .expect("deleted");
    assert_eq!(registry.limiter().limit(&named("a")), None);
    let again = registry.delete(&named("a"), &Precondition::None).await;
    assert!(matches!(again, Err(RegistryError::NotFound)), "{again:?}");
}

async fn a_limit_that_is_made_again_has_a_newer_version(url: &str) {
    let store = store(url).await;
    let registry = registry(&store, Vec::new());
    let (first, _) = registry
        .put(limit("a", 1), &Precondition::None)
        .await
        .expect("stored");
    let deleted = registry
        .delete(&named("a"), &Precondition::None)
        .await
        .expect("deleted");
    let (again, is_new) = registry
        .put(limit("a", 1), &Precondition::None)
        .await
        .expect("stored");
    assert!(is_new && first.version < deleted && deleted < again.version);
}

async fn every_change_is_announced_once_with_its_version(url: &str) {
    let store = store(url).await;
    let registry = registry(&store, Vec::new());
    let mut tail = store.tail("test", Start::Now).await.expect("a tail");
    let (made, _) = registry
        .put(limit("a", 1), &Precondition::None)
        .await
        .expect("stored");
    let (changed, _) = registry
        .put(limit("a", 2), &Precondition::None)
        .await
        .expect("stored");
    let refused = registry
        .put(limit("a", 3), &Precondition::OneOf(vec![0]))
        .await;
    assert!(refused.is_err());
    let deleted = registry
        .delete(&named("a"), &Precondition::None)
        .await
        .expect("deleted");
    let mut heard = Vec::new();
    while heard.len() < 3 {
        let polled = tail.next().await.expect("polled");
        let changes = polled.entries.into_iter().map(|entry| entry.change);
        heard.extend(changes.filter(|change| change.topic == TOPIC));
    }
    let heard: Vec<_> = heard
        .iter()
        .map(|change| (change.key.as_str(), change.version, change.kind))
        .collect();
    let expected = [
        ("a", made.version, Kind::Created),
        ("a", changed.version, Kind::Updated),
        ("a", deleted, Kind::Deleted),
    ];
    assert_eq!(heard, expected);
}

async fn of_concurrent_changes_of_one_state_one_happens(url: &str) {
    let store = store(url).await;
    let registry = registry(&store, Vec::new());
    let (first, _) = registry
        .put(limit("a", 1), &Precondition::None)
        .await
        .expect("stored");
    let of_first = Precondition::OneOf(vec![first.version]);
    let changes = (2..10).map(|burst| {
        let (registry, of_first) = (registry.clone(), of_first.clone());
        tokio::spawn(async move { registry.put(limit("a", burst), &of_first).await.is_ok() })
    });
    let mut happened = 0;
    for change in changes.collect::<Vec<_>>() {
        happened += u32::from(change.await.expect("no panic"));
    }
    assert_eq!(happened, 1);
}

async fn a_change_reaches_every_server_that_follows(url: &str) {
    let (here, there) = (store(url).await, store(url).await);
    let (here, there) = (registry(&here, Vec::new()), registry(&there, Vec::new()));
    let follower = there.clone();
    let follow = tokio::spawn(async move { follower.follow().await });
    let burst_there = || {
        there
            .limiter()
            .limit(&named("a"))
            .map(|limit| limit.burst())
    };
    for burst in [1, 2] {
        here.put(limit("a", burst), &Precondition::None)
            .await
            .expect("stored");
        eventually("the limit is heard of", SOON, || async {
            burst_there() == Some(burst)
        })
        .await;
    }
    here.delete(&named("a"), &Precondition::None)
        .await
        .expect("deleted");
    eventually("its end is heard of", SOON, || async {
        burst_there().is_none()
    })
    .await;
    follow.abort();
}

async fn a_fixed_limit_is_not_changed_and_comes_first(url: &str) {
    let store = store(url).await;
    let before = registry(&store, Vec::new());
    before
        .put(limit("a", 1), &Precondition::None)
        .await
        .expect("stored");
    before
        .put(limit("b", 1), &Precondition::None)
        .await
        .expect("stored");
    let registry = registry(&store, vec![limit("a", 7)]);
    registry.reload().await.expect("read");
    let bursts = registry.limiter().limits();
    let bursts: Vec<_> = bursts.iter().map(|limit| limit.burst()).collect();
    assert_eq!(bursts, [7, 1]);
    let refused = registry.put(limit("a", 2), &Precondition::None).await;
    assert!(matches!(refused, Err(RegistryError::Fixed)), "{refused:?}");
    let refused = registry.delete(&named("a"), &Precondition::None).await;
    assert!(matches!(refused, Err(RegistryError::Fixed)), "{refused:?}");
}

async fn one_limit_more_than_the_bound_is_refused(url: &str) {
    let store = store(url).await;
    let registry = registry(&store, Vec::new());
    for n in 0..MAX_STORED {
        let name = format!("limit-{n}");
        registry
            .put(limit(&name, 1), &Precondition::None)
            .await
            .expect("stored");
    }
    let refused = registry.put(limit("more", 1), &Precondition::None).await;
    assert!(matches!(refused, Err(RegistryError::Full)), "{refused:?}");
    registry
        .put(limit("limit-7", 2), &Precondition::None)
        .await
        .expect("it replaces one");
}
