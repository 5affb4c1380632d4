//! What the batching lane promises beyond the suite of all strategies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use stanchion_stock::conformance::{Fault, Faulty, Gate, Subject, config, over};
use stanchion_stock::{
    Adjust, Lines, Reservation, Reserve, Stock, StockConfig, StockError, Strategy,
};
use stanchion_store::StoreError;
use stanchion_testkit::eventually;
use tokio::task::JoinHandle;

use crate::databases;

type Call = JoinHandle<Result<Reservation, StockError>>;

fn reserve(sku: &str, quantity: i64) -> Reserve {
    Reserve {
        lines: Lines::one(sku, quantity).unwrap(),
        ttl: None,
        key: None,
    }
}

async fn receive(subject: &Subject, sku: &str, delta: i64) {
    let received = Adjust {
        sku: sku.to_owned(),
        delta,
        ..Adjust::default()
    };
    subject.stock.adjust(received, None).await.unwrap();
}

fn call(stock: &Stock, sku: &str, quantity: i64) -> Call {
    let (stock, wish) = (stock.clone(), reserve(sku, quantity));
    tokio::spawn(async move { stock.reserve(wish, None).await })
}

/// A ledger whose writes each wait at a gate.
fn gated(subject: &Subject, config: StockConfig) -> (Stock, Arc<Gate>) {
    let gate = Arc::<Gate>::default();
    let port = Faulty::new(subject.stock.port(), Fault::Waits(Arc::clone(&gate)));
    (over(port, config), gate)
}

fn batched() -> StockConfig {
    StockConfig {
        lanes: 1,
        ..config(Strategy::Batched)
    }
}

async fn came(gate: &Gate, count: u32) {
    let is_so = || async { gate.came() == count };
    eventually("a batch is under way", Duration::from_secs(10), is_so).await;
}

async fn waiting(stock: &Stock, sku: &str, count: usize) {
    let is_so = || async { stock.waiting(sku) == count };
    eventually("calls wait in the lane", Duration::from_secs(10), is_so).await;
}

#[tokio::test]
async fn what_arrives_meanwhile_is_decided_together_in_its_order() {
    let (subject, _folder) = databases::sqlite(Strategy::Batched).await;
    receive(&subject, "A", 10).await;
    let (stock, gate) = gated(&subject, batched());
    let first = call(&stock, "A", 1);
    came(&gate, 1).await;
    let mut calls = Vec::new();
    for (n, wish) in [6, 5, 2, 1, 1].into_iter().enumerate() {
        calls.push(call(&stock, "A", wish));
        waiting(&stock, "A", n + 1).await;
    }
    // One permit for the first alone, and one for all others together.
    gate.open(2);
    first.await.unwrap().unwrap();
    let served = join_all(calls)
        .await
        .into_iter()
        .map(|call| call.unwrap().is_ok());
    assert_eq!(served.collect::<Vec<_>>(), [true, false, true, true, false]);
    assert_eq!(gate.came(), 2);
}

#[tokio::test]
async fn a_full_lane_turns_callers_away_at_once() {
    let (subject, _folder) = databases::sqlite(Strategy::Batched).await;
    receive(&subject, "A", 10).await;
    let bounds = StockConfig {
        lane_queue: 1,
        ..batched()
    };
    let (stock, gate) = gated(&subject, bounds);
    let first = call(&stock, "A", 1);
    came(&gate, 1).await;
    let second = call(&stock, "A", 1);
    waiting(&stock, "A", 1).await;
    let refused = stock.reserve(reserve("A", 1), None).await;
    assert!(
        matches!(refused, Err(StockError::Busy { retry_after }) if retry_after > Duration::ZERO),
        "{refused:?}"
    );
    gate.open(2);
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    let row = subject.stock.row("A").await.unwrap().unwrap();
    assert_eq!(row.reserved, 2);
}

#[tokio::test]
async fn what_waited_for_too_long_is_not_decided_any_more() {
    let (subject, _folder) = databases::sqlite(Strategy::Batched).await;
    receive(&subject, "A", 10).await;
    let bounds = StockConfig {
        deadline: Duration::from_millis(50),
        ..batched()
    };
    let (stock, gate) = gated(&subject, bounds);
    let first = call(&stock, "A", 1);
    came(&gate, 1).await;
    let second = call(&stock, "A", 1);
    waiting(&stock, "A", 1).await;
    stanchion_testkit::hold("a batch that does not end", Duration::from_millis(100)).await;
    gate.open(1);
    assert!(first.await.unwrap().is_ok());
    let late = second.await.unwrap();
    assert!(matches!(late, Err(StockError::Busy { .. })), "{late:?}");
    let row = subject.stock.row("A").await.unwrap().unwrap();
    assert_eq!(row.reserved, 1);
}

#[tokio::test]
async fn a_command_that_the_database_refuses_fails_alone() {
    let (subject, _folder) = databases::sqlite(Strategy::Batched).await;
    for sku in ["A", "POISON"] {
        receive(&subject, sku, 10).await;
    }
    let refuses = Fault::RefusesSku("POISON".to_owned());
    let stock = over(Faulty::new(subject.stock.port(), refuses), batched());
    let wishes = ["A", "A", "POISON", "A", "POISON", "A"];
    let answers = join_all(wishes.map(|sku| stock.reserve(reserve(sku, 1), None))).await;
    for (sku, answer) in wishes.into_iter().zip(answers) {
        match answer {
            Ok(_) => assert_eq!(sku, "A"),
            Err(StockError::Store(StoreError::Database(_))) => assert_eq!(sku, "POISON"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_command_goes_on_when_its_caller_goes_away() {
    let (subject, _folder) = databases::sqlite(Strategy::Batched).await;
    receive(&subject, "A", 10).await;
    let (stock, gate) = gated(&subject, batched());
    let first = call(&stock, "A", 1);
    came(&gate, 1).await;
    let second = call(&stock, "A", 2);
    waiting(&stock, "A", 1).await;
    second.abort();
    gate.open(2);
    first.await.unwrap().unwrap();
    eventually("both were decided", Duration::from_secs(10), || async {
        subject.stock.row("A").await.unwrap().unwrap().reserved == 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_sku_goes_in_batches_and_a_cool_one_directly() {
    let (subject, _database) = databases::postgres(Strategy::Adaptive).await;
    receive(&subject, "HOT", 100_000).await;
    receive(&subject, "COOL", 100_000).await;
    let stock = &subject.stock;
    assert_eq!(stock.strategy_of("HOT"), Strategy::Atomic);
    for _ in 0..20 {
        let calls = (0..16).map(|_| stock.reserve(reserve("HOT", 1), None));
        assert!(join_all(calls).await.into_iter().all(|held| held.is_ok()));
    }
    assert_eq!(stock.strategy_of("HOT"), Strategy::Batched);
    // Alone again, it goes back.
    for _ in 0..200 {
        stock.reserve(reserve("HOT", 1), None).await.unwrap();
    }
    assert_eq!(stock.strategy_of("HOT"), Strategy::Atomic);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_lanes_leave_connections_for_others() {
    let (subject, database) = databases::postgres(Strategy::Batched).await;
    let skus = ["A", "B", "C", "D"];
    for sku in skus {
        receive(&subject, sku, 1_000_000).await;
    }
    // One connection, and it is also what the lanes have.
    let (_store, stock) = databases::on_one_connection(database.url(), Strategy::Batched).await;
    let over = Arc::new(AtomicBool::new(false));
    let client = |n: usize| {
        let (stock, over) = (stock.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                stock.reserve(reserve(skus[n % 4], 1), None).await.unwrap();
            }
        })
    };
    let clients: Vec<_> = (0..32).map(client).collect();
    for n in 0..50 {
        stock.row(skus[n % 4]).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(stock.audit(10).await.unwrap(), []);
}
