use std::sync::Arc;

use super::{Boxed, Sharing, Subject, ask, drain, slow};
use crate::Ask;

pub(super) async fn a_bucket_gives_its_burst_and_no_more(subject: Subject) {
    let limit = slow("burst", 5);
    for left in [3, 1] {
        let asked = ask(&*subject.backend, &limit, "a", 2).await;
        assert!(asked.allowed && asked.remaining == left, "{asked:?}");
        assert!(asked.retry_after.is_zero() && !asked.reset_after.is_zero());
    }
    subject.told().await;
    let refused = ask(&*subject.other, &limit, "a", 2).await;
    assert!(!refused.allowed && refused.is_violated(), "{refused:?}");
    assert_eq!((refused.remaining, refused.burst), (1, 5));
    subject.told().await;
    assert!(ask(&*subject.backend, &limit, "a", 1).await.allowed);
}

pub(super) async fn keys_and_limits_have_buckets_of_their_own(subject: Subject) {
    let (one, other) = (slow("one", 1), slow("other", 1));
    for (limit, key) in [(&one, "a"), (&one, "b"), (&other, "a")] {
        let asked = ask(&*subject.backend, limit, key, 1).await;
        assert!(asked.allowed, "{} of {key}", limit.name());
    }
    assert!(!ask(&*subject.backend, &one, "b", 1).await.allowed);
}

pub(super) async fn concurrent_calls_on_two_servers_get_no_more_than_the_burst(subject: Subject) {
    let (first, second) = (slow("first", 25), slow("second", 1000));
    let call = |n: u32| -> Boxed<u64> {
        let backend = if n.is_multiple_of(2) {
            Arc::clone(&subject.backend)
        } else {
            Arc::clone(&subject.other)
        };
        let (first, second) = (first.clone(), second.clone());
        Box::pin(async move {
            let mut admitted = 0;
            for _ in 0..20 {
                let asks = [Ask::new(&first, "k", 1), Ask::new(&second, "k", 1)];
                let asks = asks.map(|ask| ask.expect("a question"));
                let asked = backend.check(&asks).await.expect("an answer");
                assert_eq!(asked[0].allowed, asked[1].allowed);
                admitted += u64::from(asked[0].allowed);
            }
            admitted
        })
    };
    let calls: Vec<_> = (0..16).map(|n| tokio::spawn(call(n))).collect();
    let mut admitted = 0;
    for call in calls {
        admitted += call.await.expect("a call");
    }
    match subject.sharing {
        Sharing::Exact => assert_eq!(admitted, 25),
        Sharing::Late { servers, .. } => assert!((25..=25 * servers).contains(&admitted)),
        Sharing::Split { .. } => assert!(admitted <= 25, "{admitted} of 25"),
    }
    subject.told().await;
    assert!(
        !ask(&*subject.backend, &second, "k", 1001 - admitted)
            .await
            .allowed
    );
    if !subject.is_split() {
        let left = ask(&*subject.backend, &second, "k", 0).await.remaining;
        assert_eq!(left, 1000 - admitted);
    }
}

pub(super) async fn a_bucket_that_is_not_known_was_empty_at_the_start(subject: Subject) {
    let limit = slow("restarted", 1000);
    let asked = ask(&*subject.newborn, &limit, "a", 1000).await;
    assert!(!asked.allowed && asked.remaining < 1000, "{asked:?}");
}

pub(super) async fn what_is_put_back_is_there_again_and_never_more_than_the_burst(
    subject: Subject,
) {
    let limit = slow("refunds", 10);
    assert!(ask(&*subject.backend, &limit, "a", 10).await.allowed);
    subject.told().await;
    let four = Ask::new(&limit, "a", 4).expect("a question");
    subject.other.refund(four).await.expect("taken back");
    subject.told().await;
    let left = ask(&*subject.backend, &limit, "a", 0).await.remaining;
    assert!(left == 4 || subject.is_split() && left < 4, "{left} left");
    for _ in 0..3 {
        subject.backend.refund(four).await.expect("taken back");
    }
    let left = ask(&*subject.backend, &limit, "a", 0).await.remaining;
    let given = drain(&*subject.backend, &limit, "a").await;
    assert!(
        (left, given) == (10, 10) || subject.is_split() && (1..=10).contains(&given),
        "{left} left, {given} given"
    );
    // Whoever puts back into a bucket that nobody used makes it no fuller.
    subject
        .backend
        .refund(Ask::new(&limit, "b", 4).expect("a question"))
        .await
        .expect("taken back");
    assert!(ask(&*subject.backend, &limit, "b", 10).await.allowed);
    assert!(!ask(&*subject.backend, &limit, "b", 1).await.allowed);
}
