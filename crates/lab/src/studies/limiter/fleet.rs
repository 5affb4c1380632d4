//! Workers that run at the same time, and what they did together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use stanchion_kernel::Clock;
use stanchion_limiter::conformance::{Admission, History};
use stanchion_testkit::{Program, Running};
use tempfile::TempDir;

use super::plan::{Counted, Entry, Fate, Plan};
use super::worker;

/// From the start of the workers to the moment at which all begin, for each of them.
const START: Duration = Duration::from_millis(100);
const LEAST_START: Duration = Duration::from_millis(1_200);
/// How much longer than planned a worker may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Workers that run.
pub(super) struct Fleet {
    plan: Plan,
    workers: Vec<Worker>,
    _folder: TempDir,
}

struct Worker {
    running: Running,
    log: PathBuf,
    is_killed: bool,
}

/// What a fleet did.
pub(super) struct Done {
    pub counted: Counted,
    /// How long each answer took, in nanoseconds.
    pub took: Histogram<u64>,
    /// What was logged, in the order of the answers.
    pub entries: Vec<Entry>,
    /// What was admitted before the end; what was asked by then may be answered later.
    pub in_time: u64,
    /// Tokens beyond the limit, in the worst window.
    pub excess: u64,
}

impl Fleet {
    /// Starts a worker for each of the plans, which may differ in their keepers; all begin at once, a little later.
    pub(super) fn start(plans: Vec<Plan>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let lead = LEAST_START + START * u32::try_from(plans.len())?;
        let begins = Clock::system().boot() + lead;
        let mut workers = Vec::new();
        let mut last = None;
        for (n, mut plan) in plans.into_iter().enumerate() {
            plan.begins = begins;
            plan.seat = u16::try_from(n)?;
            plan.log = folder.path().join(format!("{n}.log"));
            let words = ["limiter-worker", "--plan", &serde_json::to_string(&plan)?];
            let running = Program::new(std::env::current_exe()?).args(words).start();
            workers.push(Worker {
                running,
                log: plan.log.clone(),
                is_killed: false,
            });
            last = Some(plan);
        }
        Ok(Self {
            plan: last.context("a fleet has a worker")?,
            workers,
            _folder: folder,
        })
    }

    /// When all begin, on the boot clock.
    pub(super) fn begins(&self) -> Duration {
        self.plan.begins
    }

    /// Ends the first worker as a crash does.
    pub(super) fn kill_first(&mut self) {
        if let Some(first) = self.workers.first_mut() {
            first.running.kill9();
            first.is_killed = true;
        }
    }

    /// Waits for all workers that were not killed.
    pub(super) async fn done(self) -> anyhow::Result<Done> {
        let remaining = self.plan.ends().saturating_sub(Clock::system().boot());
        let mut done = Done {
            counted: Counted::default(),
            took: worker::histogram()?,
            entries: Vec::new(),
            in_time: 0,
            excess: 0,
        };
        for worker in &self.workers {
            if !worker.is_killed {
                let status = worker.running.wait(remaining + PATIENCE).await;
                ensure!(status.success(), "a worker: {}", worker.running.stderr());
                done.add(&worker.running.stdout())?;
            }
            done.entries.extend(read(&worker.log)?);
        }
        done.entries.sort_by_key(|entry| entry.decided);
        done.judge(&self.plan)?;
        Ok(done)
    }
}

/// What was logged.
fn read(log: &Path) -> anyhow::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(log)?;
    Ok(text
        .split_inclusive('\n')
        .filter_map(Entry::parse)
        .collect())
}

impl Done {
    fn add(&mut self, stdout: &str) -> anyhow::Result<()> {
        let counted: Counted = serde_json::from_str(stdout)?;
        self.counted.admitted += counted.admitted;
        self.counted.denied += counted.denied;
        self.counted.failed += counted.failed;
        self.counted.why = self.counted.why.take().or(counted.why);
        for (value, count) in counted.took {
            self.took.record_n(value, count)?;
        }
        Ok(())
    }

    fn judge(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let history = History::default();
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.fate == Fate::Admitted)
        {
            self.in_time += u64::from(entry.decided <= plan.ends());
            history.add(Admission {
                sent: entry.sent,
                decided: entry.decided,
                cost: 1,
            });
        }
        self.excess = history.excess(&plan.limit()?).tokens;
        Ok(())
    }

    /// A quantile of the time that an answer took, in microseconds.
    pub(super) fn micros(&self, quantile: f64) -> f64 {
        crate::load::number(self.took.value_at_quantile(quantile)) / 1e3
    }
}
