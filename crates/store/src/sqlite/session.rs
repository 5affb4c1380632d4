use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::StoreError;

/// A step of a transaction that its caller holds.
enum Step {
    Run(Box<dyn FnOnce(&Connection) + Send>),
    Commit(oneshot::Sender<Result<(), StoreError>>),
}

/// A SQLite transaction held by a caller: each step is sent to the writer thread, which serves nobody else meanwhile.
///
/// Dropped without [`SqliteTx::commit`], or idle for longer than `idle_transaction_timeout`, it is rolled back.
#[derive(Debug)]
pub struct SqliteTx {
    steps: mpsc::Sender<Step>,
}

impl SqliteTx {
    /// Runs `step` inside the transaction, under a savepoint of its own: a failed step is undone, the rest stands.
    ///
    /// # Errors
    /// What `step` answers, or [`StoreError::Unavailable`] when the transaction was rolled back meanwhile.
    pub async fn run<T, E, F>(&mut self, step: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let run = Box::new(move |connection: &Connection| {
            let _ = answer.send(under_savepoint(connection, step));
        });
        self.steps.send(Step::Run(run)).map_err(|_| rolled_back())?;
        answered.await.map_err(|_| rolled_back())?
    }

    /// Commits; the answer comes after the commit is on disk.
    ///
    /// # Errors
    /// [`StoreError::CommitUnknown`] when the disk failed meanwhile; otherwise nothing of it is stored: the commit was
    /// refused, or the transaction was rolled back before.
    pub async fn commit(self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.steps
            .send(Step::Commit(answer))
            .map_err(|_| rolled_back())?;
        answered.await.map_err(|_| rolled_back())?
    }
}

fn rolled_back() -> StoreError {
    StoreError::Unavailable("the transaction was rolled back, it was idle for too long".to_owned())
}

/// On the writer thread: begins, serves the holder's steps, and ends the transaction in every case.
pub(super) fn serve(
    connection: &Connection,
    answer: oneshot::Sender<Result<SqliteTx, StoreError>>,
    idle: Duration,
) {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        let _ = answer.send(Err(error.into()));
        return;
    }
    let (steps, queue) = mpsc::channel();
    let committed =
        answer.send(Ok(SqliteTx { steps })).is_ok() && serve_steps(connection, &queue, idle);
    if !committed
        && !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a held transaction could not be rolled back");
    }
}

/// Whether the transaction was committed.
fn serve_steps(connection: &Connection, queue: &mpsc::Receiver<Step>, idle: Duration) -> bool {
    loop {
        match queue.recv_timeout(idle) {
            Ok(Step::Run(run)) => {
                let outcome =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(connection)));
                if outcome.is_err() || connection.is_autocommit() {
                    tracing::error!("a step of a held transaction panicked or was rolled back");
                    return false;
                }
            }
            Ok(Step::Commit(answer)) => {
                let result = connection.execute_batch("COMMIT");
                let result = result.map_err(|error| StoreError::of_sqlite_commit(&error));
                let committed = result.is_ok();
                let _ = answer.send(result);
                return committed;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                tracing::warn!(
                    ?idle,
                    "a held transaction was idle for too long and is rolled back"
                );
                return false;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return false,
        }
    }
}

fn under_savepoint<T, E, F>(connection: &Connection, step: F) -> Result<T, E>
where
    E: From<StoreError>,
    F: FnOnce(&Connection) -> Result<T, E>,
{
    connection
        .execute_batch("SAVEPOINT step")
        .map_err(StoreError::from)?;
    let result = step(connection);
    let end = if result.is_ok() {
        "RELEASE step"
    } else {
        "ROLLBACK TO step; RELEASE step"
    };
    // After an I/O error SQLite has ended the transaction itself, and there is no savepoint to end.
    if !connection.is_autocommit() {
        connection.execute_batch(end).map_err(StoreError::from)?;
    }
    result
}
