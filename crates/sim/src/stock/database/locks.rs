use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stanchion_store::StoreError;
use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

/// How long a transaction waits for a lock. It also ends every deadlock.
const LOCK_TIMEOUT: Duration = Duration::from_millis(1500);

/// Locks by name, in the order of their requests.
#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<BTreeMap<String, Arc<Lock<()>>>>);

/// The locks of a transaction. They are free again when it ends, also when whoever began it is gone.
#[derive(Debug, Default)]
pub(crate) struct Held(BTreeMap<String, OwnedMutexGuard<()>>);

impl Locks {
    pub(super) async fn lock(&self, held: &mut Held, name: String) -> Result<(), StoreError> {
        if held.0.contains_key(&name) {
            return Ok(());
        }
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(name.clone()).or_default())
        };
        let guard = tokio::time::timeout(LOCK_TIMEOUT, lock.lock_owned())
            .await
            .map_err(|_| StoreError::Busy("a row lock did not come free"))?;
        held.0.insert(name, guard);
        Ok(())
    }
}
