use std::fmt;

use async_trait::async_trait;
use stanchion_store::StoreError;
use stanchion_store::feed::{Change, Kind};

use super::{MAX_STORED, Precondition, RegistryError, Stored, TOPIC};
use crate::{Limit, LimitName};

/// A database for limits.
///
/// A change, the version that it gets and its announcement are written in one transaction or not at all. Changes are
/// serial: each gets a version newer than all before it, and sees what they left.
#[async_trait]
pub(super) trait Shelf: Send + Sync + fmt::Debug {
    /// All limits, by name.
    async fn list(&self) -> Result<Vec<Stored>, StoreError>;

    /// A limit by its name.
    async fn find(&self, name: &LimitName) -> Result<Option<Stored>, StoreError>;

    /// Stores a limit, if the precondition allows it; answers whether it is new.
    async fn put(
        &self,
        limit: Limit,
        precondition: Precondition,
    ) -> Result<(Stored, bool), RegistryError>;

    /// Removes a limit, if it is there and the precondition allows it; answers the version of the change.
    async fn delete(
        &self,
        name: &LimitName,
        precondition: Precondition,
    ) -> Result<i64, RegistryError>;
}

/// Whether a limit may be stored where one of version `current` is, among `count` others.
pub(super) fn may_put(
    precondition: &Precondition,
    current: Option<i64>,
    count: i64,
) -> Result<(), RegistryError> {
    if !precondition.allows(current) {
        return Err(RegistryError::Conflict { current });
    }
    let is_full = usize::try_from(count).is_ok_and(|count| count >= MAX_STORED);
    if current.is_none() && is_full {
        return Err(RegistryError::Full);
    }
    Ok(())
}

/// Whether a limit of version `current` may be removed.
pub(super) fn may_delete(
    precondition: &Precondition,
    current: Option<i64>,
) -> Result<(), RegistryError> {
    match current {
        Some(_) if precondition.allows(current) => Ok(()),
        Some(_) => Err(RegistryError::Conflict { current }),
        None if *precondition == Precondition::None => Err(RegistryError::NotFound),
        None => Err(RegistryError::Conflict { current }),
    }
}

pub(super) fn change(name: &LimitName, version: i64, kind: Kind) -> Change {
    Change {
        topic: TOPIC.into(),
        key: name.to_string(),
        version,
        kind,
    }
}
