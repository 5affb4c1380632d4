use std::time::Duration;

use super::{Subject, ask};
use crate::{Limit, Rate};

pub(super) async fn tokens_come_back_at_the_rate(subject: Subject) {
    let limit = Limit::new("rate", Rate::new(5, Duration::from_secs(1)), 10).expect("a limit");
    assert!(ask(&*subject.backend, &limit, "a", 10).await.allowed);
    subject.told().await;
    (subject.pass)(Duration::from_millis(450)).await;
    let asked = ask(&*subject.other, &limit, "a", 2).await;
    assert!(asked.allowed, "two came back: {asked:?}");
    // A clock that is not ours may have gone on for longer, but not for so long.
    assert!(!ask(&*subject.backend, &limit, "a", 8).await.allowed);
}

pub(super) async fn whoever_waits_as_long_as_told_is_served(subject: Subject) {
    let limit = Limit::new("waits", Rate::new(7, Duration::from_secs(1)), 3).expect("a limit");
    assert!(ask(&*subject.backend, &limit, "a", 3).await.allowed);
    for cost in [1, 2, 3] {
        let refused = ask(&*subject.backend, &limit, "a", cost).await;
        if refused.allowed {
            continue;
        }
        (subject.pass)(refused.retry_after).await;
        let asked = ask(&*subject.backend, &limit, "a", cost).await;
        assert!(asked.allowed, "{cost} after {:?}", refused.retry_after);
    }
}
