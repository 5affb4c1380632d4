use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use rusqlite::Connection;
use stanchion_kernel::Clock;
use tokio::sync::oneshot;

use super::connection::{Deadline, bound_time, wait_for_locks_up_to};
use crate::{StoreConfig, StoreError, observe};

/// A read, with the place where its answer goes.
type Job = Box<dyn FnOnce(&Connection, Duration) + Send>;

/// Reads that may wait for a reader thread; more are refused at once.
const QUEUE: usize = 4096;

/// The reader threads of one file.
#[derive(Debug)]
pub(super) struct Readers {
    jobs: Sender<Job>,
    clock: Clock,
}

impl Readers {
    /// Starts a thread for each connection; they end when this is dropped.
    pub(super) fn start(
        connections: Vec<Connection>,
        config: &StoreConfig,
        clock: &Clock,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = bounded::<Job>(QUEUE);
        for (n, connection) in connections.into_iter().enumerate() {
            let reader = Reader {
                queue: queue.clone(),
                clock: clock.clone(),
                deadline: Deadline::default(),
                statement_timeout: config.statement_timeout,
                lock_timeout: config.acquire_timeout,
            };
            bound_time(&connection, clock.clone(), reader.deadline.clone())?;
            std::thread::Builder::new()
                .name(format!("sqlite-read-{n}"))
                .spawn(move || reader.run(&connection))
                .map_err(|error| StoreError::Unavailable(format!("no thread: {error}")))?;
        }
        Ok(Self {
            jobs,
            clock: clock.clone(),
        })
    }

    pub(super) async fn run<T, E, F>(&self, read: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let asked = self.clock.monotonic();
        let job: Job = Box::new(move |connection, started| {
            observe::pool_wait("sqlite-read", started.saturating_sub(asked));
            // The caller may have gone away meanwhile; then nobody needs the answer.
            if !answer.is_closed() {
                let _ = answer.send(in_one_snapshot(connection, read));
            }
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy("the queue of reads is full"),
            TrySendError::Disconnected(_) => StoreError::Unavailable("readers ended".to_owned()),
        })?;
        answered
            .await
            .map_err(|_| StoreError::Unavailable("the read was abandoned".to_owned()))?
    }
}

struct Reader {
    queue: Receiver<Job>,
    clock: Clock,
    deadline: Deadline,
    statement_timeout: Duration,
    lock_timeout: Duration,
}

impl Reader {
    fn run(self, connection: &Connection) {
        wait_for_locks_up_to(self.lock_timeout);
        for job in &self.queue {
            let now = self.clock.monotonic();
            self.deadline
                .set(now.saturating_add(self.statement_timeout));
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                job(connection, now);
            }));
            if outcome.is_err() {
                tracing::error!("a read panicked; its caller gets an error, the reader goes on");
            }
        }
    }
}

/// Several statements of one read see one state of the database.
fn in_one_snapshot<T, E, F>(connection: &Connection, read: F) -> Result<T, E>
where
    E: From<StoreError>,
    F: FnOnce(&Connection) -> Result<T, E>,
{
    let snapshot = connection
        .unchecked_transaction()
        .map_err(StoreError::from)?;
    let result = read(&snapshot);
    snapshot.finish().map_err(StoreError::from)?;
    result
}
