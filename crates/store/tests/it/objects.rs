use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use stanchion_kernel::{Clock, Entropy, Ids, Uuid};
use stanchion_store::Store;
use stanchion_store::objects::{Collected, ObjectKey, Objects, ObjectsError, Wanted};
use stanchion_testkit::{Azure, S3, TempDir};

use crate::databases::{Guard, on_both};

on_both! {
    an_object_is_written_once_and_read_in_parts
    a_file_of_many_parts_is_there_as_a_whole
    what_nobody_refers_to_is_collected_after_the_grace
    what_was_staged_is_adopted_or_collected
    what_cannot_be_deleted_does_not_hold_up_the_rest
    an_object_that_somebody_holds_is_there_whatever_is_collected
}

/// Longer than any test.
const HOUR: Duration = Duration::from_hours(1);

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

async fn hold(store: &Store, owner: Uuid, key: &ObjectKey) {
    let mut tx = store.begin().await.unwrap();
    // Twice in one call is once.
    Objects::hold(&mut tx, owner, &[key.clone(), key.clone()])
        .await
        .unwrap();
    tx.commit().await.unwrap();
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
            matches!(read, Err(ObjectsError::Range)),
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
    for _ in 0..2 {
        let collected = objects.collect(Duration::ZERO, 10).await;
        assert!(
            matches!(collected, Err(ObjectsError::Unavailable(_))),
            "{collected:?}"
        );
    }
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
    assert!(matches!(past, Err(ObjectsError::Range)), "{past:?}");
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
