//! Jobs: which kinds this program does, the worker inside every server, and the desk for workers over HTTP.

use std::time::Duration;

use anyhow::Context as _;
use stanchion_jobs::desk::{Desk, DeskConfig};
use stanchion_jobs::port::{RescueRules, Retention};
use stanchion_jobs::{Broker, Handlers, Jobs, Queue, Runner, Weight, Worker, WorkerConfig};
use stanchion_store::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::pictures;
use crate::commands::Session;
use crate::config::JobsSection;
use crate::pictures::{Gallery, render};
use crate::telemetry::Telemetry;

/// How long a worker is left alone that could not go on.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// The queue of this program.
pub(crate) struct Queues {
    /// For who enqueues and looks.
    pub(crate) jobs: Jobs,
    /// For workers over HTTP.
    pub(crate) desk: Desk,
    /// Pictures, which this program's own kinds are about.
    pub(crate) gallery: Gallery,
    broker: Broker,
}

/// What a worker of this program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// This program's own kinds, and the chores.
    Work,
    /// For all workers, those over HTTP as well: takes jobs from dead ones, forgets history and takes figures.
    Chores,
}

/// The kinds that this program does itself, and the queues that it takes them from. A worker parks what it does not know:
/// these queues are for these kinds only.
fn own_work(gallery: &Gallery) -> anyhow::Result<(Handlers, Vec<Queue>)> {
    let handlers = render::handlers(gallery.clone(), Handlers::new())?;
    Ok((handlers, own_queues()?))
}

/// The queues of this program's own kinds.
pub(super) fn own_queues() -> anyhow::Result<Vec<Queue>> {
    Ok(vec![Queue::new(render::QUEUE)?])
}

/// The queue in a store. No claim waits any more once `stop` is given.
///
/// # Errors
/// When pictures cannot be kept where the settings say.
pub(crate) fn open(
    session: &Session,
    store: &Store,
    stop: &CancellationToken,
) -> anyhow::Result<Queues> {
    let section = &session.config.jobs;
    let broker = Broker::of(store);
    let config = DeskConfig {
        lease: Duration::from_millis(section.lease_ms),
        longest_wait: Duration::from_millis(section.claim_wait_ms),
        max_waiting: section.max_waiting,
        ageing: Duration::from_secs(section.ageing_seconds),
        rules: rules(section),
        ..DeskConfig::default()
    };
    let (clock, entropy) = (session.clock.clone(), session.entropy.clone());
    let jobs = Jobs::new(broker.port().clone(), session.ids.clone());
    Ok(Queues {
        gallery: pictures::open(session, store, &jobs)?,
        jobs,
        desk: Desk::new(broker.port().clone(), config, clock, entropy, stop.clone()),
        broker,
    })
}

impl Queues {
    /// Starts the worker inside a server. It does the chores at least, since workers elsewhere rely on them.
    ///
    /// # Errors
    /// As for [`Queues::start`].
    pub(crate) fn start_inside(
        &self,
        session: &Session,
        telemetry: &Telemetry,
        stop: CancellationToken,
    ) -> anyhow::Result<JoinHandle<()>> {
        let duty = if session.config.jobs.inside {
            Duty::Work
        } else {
            Duty::Chores
        };
        let name = format!("serve-{}", std::process::id());
        self.start(session, telemetry, (&name, duty), stop)
    }

    /// Starts a worker of this name in this process. It ends by itself after `stop`, within the grace period.
    ///
    /// # Errors
    /// When name and settings make no worker.
    pub(crate) fn start(
        &self,
        session: &Session,
        telemetry: &Telemetry,
        (name, duty): (&str, Duty),
        stop: CancellationToken,
    ) -> anyhow::Result<JoinHandle<()>> {
        let (handlers, queues) = match duty {
            Duty::Work => own_work(&self.gallery)?,
            Duty::Chores => (Handlers::new(), Vec::new()),
        };
        let name = Worker::new(name).context("the worker's name")?;
        let config = WorkerConfig {
            adopt: telemetry.adopt_job(),
            ..worker_config(&session.config.jobs, name, queues)
        };
        let broker = self.broker.clone();
        let (clock, entropy) = (session.clock.clone(), session.entropy.clone());
        let runner = move || {
            let (broker, handlers, config) = (broker.clone(), handlers.clone(), config.clone());
            Runner::new(broker, handlers, config, clock.clone(), entropy.clone())
        };
        let first = runner().context("the worker")?;
        Ok(tokio::spawn(work(first, runner, stop)))
    }
}

/// Works until it is told to stop. A worker whose thread has died is followed by another.
async fn work<E>(first: Runner, next: impl Fn() -> Result<Runner, E>, stop: CancellationToken) {
    let mut runner = Ok(first);
    while let Ok(worker) = runner {
        let Err(error) = worker.run(stop.clone()).await else {
            return;
        };
        tracing::error!(%error, "the worker ended and starts again");
        let pause = tokio::time::sleep(RESTART_AFTER);
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
        runner = next();
    }
}

pub(super) fn worker_config(
    section: &JobsSection,
    name: Worker,
    queues: Vec<Queue>,
) -> WorkerConfig {
    WorkerConfig {
        concurrency: section.concurrency,
        capacity: Weight {
            cpu_millis: section.cpu_millis,
            memory_bytes: section.memory_mb << 20,
        },
        lease: Duration::from_millis(section.lease_ms),
        scan: Duration::from_millis(section.scan_ms),
        poll: Duration::from_millis(section.poll_ms),
        grace: Duration::from_millis(section.grace_ms),
        ageing: Duration::from_secs(section.ageing_seconds),
        rules: rules(section),
        retention: Retention {
            done: Duration::from_secs(section.keep_done_seconds),
            dead: Duration::from_secs(section.keep_dead_seconds),
        },
        ..WorkerConfig::new(name, queues)
    }
}

fn rules(section: &JobsSection) -> RescueRules {
    RescueRules {
        crashes_to_condemn: section.crashes_to_condemn,
        ..RescueRules::default()
    }
}
