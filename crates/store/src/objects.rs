//! Objects: bytes under a name that never change, on local disk, S3 or Azure, and who refers to them.
//!
//! The name of an object says what is in it, so that it is written once and whoever finds it needs nothing else. An object
//! is kept as long as somebody refers to it, and deleted some time after nobody does. What says so is in the database:
//!
//! 1. [`Objects::hold`] writes a reference in the caller's transaction. **After** its commit the object is put.
//!    Who must put an object before there is anything that could refer to it calls [`Objects::stage`], puts it, and then
//!    [`Objects::adopt`]s it: if that never happens, the object is collected like one that nobody refers to any more.
//! 2. [`Objects::release`] takes all references of an owner away, and marks what they were to.
//! 3. [`Objects::collect`] looks at what was marked long enough ago. It locks the object's row, looks again whether anybody
//!    refers to it, and dooms it if nobody does. After its commit the object is deleted, and once that is known the row.
//!
//! Whoever holds an object comes before the lock, and is seen, or finds it doomed, and comes again when it is gone, to put it anew.
//! So nothing is deleted that somebody has found to be there, and no transaction waits for the object store. The grace between
//! mark and deletion is for readers that have a name and no reference, and for what was staged and is still being put.

mod error;
mod key;
mod place;
mod references;
mod unfinished;

use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
};
use stanchion_kernel::Uuid;
use tokio::io::AsyncReadExt as _;

use crate::{Store, StoreError, Tx};

pub use error::ObjectsError;
pub use key::{NotAKey, ObjectKey};

/// The size of the parts in which a file is sent; S3 takes no smaller ones.
const PART_BYTES: usize = 5 << 20;
/// The longest that the deletion of an object may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// When it is tried again, as nobody knows what became of it.
const AGAIN: Duration = Duration::from_mins(1);

/// An object store, and the references to what is in it. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    store: Store,
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    folder: Option<PathBuf>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects")
            .field("objects", &self.objects.to_string())
            .finish_non_exhaustive()
    }
}

/// Which bytes of an object are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// From the first to before the second; as many of them as there are.
    Between(u64, u64),
    /// From here on.
    From(u64),
    /// The last so many.
    Last(u64),
}

impl Wanted {
    /// Which bytes these are of so many; `None` when there are none.
    fn of(self, bytes: u64) -> Option<std::ops::Range<u64>> {
        let range = match self {
            Self::All => 0..bytes,
            Self::Between(from, to) => from..to.min(bytes),
            Self::From(from) => from..bytes,
            Self::Last(count) => bytes.saturating_sub(count)..bytes,
        };
        (range.start < range.end).then_some(range)
    }
}

/// An object that is being read.
pub struct Found {
    /// The size of the whole object.
    pub bytes: u64,
    /// Which of its bytes the stream has.
    pub range: std::ops::Range<u64>,
    /// They.
    pub stream: BoxStream<'static, Result<Bytes, ObjectsError>>,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("bytes", &self.bytes)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// What a collector did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Objects that it deleted.
    pub deleted: u64,
    /// Marked objects that somebody refers to.
    pub kept: u64,
}

impl Objects {
    /// Whether [`Objects::open`] would take this, as far as that is known without making a folder or asking a cloud.
    ///
    /// # Errors
    /// As for [`Objects::open`], but for a folder that cannot be made.
    pub fn check(url: &str, settings: &[(String, String)]) -> Result<(), ObjectsError> {
        place::check(url, settings)
    }

    /// Opens `file:FOLDER`, `s3://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`; the references are in `store`. `settings` has the
    /// credentials, the region and the endpoint of S3 or Azure, by the names of the environment's variables that their own
    /// programs know, `AWS_ACCESS_KEY_ID` or `AZURE_STORAGE_ACCOUNT_NAME`; others in it do not matter.
    ///
    /// # Errors
    /// [`ObjectsError::Config`] for another URL, a folder that cannot be made, or a feature that was not built in.
    pub fn open(
        store: &Store,
        url: &str,
        settings: &[(String, String)],
    ) -> Result<Self, ObjectsError> {
        let (objects, prefix) = place::open(url, settings)?;
        Ok(Self {
            store: store.clone(),
            objects,
            prefix,
            folder: place::folder(url).map(PathBuf::from),
        })
    }

    /// Makes `owner` one who refers to the objects, which need not be there yet. They are put after the commit, and not
    /// before.
    ///
    /// # Errors
    /// The database's own.
    pub async fn hold(tx: &mut Tx, owner: Uuid, keys: &[ObjectKey]) -> Result<(), StoreError> {
        references::hold(tx, owner, keys).await
    }

    /// Announces an object that is about to be put, and that nobody refers to yet: unless somebody does within the grace, it
    /// is collected.
    ///
    /// # Errors
    /// The database's own.
    pub async fn stage(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let key = vec![key.to_string()];
        references::claim(&mut tx, key.clone()).await?;
        references::mark(&mut tx, key).await?;
        tx.commit().await
    }

    /// Makes `owner` one who refers to an object that was staged and put. `false` when it has been collected meanwhile, and
    /// then nothing refers to it: the grace was shorter than the time since.
    ///
    /// # Errors
    /// The database's own.
    pub async fn adopt(tx: &mut Tx, owner: Uuid, key: &ObjectKey) -> Result<bool, StoreError> {
        let is_there = references::unmark(tx, key.as_str()).await?;
        if is_there {
            references::refer(tx, owner, vec![key.to_string()]).await?;
        }
        Ok(is_there)
    }

    /// Whether `owner` refers to an object.
    ///
    /// # Errors
    /// The database's own.
    pub async fn refers(tx: &mut Tx, owner: Uuid, key: &ObjectKey) -> Result<bool, StoreError> {
        references::refers(tx, owner, key.as_str()).await
    }

    /// Takes all references of `owner` away.
    ///
    /// # Errors
    /// The database's own.
    pub async fn release(tx: &mut Tx, owner: Uuid) -> Result<(), StoreError> {
        references::release(tx, owner).await
    }

    /// Writes an object if there is none under its key; says whether it did. It is there as a whole or not at all.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`].
    pub async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<bool, ObjectsError> {
        let options = PutOptions::from(PutMode::Create);
        let at = self.at(key.as_str());
        let put = self.objects.put_opts(&at, PutPayload::from(bytes), options);
        match put.await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes an object from a file if there is none under its key, some 5 MB at a time; says whether it did. It is there
    /// as a whole or not at all.
    ///
    /// # Errors
    /// [`ObjectsError::File`], [`ObjectsError::Unavailable`].
    pub async fn put_file(&self, key: &ObjectKey, file: &FilePath) -> Result<bool, ObjectsError> {
        let mut file = tokio::fs::File::open(file).await?;
        let first = part(&mut file).await?;
        if first.len() < PART_BYTES {
            return self.put(key, first).await;
        }
        let at = self.at(key.as_str());
        match self.objects.head(&at).await {
            Ok(_) => return Ok(false),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // Whoever was as fast writes the same bytes.
        let mut upload = self.objects.put_multipart(&at).await?;
        let sent = async {
            let mut next = first;
            while !next.is_empty() {
                upload.put_part(PutPayload::from(next)).await?;
                next = part(&mut file).await?;
            }
            upload.complete().await?;
            Ok(true)
        };
        let sent = sent.await;
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%key, %error, "parts of an upload that failed could not be removed");
        }
        sent
    }

    /// Reads an object.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`], [`ObjectsError::Range`] when it has no byte that is wanted, or
    /// [`ObjectsError::Unavailable`].
    pub async fn get(&self, key: &ObjectKey, wanted: Wanted) -> Result<Found, ObjectsError> {
        let at = self.at(key.as_str());
        let range = match wanted {
            Wanted::All => None,
            // Not every store knows the last bytes without its size.
            part => {
                let bytes = self.objects.head(&at).await?.size;
                Some(part.of(bytes).ok_or(ObjectsError::Range { bytes })?)
            }
        };
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let found = self.objects.get_opts(&at, options).await?;
        Ok(Found {
            bytes: found.meta.size,
            range: found.range.clone(),
            stream: found
                .into_stream()
                .map(|bytes| bytes.map_err(ObjectsError::from))
                .boxed(),
        })
    }

    /// Deletes objects that were marked `grace` ago or earlier and to which nobody refers, `limit` at most.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`], or the database's own; what was deleted before is. An object that could not be
    /// deleted is tried again after a minute, whatever the grace, and holds up none behind it. Nobody may hold it until it is known to
    /// be gone, or the object store has refused to delete it.
    pub async fn collect(&self, grace: Duration, limit: u32) -> Result<Collected, ObjectsError> {
        let mut collected = Collected::default();
        for _ in 0..limit {
            let clock = self.store.clock();
            let until = clock.monotonic().saturating_add(PATIENCE);
            let mut tx = self.store.begin().await?;
            let Some(key) = references::marked(&mut tx, grace, AGAIN).await? else {
                break;
            };
            if references::is_referred(&mut tx, &key).await? {
                references::unmark(&mut tx, &key).await?;
                tx.commit().await?;
                collected.kept += 1;
                continue;
            }
            let doomed = references::doom(&mut tx, &key).await?;
            tx.commit().await?;
            let left = until.saturating_sub(clock.monotonic());
            let is_gone = self.delete(&key, left).await?;
            let mut tx = self.store.begin().await?;
            if !is_gone {
                references::spare(&mut tx, &key, doomed).await?;
                tx.commit().await?;
                let refused = "it does not allow that objects are deleted";
                return Err(ObjectsError::Unavailable(refused.to_owned()));
            }
            references::forget(&mut tx, &key, doomed).await?;
            tx.commit().await?;
            collected.deleted += 1;
        }
        Ok(collected)
    }

    /// Removes what killed processes left in a folder of objects so long ago: files that never became one. It answers how many. Clouds
    /// have rules of their own for parts of uploads that were never completed.
    ///
    /// # Errors
    /// [`ObjectsError::File`] when the folder cannot be read.
    pub async fn tidy(&self, older_than: Duration) -> Result<u64, ObjectsError> {
        let Some(folder) = self.folder.clone() else {
            return Ok(0);
        };
        let removing = move || unfinished::remove(&folder, older_than);
        let removed = tokio::task::spawn_blocking(removing).await;
        Ok(removed.map_err(std::io::Error::other).flatten()?)
    }

    /// Deletes an object within a time; `false` when the store refused to. After an error nobody knows.
    async fn delete(&self, key: &str, within: Duration) -> Result<bool, ObjectsError> {
        use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};

        let late = || ObjectsError::Unavailable("no answer in time".to_owned());
        // Who was paused for so long may not begin: the object may be another one by now.
        if within.is_zero() {
            return Err(late());
        }
        let at = self.at(key);
        let deleted = tokio::time::timeout(within, self.objects.delete(&at)).await;
        match deleted.map_err(|_late| late())? {
            Ok(()) | Err(NotFound { .. }) => Ok(true),
            Err(PermissionDenied { .. } | Unauthenticated { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn at(&self, key: &str) -> Path {
        let parts = key.split('/');
        parts.fold(self.prefix.clone(), Path::join)
    }
}

/// The next part of a file; less than a part at its end.
async fn part(file: &mut tokio::fs::File) -> std::io::Result<Bytes> {
    let most = u64::try_from(PART_BYTES).unwrap_or(u64::MAX);
    let mut part = Vec::with_capacity(PART_BYTES);
    file.take(most).read_to_end(&mut part).await?;
    Ok(part.into())
}
