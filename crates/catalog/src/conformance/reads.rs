use futures_util::future::join_all;
use stanchion_kernel::Uuid;

use super::{Subject, product, product_with};
use crate::model::Status;
use crate::port::{Edit, Precondition};

/// Some of the callers go away in the middle: nobody else may wait for them.
pub(super) async fn reads_that_come_together_each_get_their_own(subject: Subject) {
    let mut ids = Vec::new();
    for n in 0..20 {
        let made = subject.create(product(&format!("S-{n}"), "Thing")).await;
        ids.push(made.id);
    }
    ids.push(Uuid::nil());
    let read = |n: usize| {
        let (catalog, id) = (subject.catalog.clone(), ids[n % ids.len()]);
        tokio::spawn(async move { (id, catalog.product(id).await) })
    };
    for round in 0..10 {
        let reads: Vec<_> = (0..200).map(read).collect();
        for gone in reads.iter().skip(round).step_by(7) {
            gone.abort();
        }
        for read in join_all(reads).await.into_iter().flatten() {
            let (id, found) = read;
            let found = found.expect("an answer").map(|product| product.id);
            assert_eq!(found, (!id.is_nil()).then_some(id));
        }
    }
}

pub(super) async fn a_read_after_a_write_sees_it_whoever_else_reads(subject: Subject) {
    let made = subject.create(product("S-1", "Thing")).await;
    let crowd: Vec<_> = (0..4)
        .map(|_| {
            let (catalog, id) = (subject.catalog.clone(), made.id);
            tokio::spawn(async move {
                loop {
                    catalog.product(id).await.expect("an answer");
                }
            })
        })
        .collect();
    for n in 0..50 {
        let name = serde_json::json!({ "name": format!("Thing {n}") });
        let edit = subject
            .catalog
            .update(None, made.id, &Precondition::Exists, Edit::Patch(name));
        let written = edit.await.expect("changed");
        let read = subject.catalog.product(made.id).await.expect("an answer");
        assert_eq!(read.map(|product| product.version), Some(written.version));
    }
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
}

pub(super) async fn the_status_of_a_sku_is_its_live_product_s(subject: Subject) {
    subject.create(product("A", "Thing")).await;
    let draft = |input: &mut crate::ProductInput| input.status = Status::Draft;
    subject.create(product_with("B", "Thing", draft)).await;
    let gone = subject.create(product("C", "Thing")).await;
    let delete = subject.catalog.delete(None, gone.id, &Precondition::Exists);
    delete.await.expect("deleted");
    let statuses = subject.catalog.statuses(&["B", "C", "A", "D"]).await;
    let expected = [Some(Status::Draft), None, Some(Status::Active), None];
    assert_eq!(statuses.expect("an answer"), expected);
}
