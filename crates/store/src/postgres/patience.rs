//! The end of waiting for a server that vanished: no reset arrives, and TCP would wait for a quarter of an hour.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use stanchion_kernel::Clock;

use crate::StoreConfig;

/// How long a connection may take to say that it is ready.
const PING: Duration = Duration::from_secs(1);
/// What an answer takes on its way, at most.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// For so long after an answer that nobody waited for, connections are asked before they go back to the pool.
const SUSPICIOUS: Duration = Duration::from_mins(1);

/// How long answers are waited for, and whether one was not waited for lately.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    clock: Clock,
    limit: Duration,
    suspicious_until: Arc<AtomicU64>,
}

impl Patience {
    /// By then the server itself has cancelled the statement, or the wait for its lock.
    pub(super) fn new(config: &StoreConfig, clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            limit: config.statement_timeout + config.acquire_timeout + ON_ITS_WAY,
            suspicious_until: Arc::default(),
        }
    }

    /// What `run` answers, or `lost` when it takes too long.
    ///
    /// Its connection may be in the middle of an answer, then or when the caller goes away; the pool would wait for the
    /// rest before it lends the connection again. So the pool is warned before the connection reaches it.
    pub(super) async fn wait<T, E>(
        &self,
        run: impl Future<Output = Result<T, E>>,
        lost: impl FnOnce() -> E,
    ) -> Result<T, E> {
        let run = std::pin::pin!(tokio::time::timeout(self.limit, run));
        // Declared after what it watches, and so dropped before it.
        let mut unanswered = Unanswered(Some(self));
        match run.await {
            Ok(answer) => {
                unanswered.0 = None;
                answer
            }
            Err(_) => Err(lost()),
        }
    }

    /// Whether a connection that comes back may be lent again.
    pub(super) async fn accepts(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        if micros(self.clock.monotonic()) > self.suspicious_until.load(Ordering::Relaxed) {
            return Ok(true);
        }
        ping(connection).await.map(|()| true)
    }
}

/// Asks whether the server is there.
pub(super) async fn ping(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let ping = tokio::time::timeout(PING, connection.ping());
    ping.await.unwrap_or_else(|_| Err(timed_out()))
}

/// The error of an answer that did not arrive.
pub(super) fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}

struct Unanswered<'a>(Option<&'a Patience>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(patience) = self.0 {
            let until = patience.clock.monotonic() + SUSPICIOUS;
            patience
                .suspicious_until
                .store(micros(until), Ordering::Relaxed);
        }
    }
}

fn micros(moment: Duration) -> u64 {
    u64::try_from(moment.as_micros()).unwrap_or(u64::MAX)
}
