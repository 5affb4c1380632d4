//! How soon a job begins, when there is little to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use stanchion_jobs::{Context, Handlers, Jobs, JobsError};
use stanchion_kernel::Clock;
use tokio::task::JoinSet;

use super::Bench;
use super::place::{Nothing, Place};
use super::team::{Settings, Working};
use crate::database::Database;
use crate::load::number;

const PER_SECOND: u32 = 200;
/// What the first second is like does not count.
const WARM_UP_S: u32 = 1;
const MOST_MS: f64 = 5.0;
/// How long the last jobs are waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(5);

/// The moments of one job, in microseconds of the monotonic clock; 0 is not yet.
#[derive(Default)]
struct Moments {
    called: AtomicU64,
    heard: AtomicU64,
    begun: AtomicU64,
}

struct Log {
    clock: Clock,
    jobs: Vec<Moments>,
}

impl Log {
    fn of(jobs: u64) -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::system(),
            jobs: (0..jobs).map(|_| Moments::default()).collect(),
        })
    }

    fn note(&self, job: u64, which: fn(&Moments) -> &AtomicU64) {
        let now = u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX);
        let job = usize::try_from(job).ok().and_then(|job| self.jobs.get(job));
        if let Some(moments) = job {
            which(moments).store(now, Ordering::Relaxed);
        }
    }

    fn have_begun(&self) -> bool {
        let begun = |job: &Moments| job.begun.load(Ordering::Relaxed) > 0;
        self.jobs.iter().all(begun)
    }

    /// How long after a moment the jobs began, sorted, in milliseconds.
    fn waits(&self, since: fn(&Moments) -> &AtomicU64) -> Vec<f64> {
        let counted = self.jobs.iter().skip((PER_SECOND * WARM_UP_S) as usize);
        let wait = |job: &Moments| {
            let begun = job.begun.load(Ordering::Relaxed);
            // A job may begin before its caller hears that it is there.
            number(begun.saturating_sub(since(job).load(Ordering::Relaxed))) / 1e3
        };
        let mut waits: Vec<f64> = counted.map(wait).collect();
        waits.sort_by(f64::total_cmp);
        waits
    }
}

/// What so many percent of the sorted values do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = sorted.len() * percent / 100;
    let at = at.min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

pub(super) async fn measure(bench: &mut Bench, database: Database) -> anyhow::Result<()> {
    if !bench.wants_on(database, "pickup") {
        return Ok(());
    }
    let place = Place::open(bench, database).await?;
    let jobs = u64::from(PER_SECOND * (bench.seconds + WARM_UP_S));
    let log = Log::of(jobs);
    let begun = Arc::clone(&log);
    let note = move |job: u64, _: Context| {
        begun.note(job, |moments| &moments.begun);
        async { Ok(()) }
    };
    let handlers = Handlers::new().with::<Nothing>(note)?;
    let working = Working::start(&place.store, handlers, Settings::Default.config("lab")?)?;
    produce(&place.jobs, &log, jobs).await?;
    let waited = log.clock.monotonic();
    while !log.have_begun() {
        ensure!(
            log.clock.monotonic() - waited < PATIENCE,
            "a job never began"
        );
        tokio::time::sleep(LOOK).await;
    }
    working.stop().await?;
    let (waits, whole) = (
        log.waits(|moments| &moments.heard),
        log.waits(|moments| &moments.called),
    );
    let p50 = percentile(&waits, 50);
    bench.report.row(
        &format!("{}, pick-up at {PER_SECOND} jobs/s, p50", database.title()),
        format!("{p50:.2} ms"),
        format!(
            "p99 {:.2} ms; with the enqueue itself p50 {:.2} ms, p99 {:.2} ms",
            percentile(&waits, 99),
            percentile(&whole, 50),
            percentile(&whole, 99)
        ),
        &format!("≤ {MOST_MS:.0} ms"),
        Some(p50 <= MOST_MS),
    );
    Ok(())
}

/// Enqueues one job at a time at an even pace, whether the ones before are there or not.
async fn produce(jobs: &Jobs, log: &Arc<Log>, count: u64) -> anyhow::Result<()> {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    let mut enqueues: JoinSet<Result<(), JobsError>> = JoinSet::new();
    for job in 0..count {
        pace.tick().await;
        let (jobs, log) = (jobs.clone(), Arc::clone(log));
        enqueues.spawn(async move {
            log.note(job, |moments| &moments.called);
            jobs.enqueue::<Nothing>(None, &job).await?;
            log.note(job, |moments| &moments.heard);
            Ok(())
        });
    }
    while let Some(enqueued) = enqueues.join_next().await {
        enqueued??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_few_and_of_none_are_told() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            (percentile(&sorted, 50), percentile(&sorted, 99)),
            (51.0, 100.0)
        );
        assert_eq!((percentile(&[7.0], 99), percentile(&[], 50)), (7.0, 0.0));
    }
}
