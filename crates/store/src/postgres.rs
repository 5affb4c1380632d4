//! PostgreSQL: the pool, and what every connection is told.

mod patience;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{Executor as _, PgPool, Postgres as Pg, Row as _};
use stanchion_kernel::Clock;

use patience::Patience;

use crate::{StoreConfig, StoreError, observe};

/// A PostgreSQL database.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    clock: Clock,
    lineage: Arc<AtomicU64>,
    patience: Patience,
}

/// A connection idle for longer is asked whether it still lives before it is used.
const PING_AFTER: Duration = Duration::from_secs(1);
const LINEAGE: &str = include_str!("postgres/lineage.sql");

impl Postgres {
    /// Connects, and fails when the server cannot be reached.
    ///
    /// # Errors
    /// [`StoreError::Config`] for a URL that cannot be used, [`StoreError::Unavailable`] when nobody answers.
    pub async fn open(config: &StoreConfig, clock: &Clock) -> Result<Self, StoreError> {
        let options = connect_options(config)?;
        let lineage = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&lineage);
        let patience = Patience::new(config, clock);
        let returned = patience.clone();
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections.max(2))
            .acquire_timeout(config.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > PING_AFTER {
                        patience::ping(connection).await?;
                    }
                    Ok(true)
                })
            })
            .after_release(move |connection, _| {
                let patience = returned.clone();
                Box::pin(async move { patience.accepts(connection).await })
            })
            .after_connect(move |connection, _| {
                let seen = Arc::clone(&seen);
                Box::pin(async move {
                    seen.store(lineage_of(connection).await?, Ordering::Relaxed);
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self {
            pool,
            clock: clock.clone(),
            lineage,
            patience,
        })
    }

    /// The pool, for statements outside a transaction.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection of the pool; how long that took is recorded.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when none comes free within `acquire_timeout`.
    pub async fn acquire(&self) -> Result<sqlx::pool::PoolConnection<Pg>, StoreError> {
        let started = self.clock.monotonic();
        let connection = self.pool.acquire().await;
        observe::pool_wait("postgres", self.clock.monotonic().saturating_sub(started));
        Ok(connection?)
    }

    /// Whether the pool could lend a connection at once. Who keeps one for longer than a call gives it back otherwise.
    #[must_use]
    pub fn has_spare(&self) -> bool {
        let most = self.pool.options().get_max_connections();
        self.pool.num_idle() > 0 || self.pool.size() < most
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// As for [`Postgres::acquire`].
    pub async fn begin(&self) -> Result<sqlx::Transaction<'static, Pg>, StoreError> {
        let started = self.clock.monotonic();
        let begin = self.pool.begin();
        let transaction = self.patience.wait(begin, patience::timed_out).await;
        observe::pool_wait("postgres", self.clock.monotonic().saturating_sub(started));
        Ok(transaction?)
    }

    /// Commits a transaction of a connection of the pool.
    ///
    /// # Errors
    /// [`StoreError::CommitUnknown`] when the connection was lost, or the server did not answer, while the commit was
    /// under way; with any other error nothing is stored.
    pub async fn commit(&self, transaction: sqlx::Transaction<'_, Pg>) -> Result<(), StoreError> {
        let commit = transaction.commit();
        let committed = self.patience.wait(commit, patience::timed_out).await;
        committed.map_err(StoreError::of_commit)
    }

    /// Runs a statement that `run` sends, and records its time under `name`.
    ///
    /// # Errors
    /// Those of `run`, and that of a lost connection when the server does not answer although it should have cancelled
    /// the statement by now.
    pub async fn timed<T, E: From<sqlx::Error>>(
        &self,
        name: &'static str,
        run: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.recorded(name, run, || patience::timed_out().into())
            .await
    }

    /// As [`Postgres::timed`], for a `run` that commits.
    ///
    /// # Errors
    /// Those of `run`, and [`StoreError::CommitUnknown`] when the server does not answer.
    pub async fn timed_commit<T, E: From<StoreError>>(
        &self,
        name: &'static str,
        run: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.recorded(name, run, || {
            StoreError::of_commit(patience::timed_out()).into()
        })
        .await
    }

    async fn recorded<T, E>(
        &self,
        name: &'static str,
        run: impl Future<Output = Result<T, E>>,
        lost: impl FnOnce() -> E,
    ) -> Result<T, E> {
        let started = self.clock.monotonic();
        let result = self.patience.wait(run, lost).await;
        observe::statement(
            name,
            self.clock.monotonic().saturating_sub(started),
            result.is_ok(),
        );
        result
    }

    /// Which history of which cluster the newest connection reached; another number after a failover or a restore.
    pub(crate) fn lineage(&self) -> u64 {
        self.lineage.load(Ordering::Relaxed)
    }
}

fn connect_options(config: &StoreConfig) -> Result<PgConnectOptions, StoreError> {
    let options: PgConnectOptions = config
        .url
        .parse()
        .map_err(|error: sqlx::Error| StoreError::Config(error.to_string()))?;
    let millis = |limit: Duration| limit.as_millis().to_string();
    Ok(options
        .application_name("stanchion")
        .statement_cache_capacity(256)
        .options([
            ("statement_timeout", millis(config.statement_timeout)),
            ("lock_timeout", millis(config.acquire_timeout)),
            (
                "idle_in_transaction_session_timeout",
                millis(config.idle_transaction_timeout),
            ),
            ("timezone", "UTC".to_owned()),
            // Statements here take milliseconds: starting workers or compiling for one takes longer than it saves.
            ("max_parallel_workers_per_gather", "0".to_owned()),
            ("jit", "off".to_owned()),
        ]))
}

async fn lineage_of(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let row = connection.fetch_one(LINEAGE).await?;
    let (system, timeline): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
    let hash = blake3::hash(format!("{system}/{timeline}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    Ok(u64::from_le_bytes(first))
}
