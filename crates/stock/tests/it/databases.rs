use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_stock::conformance::{Subject, config};
use stanchion_stock::{Stock, Strategy};
use stanchion_store::{Migrations, Store, StoreConfig};
use stanchion_testkit::{Database, Postgres};
use tempfile::TempDir;

pub(crate) const MIGRATIONS: [Migrations; 2] =
    [stanchion_store::MIGRATIONS, stanchion_stock::MIGRATIONS];

/// A fresh, empty ledger as two servers have it; what is beside it keeps its database alive.
pub(crate) async fn sqlite(strategy: Strategy) -> (Subject, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("stock.db").display());
    open(&url).await.migrate(&MIGRATIONS).await.unwrap();
    (subject(&url, strategy).await, folder)
}

/// As [`sqlite`], on the shared PostgreSQL server.
pub(crate) async fn postgres(strategy: Strategy) -> (Subject, Database) {
    let server = Postgres::shared().await;
    let migrate = |url: String| async move {
        open(&url).await.migrate(&MIGRATIONS).await.unwrap();
    };
    let database = server.database("stock", migrate).await;
    (subject(database.url(), strategy).await, database)
}

/// A ledger that has one connection for itself, beside the one on which its store listens.
pub(crate) async fn on_one_connection(url: &str, strategy: Strategy) -> (Store, Stock) {
    let store = open_with(url, 2).await;
    let stock = stock(&store, strategy);
    (store, stock)
}

async fn open(url: &str) -> Store {
    open_with(url, 4).await
}

async fn open_with(url: &str, max_connections: u32) -> Store {
    let config = StoreConfig {
        max_connections,
        ..StoreConfig::new(url)
    };
    Store::open(config, Clock::system(), Entropy::system())
        .await
        .unwrap()
}

async fn subject(url: &str, strategy: Strategy) -> Subject {
    let (store, elsewhere) = (open(url).await, open(url).await);
    store.ready().await.unwrap();
    elsewhere.ready().await.unwrap();
    let (stock, other) = (stock(&store, strategy), stock(&elsewhere, strategy));
    Subject {
        store,
        stock,
        other,
    }
}

fn stock(store: &Store, strategy: Strategy) -> Stock {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let ids = Ids::new(clock.clone(), entropy.clone());
    Stock::new(store, ids, clock, entropy, config(strategy))
}
