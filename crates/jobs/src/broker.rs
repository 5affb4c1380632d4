use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Entropy;
use stanchion_store::{Backend, Store, StoreConfig, StoreError};

use crate::port::{self, Port};

type Opening = Pin<Box<dyn Future<Output = Result<Arc<dyn Port>, StoreError>> + Send>>;

/// A broker as a worker needs it: a port, and another one on connections of its own for the thread that renews leases,
/// which must not wait for what blocks the worker's threads or fills its pool. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    port: Arc<dyn Port>,
    reopen: Arc<dyn Fn(Duration) -> Opening + Send + Sync>,
}

/// The least that a statement of the renewing thread may take.
const SHORTEST_STATEMENT: Duration = Duration::from_millis(100);

impl Broker {
    /// The broker that is the database of `store`.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        let own = store.clone();
        Self {
            port: port::open(store),
            reopen: Arc::new(move |patience| Box::pin(open_beside(own.clone(), patience))),
        }
    }

    /// A broker of another kind, or a decorator. `reopen` is called on a runtime of its own, on which the port that it
    /// answers is used; it is told how long a call of that port may take.
    pub fn over<F, T>(port: Arc<dyn Port>, reopen: F) -> Self
    where
        F: Fn(Duration) -> T + Send + Sync + 'static,
        T: Future<Output = Result<Arc<dyn Port>, StoreError>> + Send + 'static,
    {
        Self {
            port,
            reopen: Arc::new(move |patience| Box::pin(reopen(patience))),
        }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> &Arc<dyn Port> {
        &self.port
    }

    /// Another port, on connections that belong to the runtime of the caller.
    ///
    /// # Errors
    /// The database's own.
    pub async fn open_beside(&self, patience: Duration) -> Result<Arc<dyn Port>, StoreError> {
        (self.reopen)(patience).await
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Broker").field(&self.port).finish()
    }
}

async fn open_beside(store: Store, patience: Duration) -> Result<Arc<dyn Port>, StoreError> {
    match store.backend() {
        // Its threads answer whichever runtime asks, and a second writer would only wait for the first one's lock.
        Backend::Sqlite(_) => Ok(port::open(&store)),
        Backend::Postgres(_) => {
            let patience = patience.max(SHORTEST_STATEMENT);
            let config = StoreConfig {
                // For renewals, for rescues, and one on which the store listens.
                max_connections: 3,
                acquire_timeout: patience,
                statement_timeout: patience,
                ..store.config().clone()
            };
            let own = Store::open(config, store.clock().clone(), Entropy::system()).await?;
            Ok(port::open(&own))
        }
    }
}
