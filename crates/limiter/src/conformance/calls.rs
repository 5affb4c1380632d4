use std::time::Duration;

use super::{Subject, ask, drain, slow};
use crate::{Ask, Limit, LimiterError, Rate};

pub(super) async fn a_cost_of_nothing_takes_nothing(subject: Subject) {
    let limit = slow("peeks", 3);
    for _ in 0..5 {
        let asked = ask(&*subject.backend, &limit, "a", 0).await;
        assert!(asked.allowed && asked.remaining == 3, "{asked:?}");
    }
    assert!(ask(&*subject.backend, &limit, "a", 3).await.allowed);
    let asked = ask(&*subject.backend, &limit, "a", 0).await;
    assert!(asked.allowed && asked.remaining == 0, "{asked:?}");
}

pub(super) async fn several_limits_give_all_or_nothing(subject: Subject) {
    let (wide, narrow) = (slow("wide", 10), slow("narrow", 2));
    let asks = |cost| {
        let asks = [Ask::new(&wide, "a", cost), Ask::new(&narrow, "a", 1)];
        asks.map(|ask| ask.expect("a question"))
    };
    for left in [(8, 1), (6, 0)] {
        let asked = subject.backend.check(&asks(2)).await.expect("an answer");
        assert_eq!((asked[0].remaining, asked[1].remaining), left);
        assert!(asked.iter().all(|decision| decision.allowed));
    }
    subject.told().await;
    let refused = subject.other.check(&asks(2)).await.expect("an answer");
    assert!(refused.iter().all(|decision| !decision.allowed));
    assert!(!refused[0].is_violated() && refused[1].is_violated());
    assert_eq!(ask(&*subject.backend, &wide, "a", 0).await.remaining, 6);
}

pub(super) async fn a_bucket_cannot_be_asked_twice_in_one_call(subject: Subject) {
    let limit = slow("twice", 10);
    let asks =
        [("a", 6), ("a", 6)].map(|(key, cost)| Ask::new(&limit, key, cost).expect("a question"));
    let refused = subject.backend.check(&asks).await;
    assert_eq!(refused, Err(LimiterError::Twice));
    assert_eq!(ask(&*subject.backend, &limit, "a", 0).await.remaining, 10);
}

pub(super) async fn a_changed_limit_keeps_the_tokens_that_fit(subject: Subject) {
    let before = slow("changing", 10);
    assert!(ask(&*subject.backend, &before, "a", 3).await.allowed);
    let faster = Rate::new(3, Duration::from_hours(1));
    let larger = Limit::new("changing", faster, 20).expect("a limit");
    assert_eq!(ask(&*subject.backend, &larger, "a", 0).await.remaining, 7);
    let smaller = Limit::new("changing", faster, 5).expect("a limit");
    let given = drain(&*subject.backend, &smaller, "a").await;
    assert!(
        given == 5 || subject.is_split() && given < 5,
        "{given} of 5"
    );
}
