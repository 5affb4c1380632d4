//! Stock: its settings, what is for sale, and the sweeper.

use std::time::Duration;

use async_trait::async_trait;
use stanchion_catalog::{Catalog, CatalogError, Status};
use stanchion_http::Assortment;
use stanchion_kernel::Clock;
use stanchion_stock::{Stock, StockConfig};
use stanchion_store::Store;

use super::known_skus::KnownSkus;
use crate::commands::Session;

/// Reservations that one transaction of the sweeper ends.
const SWEPT_AT_ONCE: u32 = 500;
/// How often outcomes of keyed requests are deleted whose time is over.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// The stock of a store.
pub(crate) fn stock(session: &Session, store: &Store) -> Stock {
    let section = &session.config.stock;
    let keep = session.config.server.idempotency_keep_seconds;
    let config = StockConfig {
        strategy: section.strategy,
        lanes: section.lanes,
        lane_queue: section.lane_queue,
        batch_lines: section.batch_lines,
        deadline: Duration::from_millis(section.deadline_ms),
        attempts: section.attempts,
        keep_outcomes: Duration::from_secs(keep),
        ..StockConfig::default()
    };
    let (ids, clock, entropy) = (
        session.ids.clone(),
        session.clock.clone(),
        session.entropy.clone(),
    );
    Stock::new(store, ids, clock, entropy, config)
}

/// What the catalogue says is for sale, at most [`KnownSkus::AGE`] old.
pub(crate) struct CatalogAssortment {
    catalog: Catalog,
    known: KnownSkus,
}

impl CatalogAssortment {
    pub(crate) fn new(catalog: Catalog, clock: Clock) -> Self {
        Self {
            catalog,
            known: KnownSkus::new(clock),
        }
    }
}

#[async_trait]
impl Assortment for CatalogAssortment {
    async fn statuses(&self, skus: &[&str]) -> Result<Vec<Option<Status>>, CatalogError> {
        if let Some(statuses) = self.known.get(skus) {
            return Ok(statuses);
        }
        let statuses = self.catalog.statuses(skus).await?;
        self.known.put(skus, &statuses);
        Ok(statuses)
    }
}

/// Ends reservations whose time is over; runs on every server, beside those of the others.
pub(crate) async fn sweep(stock: Stock, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        loop {
            match stock.expire_due(SWEPT_AT_ONCE).await {
                Ok(0) => break,
                Ok(ended) => tracing::debug!(ended, "reservations have expired"),
                Err(error) => {
                    tracing::warn!(%error, "expired reservations cannot be ended");
                    break;
                }
            }
        }
    }
}

/// Deletes outcomes of keyed requests whose time is over.
pub(crate) async fn prune(stock: Stock) {
    let mut ticks = tokio::time::interval(PRUNE_EVERY);
    loop {
        ticks.tick().await;
        match stock.prune_requests().await {
            Ok(rows) => tracing::debug!(rows, "old outcomes of stock requests were deleted"),
            Err(error) => {
                tracing::warn!(%error, "old outcomes of stock requests cannot be deleted");
            }
        }
    }
}
