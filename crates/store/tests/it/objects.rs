use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use stanchion_kernel::{Clock, Entropy, Ids, Uuid};
use stanchion_store::objects::{Collected, ObjectKey, Objects, ObjectsError, Wanted};
use stanchion_store::{Store, StoreError};
use stanchion_testkit::{Azure, Direction, Proxy, S3, TempDir, eventually};
use tokio::task::JoinHandle;

use crate::databases::{Guard, on_both};

on_both! {
    an_object_is_written_once_and_read_in_parts
    a_file_of_many_parts_is_there_as_a_whole
    what_nobody_refers_to_is_collected_after_the_grace
    what_was_staged_is_adopted_or_collected
    what_cannot_be_deleted_does_not_hold_up_the_rest
    an_object_that_somebody_holds_is_there_whatever_is_collected
    a_deletion_that_takes_long_holds_up_nobody_but_who_wants_that_object
}

/// Longer than any test.
const HOUR: Duration = Duration::from_hours(1);
const PATIENCE: Duration = Duration::from_secs(30);

fn open(store: &Store, folder: &TempDir) -> Objects {
    let url = format!("file:{}", folder.path().display());
    Objects::open(store, &url, &[]).unwrap()
}

fn key(text: &str) -> ObjectKey {
    text.parse().unwrap()
}

fn ids() -> Ids {
    Ids::new(Clock::system(), Entropy::system())
}

async fn read(objects: &Objects, key: &ObjectKey, wanted: Wanted) -> Result<Vec<u8>, ObjectsError> {
    let found = objects.get(key, wanted).await?;
    let parts: Vec<Bytes> = found.stream.try_collect().await?;
    Ok(parts.concat())
}

async fn try_hold(store: &Store, owner: Uuid, key: &ObjectKey) -> Result<(), StoreError> {
    let mut tx = store.begin().await.unwrap();
    // Twice in one call is once.
    Objects::hold(&mut tx, owner, &[key.clone(), key.clone()]).await?;
    tx.commit().await
}

/// Holds an object, when it is not being deleted.
async fn hold(store: &Store, owner: Uuid, key: &ObjectKey) {
    eventually("nobody deletes the object", PATIENCE, || async {
        match try_hold(store, owner, key).await {
            Ok(()) => true,
            Err(StoreError::Busy(_)) => false,
            Err(error) => panic!("{error}"),
        }
    })
    .await;
}

async fn release(store: &Store, owner: Uuid) {
    let mut tx = store.begin().await.unwrap();
    Objects::release(&mut tx, owner).await.unwrap();
    tx.commit().await.unwrap();
}

async fn an_object_is_written_once_and_read_in_parts(store: Store, _guard: Guard) {
    let folder = TempDir::new().unwrap();
    let objects = open(&store, &folder);
    let key = key("media/ab/cd.jpeg");
    assert!(matches!(
        objects.get(&key, Wanted::All).await,
        Err(ObjectsError::NotFound)
    ));
    assert!(
        objects
            .put(&key, Bytes::from_static(b"0123456789"))
            .await
            .unwrap()
    );
    assert!(
        !objects
            .put(&key, Bytes::from_static(b"something else"))
            .await
            .unwrap()
    );
    for (wanted, expected) in [
        (Wanted::All, "0123456789"),
        (Wanted::Between(2, 5), "234"),
        (Wanted::Between(8, 50), "89"),
        (Wanted::From(7), "789"),
        (Wanted::Last(3), "789"),
        (Wanted::Last(30), "0123456789"),
    ] {
        let bytes = read(&objects, &key, wanted).await.unwrap();
        assert_eq!(bytes, expected.as_bytes(), "{wanted:?}");
    }
    for wanted in [Wanted::Between(10, 12), Wanted::From(10), Wanted::Last(0)] {
        let read = read(&objects, &key, wanted).await;
        assert!(
            matches!(read, Err(ObjectsError::Range { bytes: 10 })),
            "{wanted:?}: {read:?}"
        );
    }
}

async fn a_file_of_many_parts_is_there_as_a_whole(store: Store, _guard: Guard) {
    let folder = TempDir::new().unwrap();
    let objects = open(&store, &folder);
    let bytes: Vec<u8> = (0..11_000_003_u32)
        .map(|n| n.to_le_bytes()[n as usize % 3])
        .collect();
    let file = folder.path().join("file");
    std::fs::write(&file, &bytes).unwrap();
    assert!(objects.put_file(&key("large"), &file).await.unwrap());
    assert!(!objects.put_file(&key("large"), &file).await.unwrap());
    assert!(read(&objects, &key("large"), Wanted::All).await.unwrap() == bytes);
    let missing = objects
        .put_file(&key("none"), &folder.path().join("none"))
        .await;
    assert!(matches!(missing, Err(ObjectsError::File(_))), "{missing:?}");
}

async fn what_was_staged_is_adopted_or_collected(store: Store, _guard: Guard) {
    let folder = TempDir::new().unwrap();
    let objects = open(&store, &folder);
    let (ids, adopted, left) = (ids(), key("adopted"), key("left"));
    let owner = ids.next();
    let adopt = async |key: &ObjectKey| {
        let mut tx = store.begin().await.unwrap();
        let is_there = Objects::adopt(&mut tx, owner, key).await.unwrap();
        tx.commit().await.unwrap();
        is_there
    };
    assert!(!adopt(&adopted).await, "nothing was staged");
    for key in [&adopted, &left] {
        objects.stage(key).await.unwrap();
        let put = objects.put(key, Bytes::from_static(b"bytes")).await;
        assert!(put.unwrap());
    }
    let collect = async |grace| objects.collect(grace, 10).await.unwrap();
    let nothing = Collected::default();
    assert_eq!(collect(HOUR).await, nothing, "the grace protects both");
    assert!(adopt(&adopted).await);
    let one = Collected {
        deleted: 1,
        ..nothing
    };
    assert_eq!(collect(Duration::ZERO).await, one);
    assert!(read(&objects, &adopted, Wanted::All).await.is_ok());
    assert!(!adopt(&left).await, "it was collected");
    // Staging again what somebody refers to takes nothing from them.
    objects.stage(&adopted).await.unwrap();
    let kept = Collected { kept: 1, ..nothing };
    assert_eq!(collect(Duration::ZERO).await, kept);
    assert!(read(&objects, &adopted, Wanted::All).await.is_ok());
}

async fn what_nobody_refers_to_is_collected_after_the_grace(store: Store, _guard: Guard) {
    let folder = TempDir::new().unwrap();
    let objects = open(&store, &folder);
    let (ids, shared) = (ids(), key("shared"));
    let (one, other) = (ids.next(), ids.next());
    for owner in [one, other] {
        hold(&store, owner, &shared).await;
        objects
            .put(&shared, Bytes::from_static(b"bytes"))
            .await
            .unwrap();
    }
    let collect = async |grace| objects.collect(grace, 10).await.unwrap();
    let nothing = Collected::default();
    assert_eq!(collect(Duration::ZERO).await, nothing);
    release(&store, one).await;
    assert_eq!(
        collect(Duration::ZERO).await,
        Collected { kept: 1, ..nothing }
    );
    release(&store, other).await;
    assert_eq!(collect(HOUR).await, nothing);
    assert!(read(&objects, &shared, Wanted::All).await.is_ok());
    assert_eq!(
        collect(Duration::ZERO).await,
        Collected {
            deleted: 1,
            ..nothing
        }
    );
    assert!(matches!(
        read(&objects, &shared, Wanted::All).await,
        Err(ObjectsError::NotFound)
    ));
    assert_eq!(collect(Duration::ZERO).await, nothing);
}

async fn what_cannot_be_deleted_does_not_hold_up_the_rest(store: Store, _guard: Guard) {
    let folder = TempDir::new().unwrap();
    let objects = open(&store, &folder);
    // A folder that is not empty is no object, and nobody deletes it as one.
    std::fs::create_dir_all(folder.path().join("stuck/inside")).unwrap();
    for name in ["stuck", "other"] {
        let (owner, key) = (ids().next(), key(name));
        hold(&store, owner, &key).await;
        if name == "other" {
            objects
                .put(&key, Bytes::from_static(b"bytes"))
                .await
                .unwrap();
        }
        release(&store, owner).await;
    }
    let collected = objects.collect(Duration::ZERO, 10).await;
    assert!(
        matches!(collected, Err(ObjectsError::Unavailable(_))),
        "{collected:?}"
    );
    let collected = objects.collect(Duration::ZERO, 10).await.unwrap();
    assert_eq!(collected.deleted, 1);
    let other = objects.get(&key("other"), Wanted::All).await;
    assert!(matches!(other, Err(ObjectsError::NotFound)), "{other:?}");
}

/// Owners that come and go put the same few objects, while a collector with no patience deletes all it may.
async fn an_object_that_somebody_holds_is_there_whatever_is_collected(store: Store, _guard: Guard) {
    let folder = TempDir::new().unwrap();
    let objects = open(&store, &folder);
    let done = Arc::new(AtomicBool::new(false));
    let collector = tokio::spawn({
        let (objects, done) = (objects.clone(), Arc::clone(&done));
        async move {
            let mut deleted = 0;
            while !done.load(Ordering::SeqCst) {
                deleted += objects.collect(Duration::ZERO, 10).await.unwrap().deleted;
                tokio::task::yield_now().await;
            }
            deleted
        }
    });
    let owners = (0..3).map(|owner: usize| {
        let (store, objects, ids) = (store.clone(), objects.clone(), ids());
        tokio::spawn(async move {
            for round in 0..60 {
                let key = key(&format!("object-{}", (owner + round) % 2));
                let me = ids.next();
                hold(&store, me, &key).await;
                objects
                    .put(&key, Bytes::from_static(b"bytes"))
                    .await
                    .unwrap();
                tokio::task::yield_now().await;
                assert_eq!(read(&objects, &key, Wanted::All).await.unwrap(), b"bytes");
                release(&store, me).await;
            }
        })
    });
    for owner in owners.collect::<Vec<_>>() {
        owner.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    assert!(
        collector.await.unwrap() > 0,
        "nothing was collected meanwhile"
    );
}

/// An object that was staged, in an S3 that is behind a proxy.
async fn staged_in_s3(store: &Store) -> (S3, Proxy, Objects, ObjectKey) {
    let _set = rustls::crypto::ring::default_provider().install_default();
    let s3 = S3::start().await;
    let mut settings = s3.settings();
    let endpoint = settings
        .iter_mut()
        .find(|(name, _)| name == "AWS_ENDPOINT_URL");
    let (_, endpoint) = endpoint.unwrap();
    let proxy = Proxy::start(endpoint.trim_start_matches("http://"));
    *endpoint = format!("http://{}", proxy.addr());
    let objects = Objects::open(store, &s3.url("here"), &settings).unwrap();
    let key = key("staged");
    objects.stage(&key).await.unwrap();
    let put = objects.put(&key, Bytes::from_static(b"bytes")).await;
    assert!(put.unwrap());
    (s3, proxy, objects, key)
}

/// Collects while the object store does not answer, and waits until the object is doomed.
async fn collects_in_vain(
    proxy: &Proxy,
    objects: &Objects,
    key: &ObjectKey,
) -> JoinHandle<Result<Collected, ObjectsError>> {
    proxy.drop_bytes(Direction::Both);
    let collector = objects.clone();
    let collecting = tokio::spawn(async move {
        loop {
            // Who stages it has it locked now and then.
            match collector.collect(Duration::ZERO, 10).await {
                Ok(Collected { deleted: 0, .. }) => tokio::task::yield_now().await,
                ended => return ended,
            }
        }
    });
    eventually("the object is doomed", PATIENCE, || async {
        match objects.stage(key).await {
            Err(StoreError::Busy(_)) => true,
            staged => {
                staged.unwrap();
                false
            }
        }
    })
    .await;
    collecting
}

async fn a_deletion_that_takes_long_holds_up_nobody_but_who_wants_that_object(
    store: Store,
    _guard: Guard,
) {
    let (_s3, proxy, objects, key) = staged_in_s3(&store).await;
    let collecting = collects_in_vain(&proxy, &objects, &key).await;
    let owner = ids().next();
    let other = async { try_hold(&store, owner, &self::key("other")).await };
    tokio::time::timeout(Duration::from_secs(5), other)
        .await
        .expect("a write beside the deletion")
        .unwrap();
    let staged = objects.stage(&key).await;
    assert!(matches!(staged, Err(StoreError::Busy(_))), "{staged:?}");
    let mut tx = store.begin().await.unwrap();
    assert!(!Objects::adopt(&mut tx, owner, &key).await.unwrap());
    tx.rollback().await.unwrap();
    assert!(!collecting.is_finished());
    proxy.heal();
    let collected = collecting.await.unwrap();
    // The library tries again, within its patience.
    assert_eq!(collected.unwrap().deleted, 1);
    hold(&store, owner, &key).await;
    assert!(
        objects
            .put(&key, Bytes::from_static(b"bytes"))
            .await
            .unwrap()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_collector_has_doomed_is_collected_by_another() {
    let (store, guard) = crate::databases::postgres().await;
    let Guard::Database(database) = guard else {
        panic!("a database of PostgreSQL");
    };
    let (_s3, proxy, objects, key) = staged_in_s3(&store).await;
    collects_in_vain(&proxy, &objects, &key).await.abort();
    proxy.heal();
    // As if it had been marked long ago: the grace is for what nobody has tried to delete yet.
    let earlier = "UPDATE stanchion_store.objects SET marked_at = marked_at - interval '2 hours'";
    database.psql(earlier).await;
    let nothing = objects.collect(HOUR, 10).await.unwrap();
    assert_eq!(
        nothing,
        Collected::default(),
        "the other one may still be at it"
    );
    let later = "UPDATE stanchion_store.objects SET doomed_at = doomed_at - interval '61 seconds'";
    database.psql(later).await;
    assert_eq!(objects.collect(HOUR, 10).await.unwrap().deleted, 1);
    let read = read(&objects, &key, Wanted::All).await;
    assert!(matches!(read, Err(ObjectsError::NotFound)), "{read:?}");
    hold(&store, ids().next(), &key).await;
}

#[tokio::test]
async fn what_killed_processes_left_unfinished_is_removed_and_no_object() {
    let (store, _guard) = crate::databases::sqlite().await;
    let folder = TempDir::new().unwrap();
    let objects = open(&store, &folder);
    let key = key("media/object");
    objects
        .put(&key, Bytes::from_static(b"bytes"))
        .await
        .unwrap();
    let left = folder.path().join("media/object#1");
    std::fs::write(&left, b"by").unwrap();
    let new = folder.path().join("media/object#2");
    std::fs::write(&new, b"byt").unwrap();
    let long_ago = std::fs::metadata(&left).unwrap().modified().unwrap() - 2 * HOUR;
    for path in [&left, &folder.path().join("media/object")] {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    assert_eq!(objects.tidy(HOUR).await.unwrap(), 1);
    assert!(!left.exists() && new.exists());
    assert!(objects.get(&key, Wanted::All).await.is_ok());
}

/// What every cloud must do.
async fn keeps_objects(url: &str, settings: &[(String, String)]) {
    // Another test may have set it.
    let _set = rustls::crypto::ring::default_provider().install_default();
    let (store, _guard) = crate::databases::sqlite().await;
    let (store, objects) = (&store, &Objects::open(&store, url, settings).unwrap());
    let small = key("media/small.jpeg");
    assert!(matches!(
        objects.get(&small, Wanted::All).await,
        Err(ObjectsError::NotFound)
    ));
    assert!(
        objects
            .put(&small, Bytes::from_static(b"0123456789"))
            .await
            .unwrap()
    );
    assert!(
        !objects
            .put(&small, Bytes::from_static(b"another"))
            .await
            .unwrap()
    );
    for (wanted, expected) in [
        (Wanted::All, &b"0123456789"[..]),
        (Wanted::Between(2, 5), b"234"),
        (Wanted::From(7), b"789"),
        (Wanted::Last(3), b"789"),
    ] {
        assert_eq!(read(objects, &small, wanted).await.unwrap(), expected);
    }
    let past = read(objects, &small, Wanted::From(10)).await;
    assert!(
        matches!(past, Err(ObjectsError::Range { bytes: 10 })),
        "{past:?}"
    );
    let folder = TempDir::new().unwrap();
    let (large, file) = (key("originals/large"), folder.path().join("large"));
    let bytes: Vec<u8> = (0..11_000_003_u32)
        .map(|n| n.to_le_bytes()[n as usize % 3])
        .collect();
    std::fs::write(&file, &bytes).unwrap();
    assert!(objects.put_file(&large, &file).await.unwrap());
    assert!(!objects.put_file(&large, &file).await.unwrap());
    assert!(read(objects, &large, Wanted::All).await.unwrap() == bytes);
    let owner = ids().next();
    hold(store, owner, &small).await;
    release(store, owner).await;
    let collected = objects.collect(Duration::ZERO, 10).await.unwrap();
    assert_eq!(collected.deleted, 1);
    assert!(matches!(
        objects.get(&small, Wanted::All).await,
        Err(ObjectsError::NotFound)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_keeps_objects() {
    let s3 = S3::start().await;
    keeps_objects(&s3.url("pictures/here"), &s3.settings()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_keeps_objects() {
    let azure = Azure::start().await;
    keeps_objects(&azure.url("pictures"), &azure.settings()).await;
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let (store, _guard) = crate::databases::sqlite().await;
    for url in ["", "media", "ftp://host/", "s3://", "az:///prefix"] {
        let refused = Objects::open(&store, url, &[]);
        assert!(
            matches!(refused, Err(ObjectsError::Config(_))),
            "{url}: {refused:?}"
        );
    }
}
