use std::time::Duration;

use super::super::{LenderSubject, ask, slow};
use super::{LONG, left, lend, put_back};
use crate::{Limit, Rate};

pub(in super::super) async fn a_bucket_does_not_fill_beside_what_is_lent(subject: LenderSubject) {
    let lender = &*subject.lender;
    let limit = Limit::new("beside", Rate::per_second(10_000), 1000).expect("a limit");
    assert!(lend(lender, &limit, 1, 600, LONG).await.is_some());
    (subject.pass)(Duration::from_millis(500)).await;
    assert_eq!(left(lender, &limit).await, 400);
    assert!(ask(lender, &limit, "k", 400).await.allowed);
    (subject.pass)(Duration::from_millis(500)).await;
    assert_eq!(left(lender, &limit).await, 400);
}

pub(in super::super) async fn what_is_put_back_has_no_room_beside_what_is_lent(
    subject: LenderSubject,
) {
    let (lender, limit) = (&*subject.lender, slow("put-back", 1000));
    assert!(lend(lender, &limit, 1, 600, LONG).await.is_some());
    put_back(lender, &limit, 500).await;
    assert_eq!(left(lender, &limit).await, 400);
    assert!(ask(lender, &limit, "k", 100).await.allowed);
    put_back(lender, &limit, 100).await;
    assert_eq!(left(lender, &limit).await, 400);
}

pub(in super::super) async fn a_changed_limit_keeps_count_of_what_is_lent(subject: LenderSubject) {
    let lender = &*subject.lender;
    let limit = slow("changed", 1000);
    assert!(lend(lender, &limit, 1, 600, LONG).await.is_some());
    let smaller = Limit::new("changed", Rate::per_second(10_000), 700).expect("a limit");
    assert_eq!(left(lender, &smaller).await, 100);
    // A burst that is less than what is lent leaves no room at all.
    let least = Limit::new("changed", Rate::per_second(10_000), 500).expect("a limit");
    assert!(ask(lender, &least, "k", 0).await.remaining == 0);
    assert!(!ask(lender, &least, "k", 1).await.allowed);
    let larger = Limit::new("changed", Rate::per_second(10_000), 900).expect("a limit");
    assert!(!ask(lender, &larger, "k", 900).await.allowed);
    (subject.pass)(Duration::from_millis(500)).await;
    assert_eq!(left(lender, &larger).await, 300);
}

pub(in super::super) async fn whoever_waits_for_a_lease_to_end_is_served(subject: LenderSubject) {
    let lender = &*subject.lender;
    let limit = Limit::new("waits", Rate::per_second(10_000), 1000).expect("a limit");
    let lifetime = Duration::from_millis(500);
    assert!(lend(lender, &limit, 1, 600, lifetime).await.is_some());
    let refused = ask(lender, &limit, "k", 900).await;
    assert!(!refused.allowed && refused.is_violated(), "{refused:?}");
    (subject.pass)(refused.retry_after).await;
    let asked = ask(lender, &limit, "k", 900).await;
    assert!(asked.allowed, "after {:?}: {asked:?}", refused.retry_after);
}
