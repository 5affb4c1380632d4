use super::super::{LenderSubject, ask, slow};
use super::{LONG, left, lend, request, settle, settled};
use crate::port::{Epoch, Lent};

pub(in super::super) async fn a_return_counts_once(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("once", 1000));
    let epoch = lend(lender, &limit, 1, 600, LONG).await.expect("a lease");
    for _ in 0..3 {
        settle(lender, &limit, settled(1, &epoch, 200)).await;
        assert_eq!(left(lender, &limit).await, 600);
    }
    let again = [settled(1, &epoch, 200), settled(1, &epoch, 200)];
    let lent = request(lender, &limit, 2, 100, LONG, &again).await;
    assert!(matches!(lent, Ok(Lent::Granted { .. })), "{lent:?}");
    assert_eq!(left(lender, &limit).await, 500);
}

pub(in super::super) async fn no_more_comes_back_than_was_lent(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("more", 1000));
    let epoch = lend(lender, &limit, 1, 600, LONG).await.expect("a lease");
    assert!(ask(lender, &limit, "k", 300).await.allowed);
    settle(lender, &limit, settled(1, &epoch, 1_000_000)).await;
    assert_eq!(left(lender, &limit).await, 700);
    settle(lender, &limit, settled(2, &epoch, 100)).await;
    assert_eq!(left(lender, &limit).await, 700);
}

pub(in super::super) async fn a_lease_of_another_epoch_is_not_credited(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("epoch", 1000));
    let epoch = lend(lender, &limit, 1, 600, LONG).await.expect("a lease");
    let other = Epoch(format!("{epoch}-other").into());
    settle(lender, &limit, settled(1, &other, 600)).await;
    assert_eq!(left(lender, &limit).await, 400);
    settle(lender, &limit, settled(1, &epoch, 600)).await;
    assert_eq!(left(lender, &limit).await, 1000);
}

pub(in super::super) async fn a_request_settles_before_it_lends(subject: LenderSubject) {
    let (lender, limit) = (&*subject.lender, slow("before", 1000));
    let epoch = lend(lender, &limit, 1, 900, LONG).await.expect("a lease");
    let unspent = [settled(1, &epoch, 500)];
    let lent = request(lender, &limit, 2, 600, LONG, &unspent).await;
    assert!(matches!(lent, Ok(Lent::Granted { .. })), "{lent:?}");
    assert_eq!(left(lender, &limit).await, 0);
    // A refused request has settled all the same.
    let more = request(lender, &limit, 3, 700, LONG, &[settled(2, &epoch, 600)]).await;
    assert!(matches!(more, Ok(Lent::Refused { .. })), "{more:?}");
    assert_eq!(left(lender, &limit).await, 600);
}
