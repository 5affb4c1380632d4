use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_store::Backend;
use tokio::sync::oneshot;

use super::*;
use crate::StockConfig;
use crate::command::Action;
use crate::port::plans::migrated;
use crate::port::sqlite::SqliteLedger;

/// An engine with one lane, and what keeps its database.
async fn engine() -> (Arc<Engine>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("lane.db").display());
    let store = migrated(&url).await;
    let Backend::Sqlite(sqlite) = store.backend() else {
        panic!("SQLite")
    };
    let port = Arc::new(SqliteLedger::new(store.clone(), sqlite.clone()));
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let ids = Ids::new(clock.clone(), entropy.clone());
    let config = StockConfig {
        lanes: 1,
        ..StockConfig::default()
    };
    (
        Arc::new(Engine::new(port, ids, clock, entropy, config)),
        folder,
    )
}

fn offer(engine: &Engine) -> (Offer<Waiting>, oneshot::Receiver<Answer>) {
    let (answer, answered) = oneshot::channel();
    let action = Action::SetLowStock {
        sku: "A".to_owned(),
        threshold: 1,
    };
    let command = Command { action, key: None };
    let waiting = Waiting { command, answer };
    let offer = engine.lane(0).offer(waiting, 1, Duration::MAX);
    (offer, answered)
}

#[tokio::test]
async fn who_finds_the_lane_idle_is_not_given_up_by_the_one_who_left_it() {
    let (engine, _folder) = engine().await;
    let (first, _answered) = offer(&engine);
    assert!(matches!(first, Offer::Start));
    let mut shift = Shift::begin(&engine, 0);
    assert_eq!(shift.next().unwrap().len(), 1);
    assert!(shift.next().is_none());
    let (second, mut answered) = offer(&engine);
    assert!(matches!(second, Offer::Start));
    drop(shift);
    assert_eq!(engine.lane(0).depth(), 1);
    assert!(matches!(
        answered.try_recv(),
        Err(oneshot::error::TryRecvError::Empty)
    ));
}

#[tokio::test]
async fn who_waits_hears_of_it_when_the_work_ends_early() {
    let (engine, _folder) = engine().await;
    let (first, _answered) = offer(&engine);
    assert!(matches!(first, Offer::Start));
    let mut shift = Shift::begin(&engine, 0);
    let batch = shift.next();
    let (second, answered) = offer(&engine);
    assert!(matches!(second, Offer::Wait));
    drop((shift, batch));
    assert!(answered.await.is_err());
    assert!(matches!(offer(&engine).0, Offer::Start));
}
