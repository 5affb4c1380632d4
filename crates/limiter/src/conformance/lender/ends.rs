use std::time::Duration;

use super::super::{LenderSubject, slow};
use super::{left, lend, settle, settled};
use crate::{Limit, Rate};

pub(in super::super) async fn a_lease_that_has_ended_is_never_credited(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("ended", 1000));
    let lifetime = Duration::from_millis(100);
    let epoch = lend(lender, &limit, 1, 600, lifetime).await;
    let epoch = epoch.expect("a lease");
    (subject.pass)(2 * lifetime).await;
    assert_eq!(left(lender, &limit).await, 400);
    settle(lender, &limit, settled(1, &epoch, 600)).await;
    assert_eq!(left(lender, &limit).await, 400);
}

pub(in super::super) async fn a_lease_is_outstanding_for_all_of_its_life(subject: LenderSubject) {
    let lender = &*subject.lender;
    let limit = Limit::new("life", Rate::per_second(10_000), 1000).expect("a limit");
    let lifetime = Duration::from_secs(2);
    assert!(lend(lender, &limit, 1, 600, lifetime).await.is_some());
    (subject.pass)(lifetime.mul_f64(0.9)).await;
    assert_eq!(left(lender, &limit).await, 400);
    (subject.pass)(lifetime.mul_f64(0.3)).await;
    assert_eq!(left(lender, &limit).await, 1000);
}

pub(in super::super) async fn a_bucket_gets_nothing_for_the_time_before_a_lease_ended(
    subject: LenderSubject,
) {
    let lender = &*subject.lender;
    let limit = Limit::new("before", Rate::per_second(100), 1000).expect("a limit");
    let lifetime = Duration::from_secs(2);
    assert!(lend(lender, &limit, 1, 600, lifetime).await.is_some());
    (subject.pass)(lifetime.mul_f64(1.1)).await;
    // Eighteen or, on a clock that is not ours, somewhat more; for the time before there were two hundred.
    let left = left(lender, &limit).await;
    assert!((410..500).contains(&left), "{left}");
}
