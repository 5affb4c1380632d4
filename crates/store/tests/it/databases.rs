use stanchion_kernel::{Clock, Entropy};
use stanchion_store::{MIGRATIONS, Store, StoreConfig};
use stanchion_testkit::{Database, Postgres, PostgresOptions};
use tempfile::TempDir;

/// What keeps a test's database alive.
pub(crate) enum Guard {
    Folder(TempDir),
    Database(Database),
    Server(Postgres),
}

impl Guard {
    /// Another handle on the same database, as another process would have it.
    pub(crate) async fn open_again(&self) -> Store {
        ready(open(StoreConfig::new(self.url())).await).await
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Folder(folder) => format!("sqlite:{}", folder.path().join("store.db").display()),
            Self::Database(database) => database.url().to_owned(),
            Self::Server(server) => server.url(),
        }
    }
}

pub(crate) async fn sqlite() -> (Store, Guard) {
    let guard = Guard::Folder(tempfile::tempdir().unwrap());
    let store = open(StoreConfig::new(guard.url())).await;
    store.migrate(&[MIGRATIONS]).await.unwrap();
    (ready(store).await, guard)
}

pub(crate) async fn postgres() -> (Store, Guard) {
    let server = Postgres::shared().await;
    let migrate = |url: String| async move {
        open(StoreConfig::new(url))
            .await
            .migrate(&[MIGRATIONS])
            .await
            .unwrap();
    };
    let guard = Guard::Database(server.database("store", migrate).await);
    (guard.open_again().await, guard)
}

/// As [`postgres`], on a server of its own: transaction numbers are the whole server's, and so are other tests'.
pub(crate) async fn postgres_alone() -> (Store, Guard) {
    let guard = Guard::Server(Postgres::start(PostgresOptions::default()).await);
    let store = open(StoreConfig::new(guard.url())).await;
    store.migrate(&[MIGRATIONS]).await.unwrap();
    (ready(store).await, guard)
}

pub(crate) async fn open(config: StoreConfig) -> Store {
    let config = StoreConfig {
        max_connections: 6,
        ..config
    };
    Store::open(config, Clock::system(), Entropy::system())
        .await
        .unwrap()
}

async fn ready(store: Store) -> Store {
    store.ready().await.unwrap();
    store
}

/// One test per database for each promise that both keep.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (store, guard) = crate::databases::sqlite().await;
                super::$name(store, guard).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (store, guard) = crate::databases::postgres().await;
                super::$name(store, guard).await;
            })*
        }
    };
}
pub(crate) use on_both;
