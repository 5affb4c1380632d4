//! A worker that is a process: this very program, started to run one test, which does nothing in an ordinary run.

use std::time::Duration;

use stanchion_jobs::{
    Broker, Context, Handlers, Queue, Runner, Upkeep, Worker as Name, WorkerConfig,
};
use stanchion_kernel::{Clock, Entropy};
use stanchion_testkit::Program;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::work::{Desk, Task, open};

const URL: &str = "STANCHION_TEST_JOBS_URL";
const NAME: &str = "STANCHION_TEST_JOBS_WORKER";
const MAX_BYTES: &str = "STANCHION_TEST_JOBS_MAX_BYTES";
/// For how long jobs are leased.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// The program of a worker of this name.
pub(super) fn program(url: &str, name: &str, max_bytes: u64) -> Program {
    let this = std::env::current_exe().expect("this program");
    Program::new(this)
        .args([
            "--exact",
            "faults::member::a_worker_until_it_is_told_to_stop",
            "--nocapture",
        ])
        .env(URL, url)
        .env(NAME, name)
        .env(MAX_BYTES, max_bytes.to_string())
}

fn config(name: &str) -> WorkerConfig {
    let often = Duration::from_millis(100);
    let name = Name::new(name).expect("a name");
    WorkerConfig {
        concurrency: 8,
        lease: LEASE,
        scan: often,
        poll: often,
        upkeep: Upkeep {
            suspects: often,
            ..Upkeep::default()
        },
        ..WorkerConfig::new(name, vec![Queue::new("main").expect("a name")])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_until_it_is_told_to_stop() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let variable = |name| std::env::var(name).expect("the starter sets it");
    let max_bytes = variable(MAX_BYTES).parse().expect("a number");
    let store = open(&url, max_bytes).await.expect("a database");
    store.ready().await.expect("a schema");
    let (broker, desk) = (Broker::of(&store), Desk::at(store));
    let act = move |number: u64, context: Context| {
        let desk = desk.clone();
        async move { desk.act(number, &context).await }
    };
    let handlers = Handlers::new().with::<Task>(act).expect("a kind");
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let config = config(&variable(NAME));
    let runner = Runner::new(broker, handlers, config, clock, entropy).expect("a queue");
    let stop = CancellationToken::new();
    let mut told = signal(SignalKind::terminate()).expect("a signal that can be heard");
    let stopping = stop.clone();
    tokio::spawn(async move {
        told.recv().await;
        stopping.cancel();
    });
    runner.run(stop).await.expect("a thread for the leases");
}
