//! The judge of histories is only worth something if it convicts wrong brokers.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stanchion_jobs::conformance::Subject;
use stanchion_jobs::port::Port;
use stanchion_jobs::{Broker, Context, Handlers, JobId, State, WorkerConfig};
use stanchion_store::Backend;
use stanchion_testkit::eventually;
use tokio::sync::{Notify, Semaphore};

use super::LONG;
use super::history::{Asked, Breach, History};
use super::scene::Scene;
use super::work::{Desk, Plan, Task};
use crate::broken::wrong::{Broken, Wrong};
use crate::databases;
use crate::worker::bench::{config, handlers, runner, spawn};

/// A job whose first worker sleeps through its lease. It relies on its completion alone.
const SLEPT_THROUGH: u64 = 101;
/// Two that stumble, one that panics, and healthy ones. None locks its row first, where a wrong broker would wait for it.
const OTHERS: [u64; 7] = [1, 3, 5, 7, 49, 149, 199];

/// The sleeper, and the moments of its story.
#[derive(Debug)]
struct Sleeper {
    has_begun: AtomicBool,
    began: Notify,
    wakes: Notify,
    is_done: Semaphore,
}

impl Default for Sleeper {
    fn default() -> Self {
        Self {
            has_begun: AtomicBool::new(false),
            began: Notify::new(),
            wakes: Notify::new(),
            is_done: Semaphore::new(0),
        }
    }
}

/// The first attempt of the job sleeps until it is woken; every other one waits for what that does then.
fn working(desk: Desk, sleeper: &Arc<Sleeper>, slept_through: JobId) -> Handlers {
    let sleeper = Arc::clone(sleeper);
    handlers::<Task>(move |number: u64, context: Context| {
        let (desk, sleeper) = (desk.clone(), Arc::clone(&sleeper));
        async move {
            if context.job_id() != slept_through {
                return desk.act(number, &context).await;
            }
            if sleeper.has_begun.swap(true, Ordering::SeqCst) {
                let _done = sleeper.is_done.acquire().await?;
                return desk.act(number, &context).await;
            }
            sleeper.began.notify_one();
            sleeper.wakes.notified().await;
            let answer = desk.act(number, &context).await;
            sleeper.is_done.add_permits(1);
            answer
        }
    })
}

/// A worker's broker. The thread that renews leases has connections of its own, where there are connections.
fn awake(subject: &Subject, port: &Arc<dyn Port>) -> Broker {
    let (store, reopened) = (subject.store.clone(), Arc::clone(port));
    Broker::over(Arc::clone(port), move |patience| {
        let (store, reopened) = (store.clone(), Arc::clone(&reopened));
        async move {
            match store.backend() {
                Backend::Sqlite(_) => Ok(reopened),
                Backend::Postgres(_) => Broker::of(&store).open_beside(patience).await,
            }
        }
    })
}

/// What comes of jobs on this broker when a worker sleeps through its lease and wakes while another does its job.
async fn story(subject: &Subject, port: Arc<dyn Port>) -> History {
    let desk = Desk::at(subject.store.clone());
    let mut asked = BTreeMap::new();
    let job = desk.jobs.job::<Task>(&SLEPT_THROUGH).unwrap();
    let id = job.id;
    let mut enqueue = |number: u64, id: JobId| {
        let plan = Plan::of(number);
        let acknowledged = true;
        asked.insert(id, Asked { plan, acknowledged });
    };
    enqueue(SLEPT_THROUGH, id);
    let sleeper = Arc::<Sleeper>::default();
    let work = || working(desk.clone(), &sleeper, id);
    let short = WorkerConfig {
        lease: Duration::from_millis(200),
        ..config("asleep")
    };
    // Nobody renews its leases.
    let asleep = Broker::over(Arc::clone(&port), |_patience| pending());
    let first = spawn(runner(asleep, work(), short));
    desk.jobs.enqueue_all(None, vec![job]).await.unwrap();
    let began = tokio::time::timeout(LONG, sleeper.began.notified());
    began.await.unwrap();
    first.tell();
    let row = || async { desk.jobs.status(id).await.unwrap() };
    let over = || async { row().await.leased_until < Some(port.now().await.unwrap()) };
    eventually("the lease is over", LONG, over).await;
    for number in OTHERS {
        let other = desk.jobs.enqueue::<Task>(None, &number).await.unwrap();
        enqueue(number, other.id());
    }
    // A broker may use more connections than one for an attempt.
    let one_by_one = WorkerConfig {
        concurrency: 1,
        ..config("awake")
    };
    let second = spawn(runner(awake(subject, &port), work(), one_by_one));
    let taken = || async {
        let row = row().await;
        row.state.is_final() || (row.state == State::Running && row.attempt > 1)
    };
    eventually("another has the job", LONG, taken).await;
    sleeper.wakes.notify_one();
    for id in asked.keys() {
        let ended = || async { desk.jobs.status(*id).await.unwrap().state.is_final() };
        eventually("a job has ended", LONG, ended).await;
    }
    first.ended().await;
    second.stop().await;
    Scene::of(subject.store.clone()).history(asked).await
}

async fn breaches(subject: Subject, wrong: Wrong) -> Vec<Breach> {
    let sound = Arc::clone(&subject.port);
    let broken = Arc::new(Broken::new(sound, subject.store.clone(), wrong));
    let history = story(&subject, broken).await;
    let breaches = history.breaches().into_iter();
    breaches.map(|(_, breach)| breach).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_broker_is_acquitted() {
    let (sqlite, _folder) = databases::sqlite().await;
    let (postgres, _database) = databases::postgres().await;
    for subject in [sqlite, postgres] {
        let history = story(&subject, Arc::clone(&subject.port)).await;
        assert_eq!(history.breaches(), []);
        assert!(history.accounts.iter().any(|one| one.lost_leases > 0));
    }
}

macro_rules! convicted {
    ($($test:ident: $database:ident $wrong:ident of $breach:pat,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let (subject, _database) = databases::$database().await;
            let breaches = breaches(subject, Wrong::$wrong).await;
            let seen = breaches.iter().any(|breach| matches!(breach, $breach));
            assert!(seen, "{breaches:?}");
        })*
    };
}

convicted! {
    a_completion_without_a_fence_is_seen: sqlite CompletesWithoutFence of Breach::EffectOfAnOldAttempt,
    a_completion_without_a_fence_is_seen_on_postgres:
        postgres CompletesWithoutFence of Breach::EffectOfAnOldAttempt,
    an_acknowledgement_before_the_effect_is_seen: postgres AcknowledgesBeforeTheEffect of Breach::NoEffect,
    a_rescue_of_a_completed_job_is_seen: sqlite RescuesCompleted of Breach::Unasked,
    a_retry_that_forgets_its_attempt_is_seen:
        sqlite ForgetsAttempts of Breach::EffectOfAnOldAttempt | Breach::Condemned(..),
    a_neighbour_that_is_condemned_is_seen:
        sqlite CondemnsNeighbours of Breach::Condemned(State::Cancelled, _),
}
