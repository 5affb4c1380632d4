use std::sync::Arc;
use std::time::Duration;

use super::super::{LenderSubject, ask, slow};
use super::{LONG, left, lend, request, settled};
use crate::LimiterError;
use crate::port::{Epoch, MAX_LEASES, MAX_LIFETIME, MAX_SETTLED};

pub(in super::super) async fn what_is_lent_is_not_in_the_bucket(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("lent", 1000));
    assert!(lend(lender, &limit, 1, 400, LONG).await.is_some());
    assert_eq!(left(lender, &limit).await, 600);
    assert!(!ask(lender, &limit, "k", 601).await.allowed);
    assert!(ask(lender, &limit, "k", 600).await.allowed);
}

pub(in super::super) async fn a_chunk_is_granted_whole_or_not_at_all(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("whole", 1000));
    assert!(lend(lender, &limit, 1, 700, LONG).await.is_some());
    assert!(lend(lender, &limit, 2, 301, LONG).await.is_none());
    assert_eq!(left(lender, &limit).await, 300);
    assert!(lend(lender, &limit, 3, 300, LONG).await.is_some());
}

pub(in super::super) async fn a_grant_asked_again_is_the_same_lease(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("again", 1000));
    let first = lend(lender, &limit, 1, 400, LONG).await;
    assert!(first.is_some());
    for _ in 0..3 {
        assert_eq!(lend(lender, &limit, 1, 400, LONG).await, first);
    }
    assert_eq!(left(lender, &limit).await, 600);
}

pub(in super::super) async fn concurrent_holders_get_no_more_than_the_burst(
    subject: LenderSubject,
) {
    let limit = slow("holders", 1000);
    let holder = |n: u128| {
        let (lender, limit) = (Arc::clone(&subject.lender), limit.clone());
        async move {
            let mut granted = 0;
            for id in 0..10 {
                let lease = lend(&*lender, &limit, 10 * n + id, 30, LONG).await;
                granted += u64::from(lease.is_some());
            }
            granted
        }
    };
    let holders: Vec<_> = (0..8).map(|n| tokio::spawn(holder(n))).collect();
    let mut granted = 0;
    for holder in holders {
        granted += holder.await.expect("a holder");
    }
    assert_eq!(granted, 33);
    assert_eq!(left(&*subject.lender, &limit).await, 10);
}

pub(in super::super) async fn leases_beyond_the_bound_are_refused(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("bound", 1000));
    let bound = u128::try_from(MAX_LEASES).expect("a number");
    for id in 0..bound {
        assert!(lend(lender, &limit, id, 1, LONG).await.is_some());
    }
    assert!(lend(lender, &limit, bound, 1, LONG).await.is_none());
}

pub(in super::super) async fn a_request_out_of_bounds_is_refused(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("bounds", 1000));
    let many = vec![settled(9, &Epoch("none".into()), 1); MAX_SETTLED + 1];
    let too_long = MAX_LIFETIME + Duration::from_millis(1);
    for (tokens, lifetime, settled) in [
        (0, LONG, &[][..]),
        (1, Duration::ZERO, &[]),
        (1, too_long, &[]),
        (1, LONG, &many),
    ] {
        let refused = request(lender, &limit, 1, tokens, lifetime, settled).await;
        assert_eq!(refused, Err(LimiterError::Lease));
    }
    let refused = request(lender, &limit, 1, 1001, LONG, &[]).await;
    let (cost, burst) = (1001, 1000);
    assert_eq!(refused, Err(LimiterError::Cost { cost, burst }));
    let refused = lender.settle(&limit, "k", &many).await;
    assert_eq!(refused, Err(LimiterError::Lease));
    assert_eq!(left(lender, &limit).await, 1000);
}
