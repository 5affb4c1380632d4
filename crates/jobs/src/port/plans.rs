//! Which index serves which statement, on tables large enough for a planner to mean it.

use stanchion_kernel::{Clock, Entropy};
use stanchion_store::{Store, StoreConfig};

use super::MIGRATIONS;

/// Rows of each table.
pub(crate) const ROWS: usize = 50_000;

/// A queue with empty tables at `url`.
pub(crate) async fn migrated(url: &str) -> Store {
    let config = StoreConfig::new(url);
    let store = Store::open(config, Clock::system(), Entropy::system())
        .await
        .unwrap();
    store
        .migrate(&[stanchion_store::MIGRATIONS, MIGRATIONS])
        .await
        .unwrap();
    store.ready().await.unwrap();
    store
}
