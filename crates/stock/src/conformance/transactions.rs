use super::{Subject, adjust, is_short, key, lines, reserve};
use crate::Reserve;
use crate::model::State;

pub(super) async fn a_shared_transaction_undoes_everything_together(subject: Subject) {
    subject.receive("A", 10).await;
    let held = subject.hold(&[("A", 1)]).await;
    let before = subject.row("A").await;
    let wish = Reserve {
        key: key("wish", 1),
        ..reserve(&[("A", 2)])
    };
    let mut tx = subject.store.begin().await.expect("begun");
    let stock = &subject.stock;
    let undone = stock.reserve_in(&mut tx, wish.clone()).await.expect("held");
    stock
        .commit_in(&mut tx, held.id, None, None)
        .await
        .expect("sold");
    stock
        .adjust_in(&mut tx, adjust("A", 5))
        .await
        .expect("received");
    tx.rollback().await.expect("undone");
    assert_eq!(subject.row("A").await, before);
    assert_eq!(stock.reservation(undone.id).await.expect("an answer"), None);
    let found = stock.reservation(held.id).await.expect("an answer");
    assert_eq!(found.map(|found| found.state), Some(State::Held));
    // The key is free again, too.
    let mut tx = subject.store.begin().await.expect("begun");
    let made = stock.reserve_in(&mut tx, wish.clone()).await.expect("held");
    stock
        .release_in(&mut tx, held.id, None)
        .await
        .expect("released");
    tx.commit().await.expect("committed");
    let again = stock.reserve(wish, None).await.expect("the first answer");
    assert_eq!(again, made);
    assert_eq!(subject.counts("A").await, (10, 2));
}

pub(super) async fn a_refused_command_leaves_a_shared_transaction_usable(subject: Subject) {
    subject.receive("A", 3).await;
    let mut tx = subject.store.begin().await.expect("begun");
    let refused = subject
        .stock
        .reserve_in(&mut tx, reserve(&[("A", 4)]))
        .await;
    assert!(is_short(&refused), "{refused:?}");
    let held = subject
        .stock
        .reserve_in(&mut tx, reserve(&[("A", 3)]))
        .await;
    let refused = subject
        .stock
        .reserve_in(&mut tx, reserve(&[("A", 1)]))
        .await;
    assert!(is_short(&refused), "{refused:?}");
    tx.commit().await.expect("committed");
    assert_eq!(subject.counts("A").await, (3, 3));
    let found = subject.stock.reservation(held.expect("held").id).await;
    assert!(found.expect("an answer").is_some());
}

pub(super) async fn pieces_are_held_and_sold_in_one_transaction(subject: Subject) {
    subject.receive("A", 3).await;
    let mut tx = subject.store.begin().await.expect("begun");
    let held = subject
        .stock
        .reserve_in(&mut tx, reserve(&[("A", 3)]))
        .await;
    let part = Some(lines(&[("A", 2)]));
    let id = held.expect("held").id;
    let sold = subject.stock.commit_in(&mut tx, id, part, None).await;
    tx.commit().await.expect("committed");
    assert_eq!(sold.expect("sold").state, State::Committed);
    assert_eq!(subject.counts("A").await, (1, 0));
}
