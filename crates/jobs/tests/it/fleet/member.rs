//! Processes of a fleet: this very program, started to run one test, which does nothing in an ordinary run.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stanchion_jobs::autoscale::Rules;
use stanchion_jobs::fleet::{Fleet, FleetConfig, Restarts, Started, Starter, end_with_parent};
use stanchion_jobs::port::Port;
use stanchion_jobs::{
    Broker, Context, Failure, Handlers, Job, Queue, Runner, Upkeep, Weight, Worker, WorkerConfig,
};
use stanchion_kernel::{Clock, Entropy};
use stanchion_testkit::{Program, hold};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::databases::open;

const URL: &str = "STANCHION_TEST_FLEET_URL";
const FOLDER: &str = "STANCHION_TEST_FLEET_FOLDER";
const PLACE: &str = "STANCHION_TEST_FLEET_PLACE";
const PARENT: &str = "STANCHION_TEST_FLEET_PARENT";
/// How many jobs a worker runs at once.
pub(super) const SLOTS: u32 = 2;

/// A job that takes so many milliseconds; 0 is one that never ends in its first attempt.
pub(super) struct Toil;

impl Job for Toil {
    const KIND: &'static str = "toil";
    type Args = u64;

    fn queue() -> &'static str {
        "main"
    }

    fn weight() -> Weight {
        Weight {
            cpu_millis: 0,
            memory_bytes: 0,
        }
    }
}

/// The short times of a test.
pub(super) fn config(rules: Rules) -> FleetConfig {
    FleetConfig {
        rules,
        look: Duration::from_millis(200),
        patience: Duration::from_secs(30),
        restarts: Restarts {
            first_pause: Duration::from_millis(100),
            ..Restarts::default()
        },
        ..FleetConfig::new(vec![Queue::new("main").unwrap()])
    }
}

/// A fleet of workers that write down in `folder` what they do.
pub(super) fn fleet(port: &Arc<dyn Port>, config: FleetConfig, url: &str, folder: &Path) -> Fleet {
    let clock = Clock::system();
    Fleet::new(Arc::clone(port), config, clock, starter(url, folder))
}

fn starter(url: &str, folder: &Path) -> impl Starter {
    let (url, folder) = (url.to_owned(), folder.to_owned());
    move |place: u32| {
        let written = File::create(folder.join(format!("output-{place}")))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["--exact", "fleet::member::a_worker", "--nocapture"])
            .env(URL, &url)
            .env(FOLDER, &folder)
            .env(PLACE, place.to_string())
            .env(PARENT, std::process::id().to_string())
            .stdout(written.try_clone()?)
            .stderr(written)
            .spawn()?;
        let worker = name(place);
        Ok(Started { child, worker })
    }
}

fn name(place: u32) -> Worker {
    Worker::new(&format!("place-{place}")).unwrap()
}

/// A program that is a fleet of two workers.
pub(super) fn supervisor(url: &str, folder: &Path) -> Program {
    Program::new(std::env::current_exe().unwrap())
        .args(["--exact", "fleet::member::a_supervisor", "--nocapture"])
        .env(URL, url)
        .env(FOLDER, folder)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Where a worker process writes down what it does.
fn diary(folder: &str) -> PathBuf {
    Path::new(folder).join(std::process::id().to_string())
}

fn note(diary: &Path, what: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(diary)?;
    file.write_all(format!("{what}\n").as_bytes())
}

async fn toil(diary: &Path, millis: u64, context: Context) -> Result<(), Failure> {
    let note = |what| note(diary, &format!("{what} {}", context.job_id()));
    note("begins")?;
    match millis {
        0 if context.attempt() == 1 => std::future::pending().await,
        millis => hold("a job at work", Duration::from_millis(millis)).await,
    }
    Ok(note("ends")?)
}

#[tokio::test]
async fn a_worker() {
    let (Some(url), Some(folder)) = (variable(URL), variable(FOLDER)) else {
        return;
    };
    let stop = stop_on_sigterm();
    let parent = variable(PARENT).unwrap().parse().unwrap();
    end_with_parent(parent).unwrap();
    let diary = diary(&folder);
    note(&diary, "lives").unwrap();
    let store = open(&url).await;
    store.ready().await.unwrap();
    let often = Duration::from_millis(100);
    let place = variable(PLACE).unwrap().parse().unwrap();
    let config = WorkerConfig {
        concurrency: SLOTS as usize,
        lease: Duration::from_secs(4),
        scan: often,
        poll: often,
        grace: Duration::from_secs(2),
        upkeep: Upkeep {
            suspects: often,
            ..Upkeep::default()
        },
        ..WorkerConfig::new(name(place), vec![Queue::new("main").unwrap()])
    };
    let does = move |millis: u64, context: Context| {
        let diary = diary.clone();
        async move { toil(&diary, millis, context).await }
    };
    let handlers = Handlers::new().with::<Toil>(does).unwrap();
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let runner = Runner::new(Broker::of(&store), handlers, config, clock, entropy).unwrap();
    runner.run(stop).await.unwrap();
}

#[tokio::test]
async fn a_supervisor() {
    let (Some(url), Some(folder)) = (variable(URL), variable(FOLDER)) else {
        return;
    };
    let stop = stop_on_sigterm();
    let store = open(&url).await;
    store.ready().await.unwrap();
    let rules = Rules {
        min: 2,
        max: 2,
        ..Rules::default()
    };
    let broker = Broker::of(&store);
    let fleet = fleet(broker.port(), config(rules), &url, Path::new(&folder));
    fleet.run(stop).await.unwrap();
}

fn stop_on_sigterm() -> CancellationToken {
    let mut told = signal(SignalKind::terminate()).unwrap();
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        told.recv().await;
        stopping.cancel();
    });
    stop
}
