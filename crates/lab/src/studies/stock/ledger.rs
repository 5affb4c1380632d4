//! Ledgers full of stock.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_stock::{Adjust, Lines, Reserve, Stock, StockConfig, StockError, Strategy};
use stanchion_store::{Migrations, Store, StoreConfig};

use super::Bench;
use super::cells::{Measured, Spread};
use super::skus::Skus;
use crate::database::{Database, Empty};

const MIGRATIONS: [Migrations; 2] = [stanchion_store::MIGRATIONS, stanchion_stock::MIGRATIONS];
/// More than any study reserves.
const PIECES: i64 = 1_000_000_000;
/// Receipts under way while a ledger is filled.
const RECEIPTS: usize = 256;
/// Beyond so many clients the pool does not grow.
const MOST_CONNECTIONS: usize = 64;

/// A fresh database with stock of every SKU of a spread.
pub(super) struct Ledger {
    url: String,
    skus: Arc<Skus>,
    _database: Option<stanchion_testkit::Database>,
}

impl Ledger {
    pub(super) async fn fill(
        bench: &Bench,
        database: Database,
        spread: Spread,
    ) -> anyhow::Result<Self> {
        let empty = database.empty(&bench.postgres, bench.folder.path());
        let Empty { url, database } = empty.await?;
        let ledger = Self {
            url,
            skus: Arc::new(Skus::of(spread)),
            _database: database,
        };
        ledger.store(1).await?.migrate(&MIGRATIONS).await?;
        ledger.receive().await?;
        Ok(ledger)
    }

    async fn receive(&self) -> anyhow::Result<()> {
        let stock = self.stock(8, StockConfig::default()).await?;
        let receipts = self.skus.names().iter().map(|sku| Adjust {
            sku: sku.clone(),
            delta: PIECES,
            ..Adjust::default()
        });
        let receipts = receipts.map(|receipt| stock.adjust(receipt, Some(Strategy::Batched)));
        let receipts = futures_util::stream::iter(receipts).buffer_unordered(RECEIPTS);
        receipts.map_ok(drop).try_collect::<()>().await?;
        Ok(())
    }

    async fn store(&self, connections: usize) -> anyhow::Result<Store> {
        let config = StoreConfig {
            // One more, on which the store may listen.
            max_connections: u32::try_from(connections + 1)?,
            ..StoreConfig::new(&self.url)
        };
        Ok(Store::open(config, Clock::system(), Entropy::system()).await?)
    }

    async fn stock(&self, connections: usize, config: StockConfig) -> anyhow::Result<Stock> {
        let store = self.store(connections).await?;
        store.ready().await?;
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let ids = Ids::new(clock.clone(), entropy.clone());
        Ok(Stock::new(&store, ids, clock, entropy, config))
    }

    /// Keeps `clients` reservations of one piece under way, each client with a connection, as pgbench has it.
    pub(super) async fn load(
        &self,
        bench: &Bench,
        clients: usize,
        config: StockConfig,
    ) -> anyhow::Result<Measured> {
        let connections = clients.min(MOST_CONNECTIONS);
        self.load_on(bench, clients, connections, config).await
    }

    /// As [`Ledger::load`], on a pool of so many connections.
    pub(super) async fn load_on(
        &self,
        bench: &Bench,
        clients: usize,
        connections: usize,
        config: StockConfig,
    ) -> anyhow::Result<Measured> {
        let stock = self.stock(connections, config).await?;
        let skus = Arc::clone(&self.skus);
        let call = move |share: f64| {
            let (stock, skus) = (stock.clone(), Arc::clone(&skus));
            async move { reserve(&stock, skus.at(share)).await }
        };
        bench.load(clients, call).await
    }
}

async fn reserve(stock: &Stock, sku: &str) -> Result<(), StockError> {
    let lines = Lines::one(sku, 1).map_err(stanchion_stock::Invalid::from)?;
    let reserve = Reserve {
        lines,
        ttl: None,
        key: None,
    };
    stock.reserve(reserve, None).await.map(drop)
}

/// The configuration of a strategy.
pub(super) fn fixed(strategy: Strategy) -> StockConfig {
    StockConfig {
        strategy,
        ..StockConfig::default()
    }
}

/// Optimistic without pauses: until it succeeds or its time is over.
pub(super) fn immediate() -> StockConfig {
    StockConfig {
        attempts: u32::MAX,
        first_pause: std::time::Duration::ZERO,
        longest_pause: std::time::Duration::ZERO,
        ..fixed(Strategy::Optimistic)
    }
}
