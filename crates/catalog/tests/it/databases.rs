use stanchion_catalog::Catalog;
use stanchion_catalog::conformance::Subject;
use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_store::{Migrations, Store, StoreConfig};
use stanchion_testkit::{Database, Postgres};
use tempfile::TempDir;

pub(crate) const MIGRATIONS: [Migrations; 2] =
    [stanchion_store::MIGRATIONS, stanchion_catalog::MIGRATIONS];

/// A fresh, migrated, empty catalogue; what is beside it keeps its database alive.
pub(crate) async fn sqlite() -> (Subject, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("catalog.db").display());
    let store = open(&url).await;
    store.migrate(&MIGRATIONS).await.unwrap();
    (subject(store).await, folder)
}

/// As [`sqlite`], on the shared PostgreSQL server.
pub(crate) async fn postgres() -> (Subject, Database) {
    let server = Postgres::shared().await;
    let migrate = |url: String| async move {
        open(&url).await.migrate(&MIGRATIONS).await.unwrap();
    };
    let database = server.database("catalog", migrate).await;
    (subject(open(database.url()).await).await, database)
}

async fn open(url: &str) -> Store {
    let config = StoreConfig {
        max_connections: 4,
        ..StoreConfig::new(url)
    };
    Store::open(config, Clock::system(), Entropy::system())
        .await
        .unwrap()
}

async fn subject(store: Store) -> Subject {
    store.ready().await.unwrap();
    let catalog = Catalog::new(&store, Ids::new(Clock::system(), Entropy::system()));
    Subject { store, catalog }
}
