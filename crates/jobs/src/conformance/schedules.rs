use stanchion_kernel::Timestamp;

use super::{LONG, Subject};
use crate::model::Enqueued;

pub(super) async fn a_tick_is_fired_once_by_two_servers(subject: Subject) {
    let begins = Timestamp::from_micros(60);
    let last = subject.port.last_fired("nightly", begins).await;
    assert_eq!(last.expect("an answer"), begins);
    // Another server, or the next one, does not begin it anew.
    let later = Timestamp::from_micros(120_000_000);
    let last = subject.other.last_fired("nightly", later).await;
    assert_eq!(last.expect("an answer"), begins);
    for n in 1..=5 {
        let tick = Timestamp::from_micros(n * 60_000_000);
        let (one, two) = (subject.work("tick"), subject.work("tick"));
        let ids = [one.id, two.id];
        let (first, second) = tokio::join!(
            subject.port.fire("nightly", tick, one),
            subject.other.fire("nightly", tick, two)
        );
        let fired = [first.expect("an answer"), second.expect("an answer")];
        let fired: Vec<Enqueued> = fired.into_iter().flatten().collect();
        assert_eq!(fired.len(), 1, "{fired:?}");
        assert!(ids.contains(&fired[0].id()));
        let last = subject.other.last_fired("nightly", later).await;
        assert_eq!(last.expect("an answer"), tick);
    }
    assert_eq!(subject.claim(99, LONG).await.len(), 5);
}

pub(super) async fn a_tick_before_the_last_one_is_not_fired(subject: Subject) {
    let fire = async |schedule: &str, us: i64| {
        let tick = Timestamp::from_micros(us);
        let fired = subject
            .port
            .fire(schedule, tick, subject.work("tick"))
            .await;
        fired.expect("an answer").is_some()
    };
    assert!(fire("a", 200).await);
    assert!(!fire("a", 100).await);
    assert!(!fire("a", 200).await);
    // Each schedule has its own ticks.
    assert!(fire("b", 100).await);
    assert!(fire("a", 201).await);
    assert_eq!(subject.claim(99, LONG).await.len(), 3);
}
