use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::Postgres;

const NOTIFY: &str = include_str!("notify_postgres.sql");
const CHANNEL: &str = "stanchion_feed";
/// A hint is not sent sooner after another; within this process hints do not wait.
const SEND_PAUSE: Duration = Duration::from_millis(2);
/// A listener that lost its connection tries again after this; meanwhile the poll serves alone.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);
/// A listener that hears nothing for this long connects anew: of a server that vanished it would never hear.
const SILENCE: Duration = Duration::from_mins(1);

/// Says to consumers, here and on other servers, that the feed may have grown.
///
/// On PostgreSQL the `NOTIFY` is sent after the commit and not in its transaction: notifying transactions commit one
/// after another across the whole server, and a hint need not be exact. Hints that follow closely become one.
#[derive(Clone, Debug)]
pub(crate) struct Hint {
    here: watch::Sender<u64>,
    elsewhere: Option<Arc<Elsewhere>>,
}

#[derive(Debug)]
struct Elsewhere {
    wanted: Arc<Notify>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Hint {
    /// Hints within this process.
    pub(crate) fn local() -> Self {
        Self {
            here: watch::Sender::new(0),
            elsewhere: None,
        }
    }

    /// Hints within this process and by `NOTIFY`.
    pub(crate) fn postgres(postgres: &Postgres) -> Self {
        let here = watch::Sender::new(0);
        let wanted = Arc::new(Notify::new());
        let tasks = [
            tokio::spawn(send(postgres.clone(), Arc::clone(&wanted))),
            tokio::spawn(listen(postgres.pool().clone(), here.clone())),
        ];
        Self {
            here,
            elsewhere: Some(Arc::new(Elsewhere { wanted, tasks })),
        }
    }

    /// The feed may have grown.
    pub(crate) fn give(&self) {
        self.here
            .send_modify(|count| *count = count.wrapping_add(1));
        if let Some(elsewhere) = &self.elsewhere {
            elsewhere.wanted.notify_one();
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.here.subscribe()
    }
}

/// Hears hints, for who looks for news in tables of its own. Hints may be lost, and may be about something else.
#[derive(Debug)]
pub struct Listener(watch::Receiver<u64>);

impl Listener {
    pub(crate) fn new(hint: &Hint) -> Self {
        Self(hint.subscribe())
    }

    /// Waits for a hint that came after the last call, at most for so long; answers whether there was one.
    pub async fn wait(&mut self, at_most: Duration) -> bool {
        let heard = async {
            if self.0.changed().await.is_err() {
                // Nobody gives hints any more; the caller polls.
                std::future::pending::<()>().await;
            }
        };
        tokio::time::timeout(at_most, heard).await.is_ok()
    }
}

async fn send(postgres: Postgres, wanted: Arc<Notify>) {
    loop {
        wanted.notified().await;
        let notify = sqlx::query(NOTIFY).bind(CHANNEL).execute(postgres.pool());
        if let Err(error) = postgres.timed("feed_notify", notify).await {
            tracing::debug!(%error, "a hint was not sent; consumers poll");
        }
        // Each costs a commit: what is hinted meanwhile becomes one.
        tokio::time::sleep(SEND_PAUSE).await;
    }
}

async fn listen(pool: PgPool, here: watch::Sender<u64>) {
    loop {
        if let Err(error) = receive(&pool, &here).await {
            tracing::debug!(%error, "hints do not arrive; consumers poll");
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

async fn receive(pool: &PgPool, here: &watch::Sender<u64>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // `None`: the connection was lost and made again; something may have been missed meanwhile.
        let Ok(heard) = tokio::time::timeout(SILENCE, listener.try_recv()).await else {
            return Ok(());
        };
        heard?;
        here.send_modify(|count| *count = count.wrapping_add(1));
    }
}
