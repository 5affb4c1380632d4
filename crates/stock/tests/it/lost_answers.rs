//! A real connection that is lost after the database has committed.

use std::time::Duration;

use stanchion_stock::{Adjust, Lines, Reserve, Strategy};
use stanchion_store::Backend;
use stanchion_testkit::{Direction, Postgres, Proxy, eventually};

use crate::databases;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_whose_answer_was_lost_is_found_and_not_made_again() {
    let (subject, database) = databases::postgres(Strategy::Atomic).await;
    let received = Adjust {
        sku: "A".to_owned(),
        delta: 100,
        ..Adjust::default()
    };
    subject.stock.adjust(received, None).await.unwrap();
    let port = Postgres::shared().await.port();
    let proxy = Proxy::start(("127.0.0.1", port));
    let through = database
        .url()
        .replace(&port.to_string(), &proxy.addr().port().to_string());
    let (store, stock) = databases::on_one_connection(&through, Strategy::Atomic).await;
    // The feed's listener has its connection; the other one is for us.
    let listens = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let is_listening = || async { database.psql(listens).await.trim() == "3" };
    eventually("all listen", Duration::from_secs(20), is_listening).await;
    let wish = || Reserve {
        lines: Lines::one("A", 1).unwrap(),
        ttl: None,
        key: None,
    };
    // From now on the statement is prepared: what follows is one message and its answer.
    stock.reserve(wish(), None).await.unwrap();
    let Backend::Postgres(postgres) = store.backend() else {
        panic!("PostgreSQL")
    };
    let is_idle = || async { postgres.pool().num_idle() == 1 };
    eventually("the connection is idle", Duration::from_secs(20), is_idle).await;
    proxy.drop_bytes(Direction::ToClient);
    let lossy = stock.clone();
    let call = tokio::spawn(async move { lossy.reserve(wish(), None).await });
    let is_committed = || async {
        let row = subject.stock.row("A").await.unwrap();
        row.is_some_and(|row| row.reserved == 2)
    };
    eventually(
        "the hold is committed",
        Duration::from_secs(20),
        is_committed,
    )
    .await;
    assert!(!call.is_finished());
    proxy.heal();
    let made = call.await.unwrap().unwrap();
    assert!(subject.stock.reservation(made.id).await.unwrap().is_some());
    assert!(is_committed().await, "the hold was made once more");
    assert_eq!(subject.stock.audit(10).await.unwrap(), []);
}
