//! The database: settings, connection, and the rule of who may change the schema.

use std::time::Duration;

use anyhow::Context as _;
use stanchion_store::{Backend, Migrations, Store, StoreConfig};

use crate::commands::Session;
use crate::config::Config;

/// The schemas of all crates, in the order in which they build on each other.
pub(crate) const MIGRATIONS: [Migrations; 5] = [
    stanchion_store::MIGRATIONS,
    stanchion_catalog::MIGRATIONS,
    stanchion_stock::MIGRATIONS,
    stanchion_jobs::MIGRATIONS,
    stanchion_limiter::registry::MIGRATIONS,
];

/// Connects, whatever the schema.
pub(crate) async fn connect(session: &Session) -> anyhow::Result<Store> {
    let settings = store_config(&session.config);
    let store = Store::open(settings, session.clock.clone(), session.entropy.clone()).await;
    store.with_context(|| format!("cannot open {}", session.config.database.url))
}

/// Connects to a database that is ready for use.
///
/// SQLite migrates itself, since nobody else runs it. An old PostgreSQL schema is refused with the command to run, unless
/// `database.auto_migrate` allows the change: a rollout should decide when that happens.
pub(crate) async fn open(session: &Session) -> anyhow::Result<Store> {
    let store = connect(session).await?;
    let sqlite = matches!(store.backend(), Backend::Sqlite(_));
    if sqlite || session.config.database.auto_migrate {
        let applied = store.migrate(&MIGRATIONS).await?;
        if applied > 0 {
            tracing::info!(applied, "the schema was migrated");
        }
    } else {
        store.check_schema(&MIGRATIONS).await?;
    }
    store.ready().await?;
    Ok(store)
}

fn store_config(config: &Config) -> StoreConfig {
    let (database, feed) = (&config.database, &config.feed);
    StoreConfig {
        url: database.url.reveal().to_owned(),
        max_connections: database.max_connections,
        acquire_timeout: Duration::from_millis(database.acquire_timeout_ms),
        statement_timeout: Duration::from_millis(database.statement_timeout_ms),
        idle_transaction_timeout: Duration::from_millis(database.idle_transaction_timeout_ms),
        write_queue: database.write_queue,
        max_bytes: database.max_bytes,
        feed_poll: Duration::from_millis(feed.poll_ms),
        feed_retention: Duration::from_secs(feed.retention_seconds),
        secret: config
            .auth
            .secret
            .as_ref()
            .map(|secret| secret.reveal().as_bytes().to_vec()),
    }
}
