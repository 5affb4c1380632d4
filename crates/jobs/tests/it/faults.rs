//! Jobs under faults, with workers that are processes of their own: afterwards the history is what was promised.

mod convicted;
mod crew;
mod history;
mod member;
mod producer;
mod scene;
mod strokes;
mod work;

use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Clock;
use stanchion_testkit::{Direction, Postgres, PostgresOptions, Proxy};
use tokio::sync::Mutex;

use self::crew::Crew;
use self::producer::Producer;
use self::scene::Scene;
use self::strokes::{Fault, Place, Ways};

/// How many jobs there are at least, of which one in a hundred is poison; `STANCHION_JOBS_FAULT_JOBS` says otherwise.
const JOBS_ON_POSTGRES: u64 = 6_000;
const JOBS_ON_SQLITE: u64 = 4_000;
const WORKERS: usize = 3;
/// What no test waits for when all is well.
const LONG: Duration = Duration::from_mins(1);
/// What one core is expected to do at least.
const SLOWEST_JOBS_PER_S: u64 = 50;

/// One after the other: each has more processes than the machine has cores.
static TURN: Mutex<()> = Mutex::const_new(());

const ON_POSTGRES: &[Fault] = &[
    Fault::Killed(0),
    Fault::Paused(1),
    Fault::Restarted,
    Fault::Cut(0),
    Fault::Lost(2, Direction::ToServer),
    Fault::Crashed,
    Fault::Lost(0, Direction::ToClient),
    Fault::Full,
    Fault::Killed(2),
];
const ON_SQLITE: &[Fault] = &[
    Fault::Killed(0),
    Fault::Paused(1),
    Fault::Full,
    Fault::Killed(2),
];

fn jobs(usual: u64) -> u64 {
    match std::env::var("STANCHION_JOBS_FAULT_JOBS") {
        Ok(jobs) => jobs.parse().expect("STANCHION_JOBS_FAULT_JOBS is a number"),
        Err(_) => usual,
    }
}

/// Lets the faults happen in turn while jobs come and are done, again for every so many; then examines what became of
/// all.
async fn endure(place: Place, producer: Arc<Producer>, faults: &[Fault], usual: u64) {
    let jobs = jobs(usual);
    let (clock, began) = (Clock::system(), Clock::system().monotonic());
    let producing = tokio::spawn(Arc::clone(&producer).produce(place.scene.clone(), jobs));
    for _ in 0..(jobs / usual).max(1) {
        for fault in faults {
            place.strike(*fault).await;
        }
    }
    eprintln!(
        "all faults are over after {:?}",
        clock.monotonic().saturating_sub(began)
    );
    producer.leave_off();
    producing.await.expect("the producer does not panic");
    let patience = LONG + Duration::from_secs(jobs / SLOWEST_JOBS_PER_S);
    place.scene.ends(patience).await;
    let deaths = place.crew.stop().await;
    let history = place.scene.history(producer.asked()).await;
    let took = clock.monotonic().saturating_sub(began);
    eprintln!(
        "{}, {deaths} deaths of workers, {took:?}",
        history.summary()
    );
    let breaches = history.breaches();
    for (id, _) in &breaches {
        eprintln!("{:#?}", place.scene.job(*id).await);
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
    assert!(history.is_telling(), "nothing was put to the test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_effect_happens_once_whatever_becomes_of_workers_postgres_and_the_way_there() {
    let _turn = TURN.lock().await;
    let options = PostgresOptions {
        wal_segment_mb: 1,
        ..PostgresOptions::default()
    };
    let server = Postgres::start(options).await;
    let database = server.empty_database().await;
    let scene = Scene::open(database.url(), 0).await;
    let proxies = [(); WORKERS].map(|()| Proxy::start(("127.0.0.1", server.port())));
    let [from, to] = [
        server.port().to_string(),
        proxies[0].addr().port().to_string(),
    ];
    // Whoever enqueues shares the way of the first worker.
    let producer = Producer::open(&database.url().replace(&from, &to), 0).await;
    let ways = proxies.each_ref().map(|proxy| {
        let to = proxy.addr().port().to_string();
        database.url().replace(&from, &to)
    });
    let crew = Crew::start(WORKERS, move |worker, name| {
        member::program(&ways[worker], name, 0)
    });
    let place = Place {
        scene,
        crew,
        ways: Ways::Postgres {
            server,
            database,
            proxies: proxies.into(),
        },
    };
    endure(place, producer, ON_POSTGRES, JOBS_ON_POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_effect_happens_once_whatever_becomes_of_workers_and_the_disk_of_sqlite() {
    let _turn = TURN.lock().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jobs.db");
    let url = format!("sqlite:{}", file.display());
    // Room for what there will be, while nothing else fills it.
    let max_bytes = (32 << 20) + jobs(JOBS_ON_SQLITE) * 4096;
    let scene = Scene::open(&url, max_bytes).await;
    let producer = Producer::open(&url, max_bytes).await;
    let crew = Crew::start(WORKERS, move |_worker, name| {
        member::program(&url, name, max_bytes)
    });
    let place = Place {
        scene,
        crew,
        ways: Ways::Sqlite { file, max_bytes },
    };
    endure(place, producer, ON_SQLITE, JOBS_ON_SQLITE).await;
}
