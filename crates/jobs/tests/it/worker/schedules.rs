use stanchion_jobs::Job as _;
use stanchion_jobs::conformance::Subject;
use stanchion_jobs::port::Filter;
use stanchion_jobs::{Broker, Kind, Schedule, State};
use stanchion_kernel::{Clock, Entropy, Timestamp};
use stanchion_store::Store;
use stanchion_testkit::eventually;

use super::bench::{LONG, Work, becomes, config, enqueue, handlers, jobs, nothing, runner, spawn};

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

async fn of_the_kind(subject: &Subject) -> usize {
    let filter = Filter {
        kind: Some(Kind::new(Work::KIND).unwrap()),
        ..Filter::default()
    };
    jobs(subject)
        .list(filter, None, 100)
        .await
        .unwrap()
        .jobs
        .len()
}

pub(super) async fn a_tick_is_fired_once_by_two_workers(subject: Subject) {
    // Several ticks were missed: they become one, and the next is a year away.
    let now = subject.port.now().await.unwrap();
    let missed = Timestamp::from_micros(now.as_micros() - 1000 * DAY_US);
    let first = jobs(&subject).job::<Work>(&"first".to_owned()).unwrap();
    let first_id = first.id;
    let fired = subject.port.fire("yearly", missed, first).await.unwrap();
    assert!(fired.is_some());
    let elsewhere = Store::open(
        subject.store.config().clone(),
        Clock::system(),
        Entropy::system(),
    );
    let elsewhere = elsewhere.await.unwrap();
    elsewhere.ready().await.unwrap();
    let workers = [&subject.store, &elsewhere].map(|store| {
        let schedule = Schedule::new::<Work>("yearly", "0 0 1 1 *", &"tick".to_owned());
        let runner = runner(
            Broker::of(store),
            handlers::<Work>(nothing),
            config("clock"),
        );
        spawn(runner.with_schedules(vec![schedule.unwrap()]))
    });
    becomes(&subject, first_id, State::Completed).await;
    eventually("the tick is fired", LONG, || async {
        of_the_kind(&subject).await >= 2
    })
    .await;
    // Both have looked at the clock many times by the time that these are done.
    for n in 0..20 {
        let id = enqueue(&subject, &n.to_string()).await;
        becomes(&subject, id, State::Completed).await;
    }
    assert_eq!(of_the_kind(&subject).await, 22);
    for worker in workers {
        worker.stop().await;
    }
}
