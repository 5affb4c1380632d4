use std::time::Duration;

use stanchion_kernel::Uuid;

use super::{Subject, lines, refusal, reserve_for};
use crate::model::{Refusal, Short, State};

pub(super) async fn a_commit_sells_and_a_release_gives_back(subject: Subject) {
    subject.receive("A", 10).await;
    let sold = subject.hold(&[("A", 3)]).await;
    let returned = subject.hold(&[("A", 4)]).await;
    assert_eq!(subject.counts("A").await, (10, 7));
    let sold = subject.other.commit(sold.id, None, None, None).await;
    let sold = sold.expect("sold");
    assert_eq!(
        (sold.state, sold.lines[0].committed),
        (State::Committed, Some(3))
    );
    assert!(sold.settled_at.is_some());
    assert_eq!(subject.counts("A").await, (7, 4));
    let returned = subject.stock.release(returned.id, None, None).await;
    let returned = returned.expect("released");
    assert_eq!(
        (returned.state, returned.lines[0].committed),
        (State::Released, None)
    );
    assert_eq!(subject.counts("A").await, (7, 0));
    let id = Uuid::from_u128(1);
    let nothing = subject.stock.commit(id, None, None, None).await;
    assert_eq!(refusal(nothing), Refusal::NoReservation { id });
}

pub(super) async fn a_partial_commit_gives_the_rest_back(subject: Subject) {
    subject.receive("A", 10).await;
    subject.receive("B", 10).await;
    let held = subject.hold(&[("A", 5), ("B", 2)]).await;
    let part = Some(lines(&[("A", 3)]));
    let sold = subject.stock.commit(held.id, part, None, None).await;
    let committed: Vec<_> = sold
        .expect("sold")
        .lines
        .iter()
        .map(|line| line.committed)
        .collect();
    assert_eq!(committed, [Some(3), Some(0)]);
    assert_eq!(subject.counts("A").await, (7, 0));
    assert_eq!(subject.counts("B").await, (10, 0));
}

pub(super) async fn no_more_than_is_held_is_sold(subject: Subject) {
    subject.receive("A", 10).await;
    let held = subject.hold(&[("A", 5)]).await;
    let wish = Some(lines(&[("A", 6), ("B", 1)]));
    let refused = refusal(subject.stock.commit(held.id, wish, None, None).await);
    let short = |sku: &str, requested, available| Short {
        sku: sku.to_owned(),
        requested,
        available,
    };
    let lines = vec![short("A", 6, 5), short("B", 1, 0)];
    assert_eq!(refused, Refusal::MoreThanReserved { lines });
    assert_eq!(subject.counts("A").await, (10, 5));
}

pub(super) async fn the_same_end_again_gets_the_same_answer(subject: Subject) {
    subject.receive("A", 10).await;
    let (first, second) = (
        subject.hold(&[("A", 2)]).await,
        subject.hold(&[("A", 2)]).await,
    );
    let sold = subject
        .stock
        .commit(first.id, None, None, None)
        .await
        .expect("sold");
    let again = subject.other.commit(first.id, None, None, None).await;
    assert_eq!(again.expect("sold"), sold);
    let returned = subject
        .stock
        .release(second.id, None, None)
        .await
        .expect("released");
    let again = subject.other.release(second.id, None, None).await;
    assert_eq!(again.expect("released"), returned);
    // Another end is not to be had, and another part neither.
    let otherwise = refusal(subject.stock.release(first.id, None, None).await);
    assert_eq!(
        otherwise,
        Refusal::Settled {
            reservation: sold.clone()
        }
    );
    let part = Some(lines(&[("A", 1)]));
    let otherwise = refusal(subject.stock.commit(first.id, part, None, None).await);
    assert_eq!(otherwise, Refusal::Settled { reservation: sold });
    assert_eq!(subject.counts("A").await, (8, 0));
}

pub(super) async fn a_hold_whose_time_is_over_cannot_be_committed(subject: Subject) {
    subject.receive("A", 10).await;
    let short = reserve_for(&[("A", 4)], Duration::from_micros(1));
    let held = subject.stock.reserve(short, None).await.expect("held");
    subject.passes(held.expires_at).await;
    match refusal(subject.other.commit(held.id, None, None, None).await) {
        Refusal::Settled { reservation } => assert_eq!(reservation.state, State::Expired),
        other => panic!("settled, not {other:?}"),
    }
    assert_eq!(subject.counts("A").await, (10, 0));
    let found = subject.stock.reservation(held.id).await.expect("an answer");
    assert_eq!(found.map(|found| found.state), Some(State::Expired));
}

pub(super) async fn exactly_one_of_commit_release_and_expiry_wins(subject: Subject) {
    subject.receive("A", 1_000).await;
    let mut sold = 0;
    for round in 0..12 {
        let ttl = Duration::from_millis(round % 4);
        let wish = reserve_for(&[("A", 2)], ttl.max(Duration::from_micros(1)));
        let held = subject.stock.reserve(wish, None).await.expect("held");
        let (committed, released, swept) = tokio::join!(
            subject.stock.commit(held.id, None, None, None),
            subject.other.release(held.id, None, None),
            subject.other.expire_due(10),
        );
        subject.passes(held.expires_at).await;
        swept.expect("swept");
        subject.stock.expire_due(10).await.expect("swept");
        let late = subject.stock.commit(held.id, None, None, None).await;
        let found = subject.stock.reservation(held.id).await.expect("an answer");
        let state = found.expect("found").state;
        assert_eq!(
            committed.is_ok(),
            state == State::Committed,
            "{committed:?}"
        );
        assert_eq!(released.is_ok(), state == State::Released, "{released:?}");
        assert_eq!(late.is_ok(), state == State::Committed, "{late:?}");
        sold += if state == State::Committed { 2 } else { 0 };
    }
    assert_eq!(subject.counts("A").await, (1_000 - sold, 0));
}

pub(super) async fn a_due_hold_is_swept_once(subject: Subject) {
    subject.receive("A", 100).await;
    let kept = subject.hold(&[("A", 1)]).await;
    let mut last = kept.created_at;
    for _ in 0..5 {
        let short = reserve_for(&[("A", 3)], Duration::from_micros(1));
        let held = subject.stock.reserve(short, None).await.expect("held");
        last = last.max(held.expires_at);
    }
    subject.passes(last).await;
    let (here, there) = tokio::join!(subject.stock.expire_due(4), subject.other.expire_due(4));
    let rest = subject.stock.expire_due(4).await.expect("swept");
    assert_eq!(here.expect("swept") + there.expect("swept") + rest, 5);
    assert_eq!(subject.counts("A").await, (100, 1));
    assert_eq!(subject.stock.expire_due(4).await.expect("swept"), 0);
}
