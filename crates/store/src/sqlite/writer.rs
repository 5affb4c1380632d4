use std::time::Duration;

use metrics::{gauge, histogram};
use rusqlite::Connection;
use stanchion_kernel::Clock;
use tokio::sync::{mpsc, oneshot};

use super::connection::wait_for_locks_up_to;
use super::session::{self, SqliteTx};
use crate::{StoreConfig, StoreError, observe};

/// The most writes that one commit carries, so that the first of them does not wait for long.
const GROUP: usize = 256;

/// A write that waits for the group's commit before it answers.
trait Write: Send {
    /// Does the write; `false` asks for its savepoint to be undone.
    fn apply(&mut self, connection: &Connection) -> bool;
    /// Answers the caller; `fate` says why the group's commit failed, if it did.
    fn settle(self: Box<Self>, fate: Result<(), StoreError>);
}

/// What waits in the writer's queue.
enum Job {
    Grouped(Box<dyn Write>),
    Session(oneshot::Sender<Result<SqliteTx, StoreError>>),
}

/// The queue in front of the one writer thread of this process.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    clock: Clock,
    acquire_timeout: Duration,
}

impl Writer {
    /// Starts the thread; it ends when this is dropped and the queue is empty.
    pub(super) fn start(connection: Connection, config: &StoreConfig, clock: &Clock) -> Self {
        let (queue, jobs) = mpsc::channel(config.write_queue.max(1));
        let (lock_timeout, idle) = (config.acquire_timeout, config.idle_transaction_timeout);
        let run = move || {
            wait_for_locks_up_to(lock_timeout);
            Thread {
                connection,
                jobs,
                idle,
            }
            .run();
        };
        // Without a thread every write answers that the writer ended, which is what is true then.
        if let Err(error) = std::thread::Builder::new()
            .name("sqlite-write".to_owned())
            .spawn(run)
        {
            tracing::error!(%error, "the SQLite writer thread could not be started");
        }
        Self {
            queue,
            clock: clock.clone(),
            acquire_timeout: config.acquire_timeout,
        }
    }

    pub(super) async fn run<T, E, F>(&self, write: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let asked = self.clock.monotonic();
        let grouped = Grouped {
            write: Some(write),
            result: None,
            answer,
        };
        self.enqueue(Job::Grouped(Box::new(grouped))).await?;
        // It may have ended between the commit and the answer.
        let unknown = |_| StoreError::CommitUnknown("the SQLite writer ended".to_owned());
        let result = answered.await.map_err(unknown)?;
        observe::pool_wait("sqlite-write", self.clock.monotonic().saturating_sub(asked));
        result
    }

    pub(super) async fn begin(&self) -> Result<SqliteTx, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Job::Session(answer)).await?;
        answered.await.map_err(|_| ended())?
    }

    async fn enqueue(&self, job: Job) -> Result<(), StoreError> {
        match tokio::time::timeout(self.acquire_timeout, self.queue.send(job)).await {
            Ok(Ok(())) => {
                let waiting = self.queue.max_capacity() - self.queue.capacity();
                gauge!("stanchion_db_write_queue_depth")
                    .set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
                Ok(())
            }
            Ok(Err(_)) => Err(ended()),
            Err(_) => Err(StoreError::Busy("the queue of writes is full")),
        }
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the SQLite writer ended".to_owned())
}

fn rolled_back() -> StoreError {
    StoreError::Unavailable("the write was rolled back".to_owned())
}

struct Thread {
    connection: Connection,
    jobs: mpsc::Receiver<Job>,
    idle: Duration,
}

impl Thread {
    fn run(mut self) {
        let mut next = self.jobs.blocking_recv();
        while let Some(job) = next.take() {
            match job {
                Job::Grouped(first) => next = self.run_group(first),
                Job::Session(answer) => session::serve(&self.connection, answer, self.idle),
            }
            if next.is_none() {
                next = self.jobs.blocking_recv();
            }
        }
    }

    /// Runs what waits, up to [`GROUP`] writes, in one transaction. Answers a session that ended the group.
    fn run_group(&mut self, first: Box<dyn Write>) -> Option<Job> {
        if let Err(error) = self.connection.execute_batch("BEGIN IMMEDIATE") {
            self.refuse_all(first, &error);
            return None;
        }
        let mut next = Some(Job::Grouped(first));
        let mut applied: Vec<Box<dyn Write>> = Vec::new();
        while let Some(Job::Grouped(mut write)) = next {
            if self.apply(&mut *write) {
                applied.push(write);
            } else if self.connection.is_autocommit() {
                // SQLite itself rolled back (a full disk, an I/O error): the whole group is undone.
                applied.push(write);
                settle_all(applied, rolled_back);
                return None;
            } else {
                // Its own error goes before. One that succeeded was undone all the same.
                write.settle(Err(rolled_back()));
            }
            next = if applied.len() < GROUP {
                self.jobs.try_recv().ok()
            } else {
                None
            };
        }
        self.commit(applied);
        next
    }

    /// Nobody waits for the lock once more who waited while it was not to be had.
    fn refuse_all(&mut self, first: Box<dyn Write>, error: &rusqlite::Error) {
        first.settle(Err(StoreError::from_sqlite(error)));
        while let Ok(job) = self.jobs.try_recv() {
            let error = StoreError::from_sqlite(error);
            match job {
                Job::Grouped(write) => write.settle(Err(error)),
                Job::Session(answer) => drop(answer.send(Err(error))),
            }
        }
    }

    fn apply(&self, write: &mut dyn Write) -> bool {
        let connection = &self.connection;
        if connection.execute_batch("SAVEPOINT write").is_err() {
            return false;
        }
        let done = write.apply(connection);
        let end = if done {
            "RELEASE write"
        } else {
            "ROLLBACK TO write; RELEASE write"
        };
        done & connection.execute_batch(end).is_ok()
    }

    fn commit(&self, applied: Vec<Box<dyn Write>>) {
        histogram!("stanchion_db_group_commit_writes")
            .record(f64::from(u32::try_from(applied.len()).unwrap_or(u32::MAX)));
        match self.connection.execute_batch("COMMIT") {
            Ok(()) => settle_all_ok(applied),
            Err(error) => {
                if !self.connection.is_autocommit()
                    && let Err(error) = self.connection.execute_batch("ROLLBACK")
                {
                    tracing::error!(%error, "a failed group commit could not be rolled back");
                }
                settle_all(applied, || StoreError::of_sqlite_commit(&error));
            }
        }
    }
}

fn settle_all_ok(writes: Vec<Box<dyn Write>>) {
    for write in writes {
        write.settle(Ok(()));
    }
}

fn settle_all(writes: Vec<Box<dyn Write>>, error: impl Fn() -> StoreError) {
    for write in writes {
        write.settle(Err(error()));
    }
}

/// A write and its caller's place; generic here, a `dyn Write` in the queue.
struct Grouped<T, E, F> {
    write: Option<F>,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Write for Grouped<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&Connection) -> Result<T, E> + Send,
{
    fn apply(&mut self, connection: &Connection) -> bool {
        let Some(write) = self.write.take() else {
            return false;
        };
        let run = std::panic::AssertUnwindSafe(|| write(connection));
        let result = std::panic::catch_unwind(run)
            .unwrap_or_else(|_| Err(StoreError::Database("the write panicked".to_owned()).into()));
        let ok = result.is_ok();
        self.result = Some(result);
        ok
    }

    fn settle(self: Box<Self>, fate: Result<(), StoreError>) {
        let result = match (fate, self.result) {
            (_, Some(Err(own))) => Err(own),
            (Ok(()), Some(done)) => done,
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(rolled_back().into()),
        };
        // The caller may have gone away; the write stands all the same.
        let _ = self.answer.send(result);
    }
}
