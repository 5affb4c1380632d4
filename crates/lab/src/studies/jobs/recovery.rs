//! What becomes of the jobs of a worker that is killed.

use std::time::Duration;

use anyhow::ensure;
use stanchion_jobs::port::Filter;
use stanchion_jobs::{JobRow, Jobs, JobsError, MAX_PAGE, State};
use stanchion_kernel::Clock;
use stanchion_testkit::{Program, Running};

use super::Bench;
use super::place::{BULK, Place};
use super::team::Settings;
use super::worker::Moment;
use crate::database::Database;

/// More than two workers do before one of them is killed.
const JOBS: u64 = 30_000;
const KILLED: &str = "lab-killed";
const LEFT: &str = "lab-left";
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a statement takes at most that a worker had sent.
const SENT: Duration = Duration::from_millis(200);

/// A deadline, and a look at something now and then.
struct Watch {
    clock: Clock,
    began: Duration,
}

impl Watch {
    fn begin() -> Self {
        let clock = Clock::system();
        let began = clock.monotonic();
        Self { clock, began }
    }

    fn seconds(&self) -> f64 {
        (self.clock.monotonic() - self.began).as_secs_f64()
    }

    async fn look_again(&self) -> anyhow::Result<()> {
        let is_late = self.clock.monotonic() - self.began > PATIENCE;
        ensure!(!is_late, "jobs stay where they are");
        tokio::time::sleep(LOOK).await;
        Ok(())
    }
}

async fn in_hands(jobs: &Jobs, worker: &str) -> Result<Vec<JobRow>, JobsError> {
    let running = Filter {
        state: Some(State::Running),
        ..Filter::default()
    };
    let running = jobs.list(running, None, MAX_PAGE).await?.jobs.into_iter();
    let its = running.filter(|job| job.worker.as_deref() == Some(worker));
    Ok(its.collect())
}

/// Stops a worker while it has jobs in its hands and another one works; what it had sent before has come to its end.
async fn stand_still(jobs: &Jobs, worker: &Running) -> anyhow::Result<Vec<JobRow>> {
    let watch = Watch::begin();
    loop {
        if !in_hands(jobs, LEFT).await?.is_empty() {
            worker.pause().await;
            tokio::time::sleep(SENT).await;
            let held = in_hands(jobs, KILLED).await?;
            if !held.is_empty() {
                return Ok(held);
            }
            worker.resume();
        }
        watch.look_again().await?;
    }
}

pub(super) async fn measure(bench: &mut Bench, database: Database) -> anyhow::Result<()> {
    if !bench.wants_on(database, "recovery") {
        return Ok(());
    }
    let place = Place::open(bench, database).await?;
    for _ in 0..JOBS / BULK {
        let bulk: Result<Vec<_>, _> = (0..BULK).map(|n| place.jobs.job::<Moment>(&n)).collect();
        place.jobs.enqueue_all(None, bulk?).await?;
    }
    let start = |name| -> anyhow::Result<_> {
        let words = ["jobs-worker", "--url", &place.url, "--name", name];
        Ok(Program::new(std::env::current_exe()?).args(words).start())
    };
    let (killed, left) = (start(KILLED)?, start(LEFT)?);
    let held = stand_still(&place.jobs, &killed).await?;
    killed.kill9();
    let watch = Watch::begin();
    while !in_hands(&place.jobs, KILLED).await?.is_empty() {
        watch.look_again().await?;
    }
    let offered = watch.seconds();
    for job in &held {
        while !place.jobs.status(job.id).await?.state.is_final() {
            watch.look_again().await?;
        }
    }
    let ended = watch.seconds();
    left.terminate();
    report(bench, database, held.len(), (offered, ended))
}

fn report(
    bench: &mut Bench,
    database: Database,
    held: usize,
    (offered, ended): (f64, f64),
) -> anyhow::Result<()> {
    let config = Settings::Default.config(LEFT)?;
    let bound = (config.lease + config.scan).as_secs_f64();
    let what = format!("{}, a worker is killed", database.title());
    bench.report.row(
        &format!("{what}: until all its {held} jobs are offered again"),
        format!("{offered:.1} s"),
        format!("lease {:?}, scan {:?}", config.lease, config.scan),
        &format!("≤ {bound:.0} s"),
        Some(offered <= bound),
    );
    bench.report.row(
        &format!("{what}: until all of these have ended"),
        format!("{ended:.1} s"),
        "each ran alone".to_owned(),
        "",
        None,
    );
    Ok(())
}
