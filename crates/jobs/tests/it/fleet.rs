//! A fleet of real processes.

mod member;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use rustix::process::{Pid, Signal, kill_process};
use stanchion_jobs::autoscale::Rules;
use stanchion_jobs::conformance::Subject;
use stanchion_jobs::fleet::{Fleet, FleetConfig, Started, Workers};
use stanchion_jobs::{JobId, Jobs, State, Worker};
use stanchion_kernel::Clock;
use stanchion_testkit::eventually;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::databases;
use crate::worker::bench::{LONG, becomes, jobs};
use member::{SLOTS, Toil, config, fleet, supervisor};

/// What the workers wrote down: their process ids, and for each job how often it began and ended.
#[derive(Debug, Default)]
struct Diaries {
    pids: Vec<i32>,
    jobs: BTreeMap<String, (usize, usize)>,
}

fn diaries(folder: &Path) -> Diaries {
    let mut diaries = Diaries::default();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let Ok(pid) = name.parse() else { continue };
        diaries.pids.push(pid);
        for line in fs::read_to_string(entry.path()).unwrap().lines() {
            match line.split_once(' ') {
                Some(("begins", job)) => diaries.jobs.entry(job.to_owned()).or_default().0 += 1,
                Some(("ends", job)) => diaries.jobs.entry(job.to_owned()).or_default().1 += 1,
                _ => {}
            }
        }
    }
    diaries
}

/// Whether a process lives. One that has ended and was not waited for does not.
fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, fields)| &fields[..1]);
    state.is_some_and(|state| state != "Z")
}

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

async fn enqueue(jobs: &Jobs, count: usize, millis: u64) -> Vec<JobId> {
    let all = (0..count).map(|_| jobs.job::<Toil>(&millis).unwrap());
    let all: Vec<_> = all.collect();
    let ids = all.iter().map(|job| job.id).collect();
    jobs.enqueue_all(None, all).await.unwrap();
    ids
}

struct Running {
    workers: watch::Receiver<Workers>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn start(fleet: Fleet) -> Running {
    let (workers, stop) = (fleet.workers(), CancellationToken::new());
    let stopped = stop.clone();
    let task = tokio::spawn(async move { fleet.run(stopped).await.unwrap() });
    Running {
        workers,
        stop,
        task,
    }
}

impl Running {
    fn now(&self) -> Workers {
        *self.workers.borrow()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
        let gone = Workers::default();
        assert_eq!(*self.workers.borrow(), gone);
    }
}

async fn all_completed(subject: &Subject, ids: &[JobId]) {
    for id in ids {
        becomes(subject, *id, State::Completed).await;
    }
}

/// How much a machine that is busy with other things may add to a promise.
const SLACK: Duration = Duration::from_secs(20);

async fn processes_follow_a_load_step(subject: Subject, url: &str) {
    let folder = TempDir::new().unwrap();
    let rules = Rules {
        max: 4,
        slots: SLOTS,
        drain: Duration::from_secs(5),
        smoothing: Duration::from_secs(1),
        calm: Duration::from_secs(2),
        assumed_service: Duration::from_millis(200),
        ..Rules::default()
    };
    let fleet = start(fleet(&subject.port, config(rules), url, folder.path()));
    eventually("one worker runs", LONG, || async {
        fleet.now().running == 1
    })
    .await;
    // A worker that begins sees its first jobs some time later.
    eventually("it lives", LONG, || async {
        diaries(folder.path()).pids.len() == 1
    })
    .await;
    let jobs = jobs(&subject);
    let clock = Clock::system();
    let began = clock.monotonic();
    // Five seconds of work for six slots.
    let ids = enqueue(&jobs, 150, 200).await;
    eventually("processes rise", LONG, || async {
        fleet.now().running >= 3
    })
    .await;
    all_completed(&subject, &ids).await;
    let took = clock.monotonic() - began;
    assert!(took < rules.drain + SLACK, "drained within {took:?}");
    let fallen = Workers {
        wanted: 1,
        running: 1,
        draining: 0,
    };
    eventually("processes fall back", LONG, || async {
        fleet.now() == fallen
    })
    .await;
    fleet.stop().await;
    let diaries = diaries(folder.path());
    assert!((3..=4).contains(&diaries.pids.len()), "{:?}", diaries.pids);
    assert_eq!(diaries.jobs.len(), ids.len());
    for (job, times) in &diaries.jobs {
        assert_eq!(*times, (1, 1), "{job} was ended in its middle");
    }
    for id in ids {
        let job = jobs.status(id).await.unwrap();
        assert_eq!((job.failures, job.lost_leases), (0, 0), "{job:?}");
    }
    assert!(!diaries.pids.into_iter().any(lives));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_follow_a_load_step_on_postgres() {
    let (subject, database) = databases::postgres().await;
    let url = database.url().to_owned();
    processes_follow_a_load_step(subject, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_follow_a_load_step_on_sqlite() {
    let (subject, database) = databases::sqlite().await;
    let url = databases::sqlite_url(&database);
    processes_follow_a_load_step(subject, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_killed_is_replaced_and_its_jobs_finish() {
    let (subject, database) = databases::sqlite().await;
    let (url, folder) = (databases::sqlite_url(&database), TempDir::new().unwrap());
    let rules = Rules {
        max: 1,
        ..Rules::default()
    };
    let fleet = start(fleet(&subject.port, config(rules), &url, folder.path()));
    let ids = enqueue(&jobs(&subject), 1, 0).await;
    eventually("the job began", LONG, || async {
        !diaries(folder.path()).jobs.is_empty()
    })
    .await;
    let pid = diaries(folder.path()).pids[0];
    signal(pid, Signal::KILL);
    let done = becomes(&subject, ids[0], State::Completed).await;
    assert_eq!((done.attempt, done.lost_leases), (2, 1));
    let pids = diaries(folder.path()).pids;
    assert_eq!(pids.len(), 2, "{pids:?}");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_worker_outlives_a_supervisor_that_was_killed() {
    let (subject, database) = databases::sqlite().await;
    let (url, folder) = (databases::sqlite_url(&database), TempDir::new().unwrap());
    let supervisor = supervisor(&url, folder.path()).start();
    let ids = enqueue(&jobs(&subject), 1, 0).await;
    eventually("two workers live, and one has a job", LONG, || async {
        let diaries = diaries(folder.path());
        diaries.pids.len() == 2 && !diaries.jobs.is_empty()
    })
    .await;
    let pids = diaries(folder.path()).pids;
    assert!(pids.iter().all(|pid| lives(*pid)));
    supervisor.kill9();
    eventually("both have ended", LONG, || async {
        !pids.iter().any(|pid| lives(*pid))
    })
    .await;
    // They stopped as they should: the job was given back.
    let job = becomes(&subject, ids[0], State::Waiting).await;
    assert_eq!((job.failures, job.lost_leases), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_that_is_told_to_stop_drains_all() {
    let (subject, database) = databases::sqlite().await;
    let (url, folder) = (databases::sqlite_url(&database), TempDir::new().unwrap());
    let supervisor = supervisor(&url, folder.path()).start();
    let ids = enqueue(&jobs(&subject), 1, 1000).await;
    eventually("two workers live, and one has a job", LONG, || async {
        let diaries = diaries(folder.path());
        diaries.pids.len() == 2 && !diaries.jobs.is_empty()
    })
    .await;
    supervisor.terminate();
    assert!(supervisor.wait(LONG).await.success());
    let diaries = diaries(folder.path());
    assert!(!diaries.pids.into_iter().any(lives));
    let job = jobs(&subject).status(ids[0]).await.unwrap();
    assert_eq!((job.state, job.attempt), (State::Completed, 1));
}

/// A fleet of one, whose worker is a shell with this program, run until `enough`; answers its metrics.
async fn shell(
    program: &'static str,
    patience: Duration,
    enough: impl Fn(u32, &Path) -> bool,
) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    let _recorded = metrics::set_default_local_recorder(&recorder);
    let (subject, database) = databases::sqlite().await;
    let folder = database.path().to_owned();
    let starts = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&starts);
    let starter = move |_place: u32| {
        count.fetch_add(1, Ordering::SeqCst);
        let child = Command::new("sh")
            .args(["-c", program])
            .current_dir(&folder)
            .spawn()?;
        let worker = Worker::new("shell").expect("a name");
        Ok(Started { child, worker })
    };
    let config = FleetConfig {
        patience,
        ..config(Rules::default())
    };
    let clock = Clock::system();
    let fleet = start(Fleet::new(subject.port, config, clock, starter));
    eventually("it was started often enough", LONG, || async {
        enough(starts.load(Ordering::SeqCst), database.path())
    })
    .await;
    fleet.stop().await;
    shown.render()
}

#[tokio::test]
async fn a_worker_that_does_not_stop_is_killed_and_counted() {
    let deaf = "trap '' TERM; touch deaf; while :; do sleep 0.1; done";
    let shown = shell(deaf, Duration::from_millis(500), |_, folder| {
        folder.join("deaf").exists()
    })
    .await;
    let killed = r#"stanchion_jobs_worker_deaths_total{how="killed"} 1"#;
    assert!(shown.contains(killed), "{shown}");
    let died = r#"stanchion_jobs_worker_deaths_total{how="died"} 0"#;
    assert!(shown.contains(died), "{shown}");
}

#[tokio::test]
async fn a_worker_that_dies_at_once_is_started_again_and_counted() {
    let shown = shell("exit 3", LONG, |starts, _| starts == 3).await;
    let deaths = shown
        .lines()
        .find_map(|line| line.strip_prefix(r#"stanchion_jobs_worker_deaths_total{how="died"} "#));
    let deaths: u32 = deaths.expect("a counter").parse().expect("a number");
    assert!((2..=3).contains(&deaths), "{shown}");
    assert!(shown.contains(r#"stanchion_jobs_workers{state="wanted"} 0"#));
}
