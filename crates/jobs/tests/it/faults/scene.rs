//! What is seen of the queue from outside, by a way that no fault is on.

use std::collections::BTreeMap;
use std::time::Duration;

use stanchion_jobs::port::Filter;
use stanchion_jobs::{Args, Job as _, JobId, JobRow, Jobs, JobsError, MAX_PAGE, Queue, State};
use stanchion_kernel::Timestamp;
use stanchion_store::Store;
use stanchion_testkit::eventually;

use super::history::{Account, Asked, History};
use super::member::LEASE;
use super::work::{Desk, Mark, Task, open};
use crate::databases::MIGRATIONS;

#[derive(Clone, Debug)]
pub(super) struct Scene {
    jobs: Jobs,
}

impl Scene {
    /// Makes the tables and looks at them.
    pub(super) async fn open(url: &str, max_bytes: u64) -> Self {
        let store = open(url, max_bytes).await.expect("a database");
        store.migrate(&MIGRATIONS).await.expect("tables");
        Self::of(store)
    }

    pub(super) fn of(store: Store) -> Self {
        let jobs = Desk::at(store).jobs;
        Self { jobs }
    }

    /// How many jobs could be claimed, counted up to a bound.
    pub(super) async fn backlog(&self, count_to: u32) -> Result<u64, JobsError> {
        let figures = self.jobs.figures(count_to).await?;
        let main = figures.iter().filter(|one| one.queue == main());
        Ok(main.map(|one| one.backlog).sum())
    }

    /// The jobs that are in the hands of workers.
    pub(super) async fn running(&self) -> Result<Vec<JobRow>, JobsError> {
        let running = Filter {
            state: Some(State::Running),
            ..Filter::default()
        };
        Ok(self.jobs.list(running, None, MAX_PAGE).await?.jobs)
    }

    pub(super) async fn job(&self, id: JobId) -> Result<JobRow, JobsError> {
        self.jobs.status(id).await
    }

    /// When the last job was done.
    pub(super) async fn last_done(&self) -> Result<Option<Timestamp>, JobsError> {
        let recent = self.jobs.port().recent(1).await?;
        Ok(recent.first().map(|one| one.finished_at))
    }

    /// Whether work is under way, no input is a suspect, and no lease is near its end. A worker that is killed now had
    /// nothing alone in its hands, and cannot be mistaken for one that died of its job twice.
    pub(super) async fn is_calm(&self) -> bool {
        self.calm().await.unwrap_or(false)
    }

    async fn calm(&self) -> Result<bool, JobsError> {
        let port = self.jobs.port();
        let running = self.running().await?;
        let soon = port.now().await?.as_micros() + i64::try_from(LEASE.as_micros() / 4).unwrap();
        let is_kept = |job: &JobRow| job.leased_until.is_some_and(|end| end.as_micros() > soon);
        let calm = running.iter().all(|job| !job.alone && is_kept(job));
        Ok(calm && !running.is_empty() && !port.has_suspects(vec![main()]).await?)
    }

    /// Whether none of these attempts is under way any more.
    pub(super) async fn are_over(&self, attempts: &[JobRow]) -> bool {
        let Ok(running) = self.running().await else {
            return false;
        };
        let attempt = |job: &JobRow| (job.id, job.attempt);
        let goes_on = |one: &JobRow| running.iter().any(|job| attempt(job) == attempt(one));
        !attempts.iter().any(goes_on)
    }

    /// Waits until every job has ended.
    pub(super) async fn ends(&self, patience: Duration) {
        let nothing = || async {
            let figures = self.jobs.figures(1).await;
            figures.is_ok_and(|figures| figures.iter().all(|one| one.queue != main()))
        };
        eventually("every job has ended", patience, nothing).await;
    }

    /// All that there is, when nothing changes any more.
    pub(super) async fn history(&self, asked: BTreeMap<JobId, Asked>) -> History {
        let (mut accounts, mut effects, mut before) = (Vec::new(), Vec::new(), None);
        loop {
            let page = self.jobs.list(Filter::default(), before, MAX_PAGE).await;
            let page = page.expect("a database in order");
            for job in page.jobs {
                match job.kind.as_str() {
                    Task::KIND => accounts.push(Account::of(&job)),
                    Mark::KIND => effects.push(read(&job.args)),
                    other => panic!("a job of kind {other}"),
                }
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        History {
            asked,
            accounts,
            effects,
        }
    }
}

fn read(args: &Args) -> super::work::Effect {
    args.read().expect("an effect")
}

fn main() -> Queue {
    Queue::new(Task::queue()).expect("a name")
}
