use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::Connection;
use stanchion_kernel::Clock;

use super::connection::{Deadline, bound_time, fail_when_locked, was_locked};
use crate::{StoreConfig, StoreError};

/// Connections for reads of a row by its key, which take less time than a change of threads: they run on the calling
/// thread when a connection is free, and wait for nothing.
#[derive(Debug)]
pub(super) struct Lookups {
    places: Vec<Mutex<Connection>>,
    deadline: Deadline,
    clock: Clock,
    statement_timeout: Duration,
}

impl Lookups {
    pub(super) fn new(
        connections: Vec<Connection>,
        config: &StoreConfig,
        clock: &Clock,
    ) -> Result<Self, StoreError> {
        let deadline = Deadline::default();
        for connection in &connections {
            fail_when_locked(connection)?;
            bound_time(connection, clock.clone(), deadline.clone())?;
        }
        Ok(Self {
            places: connections.into_iter().map(Mutex::new).collect(),
            deadline,
            clock: clock.clone(),
            statement_timeout: config.statement_timeout,
        })
    }

    /// A place that is free.
    fn free(&self) -> Option<MutexGuard<'_, Connection>> {
        self.places.iter().find_map(|place| match place.try_lock() {
            Ok(connection) => Some(connection),
            // A read leaves nothing half done behind.
            Err(TryLockError::Poisoned(poisoned)) => Some(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) => None,
        })
    }

    /// What `read` answers; `None` when no connection is free, or the file was locked for the moment.
    pub(super) fn run<T, E>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let connection = self.free()?;
        // Shared by all places: whoever sets it later only gives the others more time.
        let now = self.clock.monotonic();
        self.deadline
            .set(now.saturating_add(self.statement_timeout));
        let result = read(&connection);
        (result.is_ok() || !was_locked()).then_some(result)
    }
}
