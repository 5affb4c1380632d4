//! Workers to be examined.

use std::sync::Arc;
use std::time::Duration;

use stanchion_jobs::conformance::Subject;
use stanchion_jobs::{
    Backoff, Broker, Context, Enqueued, Failure, Handler, Handlers, Jitter, Job, JobId, JobRow,
    Jobs, JobsError, Policy, Queue, Runner, State, Upkeep, Weight, Worker, WorkerConfig,
};
use stanchion_kernel::{Clock, Entropy};
use stanchion_testkit::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What no test waits for when all is well.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The kind of job that most tests have: it says what it is.
pub(crate) struct Work;

impl Job for Work {
    const KIND: &'static str = "work";
    type Args = String;

    fn queue() -> &'static str {
        "main"
    }

    fn policy() -> Policy {
        Policy {
            max_attempts: 3,
            backoff: Backoff {
                base: Duration::from_millis(5),
                cap: Duration::from_millis(20),
                jitter: Jitter::Full,
            },
            ..Policy::default()
        }
    }

    fn weight() -> Weight {
        Weight {
            cpu_millis: 100,
            memory_bytes: 1,
        }
    }
}

/// A worker that runs.
pub(crate) struct Working {
    stop: CancellationToken,
    task: JoinHandle<Result<(), JobsError>>,
}

impl Working {
    /// Stops it and waits for its end.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.ended().await;
    }

    /// Tells it to stop.
    pub(crate) fn tell(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn ended(self) {
        self.task.await.unwrap().unwrap();
    }

    /// It is gone from one moment to the next, with its thread.
    pub(crate) async fn vanish(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

pub(crate) fn queue(name: &str) -> Queue {
    Queue::new(name).unwrap()
}

/// Short times, so that tests are short.
pub(crate) fn config(name: &str) -> WorkerConfig {
    let often = Duration::from_millis(50);
    WorkerConfig {
        lease: Duration::from_secs(2),
        scan: often,
        poll: often,
        grace: LONG,
        cancel_grace: Duration::from_millis(200),
        upkeep: Upkeep {
            tidy: often,
            ticks: often,
            figures: often,
            suspects: often,
        },
        ..WorkerConfig::new(Worker::new(name).unwrap(), vec![queue("main")])
    }
}

pub(crate) fn handlers<J: Job>(handler: impl Handler<J>) -> Handlers {
    Handlers::new().with::<J>(handler).unwrap()
}

pub(crate) fn runner(broker: Broker, handlers: Handlers, config: WorkerConfig) -> Runner {
    Runner::new(broker, handlers, config, Clock::system(), Entropy::system()).unwrap()
}

pub(crate) fn spawn(runner: Runner) -> Working {
    let stop = CancellationToken::new();
    let task = tokio::spawn(runner.run(stop.clone()));
    Working { stop, task }
}

pub(crate) fn start(subject: &Subject, handlers: Handlers, config: WorkerConfig) -> Working {
    spawn(runner(Broker::of(&subject.store), handlers, config))
}

/// A worker of the queue `main` with one handler for [`Work`].
pub(crate) fn works(subject: &Subject, handler: impl Handler<Work>) -> Working {
    start(subject, handlers::<Work>(handler), config("one"))
}

pub(crate) fn jobs(subject: &Subject) -> Jobs {
    Jobs::new(Arc::clone(&subject.port), subject.ids.clone())
}

pub(crate) async fn enqueue(subject: &Subject, what: &str) -> JobId {
    let enqueued = jobs(subject).enqueue::<Work>(None, &what.to_owned()).await;
    match enqueued.unwrap() {
        Enqueued::New(id) => id,
        Enqueued::Duplicate { of } => panic!("{what} is a duplicate of {of}"),
    }
}

pub(crate) async fn row(subject: &Subject, id: JobId) -> JobRow {
    jobs(subject).status(id).await.unwrap()
}

/// Waits until a job is in a state; answers it as it is then.
pub(crate) async fn becomes(subject: &Subject, id: JobId, state: State) -> JobRow {
    let what = format!("the job is {}", state.as_str());
    let is_so = || async { row(subject, id).await.state == state };
    eventually(&what, LONG, is_so).await;
    row(subject, id).await
}

/// A handler that has nothing to do.
pub(crate) async fn nothing(_args: String, _context: Context) -> Result<(), Failure> {
    Ok(())
}
