//! Looks at the server's settings, again and again: what was safe at the start need not be later.

use std::sync::{Arc, Mutex, PoisonError};

use redis::RedisResult;
use redis::aio::MultiplexedConnection;

use super::config::RedisConfig;
use super::link::{Connector, failure};
use super::standing::{Settings, Setup, Standing};
use crate::LimiterError;
use crate::observe;

const SETTINGS: &[&str] = &[
    "min-replicas-to-write",
    "min-replicas-max-lag",
    "maxmemory",
    "maxmemory-policy",
];

/// What is known of the server now; `None` as long as nobody has seen it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Option<Standing>>>);

impl Seen {
    pub(super) fn get(&self) -> Option<Standing> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Says what has changed, once.
    fn set(&self, standing: Standing) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref() == Some(&standing) {
            return;
        }
        observe::promise(standing.promise);
        for remark in &standing.remarks {
            tracing::warn!(promise = ?standing.promise, "the limits are not exact through a failover: {remark}");
        }
        *seen = Some(standing);
    }
}

pub(super) struct Probe {
    connector: Connector,
    setup: Setup,
    seen: Seen,
    connection: Option<MultiplexedConnection>,
}

impl Probe {
    pub(super) fn new(connector: Connector, config: &RedisConfig, seen: Seen) -> Self {
        let setup = Setup {
            quarantine: config.quarantine,
            after_last_write: config.after_last_write(),
            acknowledged_by: config.acknowledged_by,
        };
        Self {
            connector,
            setup,
            seen,
            connection: None,
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// [`LimiterError::Config`] when the server cannot be used as it is, [`LimiterError::Unavailable`] when it is not
    /// there.
    pub(super) async fn look(&mut self) -> Result<(), LimiterError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self
                .connector
                .connect()
                .await
                .map_err(|error| failure(&error))?,
        };
        let settings = read(&mut connection)
            .await
            .map_err(|error| failure(&error))?;
        settings.refuse_old()?;
        // One that is no primary any more is left, and the next look finds the one that is.
        if settings.role == "master" {
            self.connection = Some(connection);
            self.seen.set(settings.assess(&self.setup));
        }
        Ok(())
    }
}

async fn read(connection: &mut MultiplexedConnection) -> RedisResult<Settings> {
    let info: String = redis::cmd("INFO").query_async(connection).await?;
    let config: RedisResult<Vec<(String, String)>> = redis::cmd("CONFIG")
        .arg("GET")
        .arg(SETTINGS)
        .query_async(connection)
        .await;
    // Managed servers do not tell; then their settings are not trusted either.
    Ok(Settings::parse(&info, config.ok().as_deref()))
}
