use stanchion_jobs::conformance::{Subject, over};
use stanchion_jobs::port::open as broker;
use stanchion_kernel::{Clock, Entropy};
use stanchion_store::{Migrations, Store, StoreConfig};
use stanchion_testkit::{Database, Postgres};
use tempfile::TempDir;

pub(crate) const MIGRATIONS: [Migrations; 2] =
    [stanchion_store::MIGRATIONS, stanchion_jobs::MIGRATIONS];

/// A fresh, empty queue as two servers have it; what is beside it keeps its database alive.
pub(crate) async fn sqlite() -> (Subject, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_url(&folder);
    open(&url).await.migrate(&MIGRATIONS).await.unwrap();
    (subject(&url).await, folder)
}

/// The URL of a database that [`sqlite`] made.
pub(crate) fn sqlite_url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("jobs.db").display())
}

/// As [`sqlite`], on the shared PostgreSQL server.
pub(crate) async fn postgres() -> (Subject, Database) {
    let server = Postgres::shared().await;
    let migrate = |url: String| async move {
        open(&url).await.migrate(&MIGRATIONS).await.unwrap();
    };
    let database = server.database("jobs", migrate).await;
    (subject(database.url()).await, database)
}

pub(crate) async fn open(url: &str) -> Store {
    let config = StoreConfig {
        max_connections: 4,
        ..StoreConfig::new(url)
    };
    Store::open(config, Clock::system(), Entropy::system())
        .await
        .unwrap()
}

async fn subject(url: &str) -> Subject {
    let (store, elsewhere) = (open(url).await, open(url).await);
    store.ready().await.unwrap();
    elsewhere.ready().await.unwrap();
    let (port, other) = (broker(&store), broker(&elsewhere));
    over(store, port, other)
}
