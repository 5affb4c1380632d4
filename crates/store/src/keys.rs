//! API keys: stored as a keyed hash, and looked up through a cache that a revocation reaches at once.

mod cache;
mod rows;

use std::time::Duration;

use stanchion_kernel::{Ids, Timestamp, Uuid};
use subtle::ConstantTimeEq as _;

use crate::StoreError;
use crate::feed::{Change, Kind, Start};
use crate::store::Store;
use cache::Cache;

/// The feed's topic of API keys.
pub const TOPIC: &str = "key";
/// Names, dates and purposes of derived keys are fixed: another text is another key.
const HASH_CONTEXT: &str = "stanchion 2026-11 api key hash";
/// After an error the feed is asked again soon, since a cache without it serves nothing.
const RETRY: Duration = Duration::from_millis(50);

/// An API key as it is stored; the secret itself is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its public part.
    pub id: Uuid,
    /// What its owner calls it, 1 to 100 characters.
    pub name: String,
    /// The keyed hash of its secret.
    pub hash: [u8; 32],
    /// What it allows.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, by the database's clock; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What a new key shall be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What its owner calls it, 1 to 100 characters.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// How long it lives, by the database's clock; `None` for ever.
    pub expires_in: Option<Duration>,
}

/// A key that was just made, with the secret that is shown once.
#[derive(Clone)]
pub struct CreatedKey {
    /// What is stored of it.
    pub record: KeyRecord,
    /// Its secret.
    pub secret: [u8; 32],
}

/// The API keys of a database. Cheap to clone.
///
/// A key that was revoked here is refused here at once. Other servers hear of it over the change feed, within
/// milliseconds on PostgreSQL and within a poll on one SQLite file; one that has not heard from the feed for a second
/// asks the database for every key, so that a second is the bound in every case.
#[derive(Clone, Debug)]
pub struct Keys {
    store: Store,
    ids: Ids,
    cache: Cache,
    hash_key: [u8; 32],
}

impl Keys {
    /// The keys in `store`; needs [`Store::ready`]. Run [`Keys::follow`] in a task, or every look-up asks the database.
    #[must_use]
    pub fn new(store: &Store, ids: Ids) -> Self {
        let hash_key = store.instance().derive_key(HASH_CONTEXT);
        Self {
            store: store.clone(),
            ids,
            cache: Cache::new(store.clock().clone()),
            hash_key,
        }
    }

    /// The key with this id, if there is one that is neither revoked nor expired and `secret` is its secret.
    ///
    /// The comparison takes the same time for every secret.
    ///
    /// # Errors
    /// The database's own.
    pub async fn verify(
        &self,
        id: Uuid,
        secret: &[u8; 32],
    ) -> Result<Option<KeyRecord>, StoreError> {
        let hash = self.hash(secret);
        let Some(record) = self.live(id).await? else {
            return Ok(None);
        };
        Ok(bool::from(record.hash.ct_eq(&hash)).then_some(record))
    }

    async fn live(&self, id: Uuid) -> Result<Option<KeyRecord>, StoreError> {
        if let Some(record) = self.cache.get(id) {
            return Ok(Some(record));
        }
        let generation = self.cache.generation();
        let Some((record, remaining)) = rows::find_live(&self.store, id).await? else {
            return Ok(None);
        };
        self.cache.put(generation, record.clone(), remaining);
        Ok(Some(record))
    }

    /// Makes a key.
    ///
    /// # Errors
    /// The database's own; a name of a length that is not allowed is one.
    pub async fn create(&self, new: NewKey) -> Result<CreatedKey, StoreError> {
        let secret: [u8; 32] = self.store.entropy().bytes();
        let id = self.ids.next();
        let mut tx = self.store.begin().await?;
        let record = rows::insert(&mut tx, id, self.hash(&secret), &new).await?;
        rows::announce(&mut tx, change(id, Kind::Created)).await?;
        tx.commit().await?;
        Ok(CreatedKey { record, secret })
    }

    /// All keys, revoked and expired ones too, the newest first; at most `limit` before `before`.
    ///
    /// # Errors
    /// The database's own.
    pub async fn list(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        rows::list(&self.store, before.unwrap_or(Uuid::max()), limit).await
    }

    /// Revokes a key; `false` when there is none with this id that was not revoked already.
    ///
    /// # Errors
    /// The database's own.
    pub async fn revoke(&self, id: Uuid) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        if !rows::revoke(&mut tx, id).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        rows::announce(&mut tx, change(id, Kind::Deleted)).await?;
        // Before the commit nobody may trust the cache with it any more, after it nobody may have put it back.
        self.cache.forget(id);
        let committed = tx.commit().await;
        self.cache.forget(id);
        committed.map(|()| true)
    }

    /// Follows the change feed for ever, so that look-ups may use the cache.
    ///
    /// # Errors
    /// When the feed cannot be opened at the start.
    pub async fn follow(&self) -> Result<std::convert::Infallible, StoreError> {
        let mut tail = self.store.tail("keys", Start::Now).await?;
        loop {
            let asked = self.store.clock().monotonic();
            match tail.poll().await {
                Ok(polled) => {
                    if polled.lagged {
                        self.cache.clear();
                    }
                    polled
                        .entries
                        .iter()
                        .filter(|entry| entry.change.topic == TOPIC)
                        .filter_map(|entry| entry.change.key.parse().ok())
                        .for_each(|id| self.cache.forget(id));
                    self.cache.confirm(asked);
                    tail.wait().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the change feed cannot be read; keys are not cached");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    fn hash(&self, secret: &[u8; 32]) -> [u8; 32] {
        *blake3::keyed_hash(&self.hash_key, secret).as_bytes()
    }
}

fn change(id: Uuid, kind: Kind) -> Change {
    let version = if kind == Kind::Created { 1 } else { 2 };
    Change {
        topic: TOPIC.into(),
        key: id.to_string(),
        version,
        kind,
    }
}
