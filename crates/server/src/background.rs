//! Background tasks that are started again when they end or panic.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use stanchion_kernel::Clock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The first pause before a task is started again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A task that ran for this long was well: its next end is a new trouble and not the same one.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// The background tasks of a process, which all end together.
#[derive(Clone, Debug)]
pub struct Background {
    clock: Clock,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Background {
    /// No tasks yet; they will end with `stop`.
    #[must_use]
    pub fn new(clock: Clock, stop: CancellationToken) -> Self {
        Self {
            clock,
            stop,
            tasks: TaskTracker::new(),
        }
    }

    /// Runs the task that `start` makes, for ever: when it ends or panics it is made again after a pause, which grows from
    /// 100 ms to 30 s while it keeps ending.
    pub fn run<F, T>(&self, name: &'static str, start: F)
    where
        F: Fn() -> T + Send + 'static,
        T: Future + Send + 'static,
        T::Output: Send,
    {
        let (clock, stop) = (self.clock.clone(), self.stop.clone());
        let restarts = metrics::counter!("stanchion_task_restarts_total", "task" => name);
        restarts.increment(0);
        let supervise = async move {
            let mut pause = FIRST_PAUSE;
            loop {
                let began = clock.monotonic();
                let ended = stop
                    .run_until_cancelled(AssertUnwindSafe(start()).catch_unwind())
                    .await;
                let Some(ended) = ended else { return };
                if clock.monotonic().saturating_sub(began) >= WELL_AFTER {
                    pause = FIRST_PAUSE;
                }
                restarts.increment(1);
                let panicked = ended.is_err();
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                tracing::error!(
                    panicked,
                    pause_ms,
                    "a background task ended and starts again"
                );
                if stop
                    .run_until_cancelled(tokio::time::sleep(pause))
                    .await
                    .is_none()
                {
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        self.tasks
            .spawn(supervise.instrument(tracing::info_span!("background", task = name)));
    }

    /// Waits until all tasks have ended, after `stop` was given.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
