//! What every strategy on every database promises, as named cases. A case panics with what is wrong.

mod faulty;
mod feed;
mod keys;
mod ledger;
mod reservations;
mod settlements;
mod transactions;
mod unknown;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, Ids, Timestamp};
use stanchion_store::Store;
use stanchion_store::idempotency::IdempotencyKey;

use crate::model::{Line, Lines, Refusal, Reservation, StockRow};
use crate::port::Port;
use crate::{Adjust, Reserve, Stock, StockConfig, StockError, Strategy};

pub use faulty::{Fault, Faulty, Gate};

/// A ledger to be examined, empty, and a second server on the same database.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The store.
    pub store: Store,
    /// The ledger, with the strategy to be examined.
    pub stock: Stock,
    /// The same, as another server has it: on connections and lanes of its own.
    pub other: Stock,
}

/// A case: its name, which is its promise, and its examination.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise.
    pub name: &'static str,
    /// Examines an empty ledger; panics when the promise is broken.
    pub examine: fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! cases {
    ($($module:ident :: $name:ident),* $(,)?) => {
        /// All cases.
        pub const CASES: &[Case] = &[
            $(Case {
                name: stringify!($name),
                examine: |subject| Box::pin(async move {
                    let stock = subject.stock.clone();
                    $module::$name(subject).await;
                    let findings = stock.audit(10).await.expect("an audit");
                    assert!(findings.is_empty(), "{findings:?}");
                }),
            }),*
        ];
    };
}

cases! {
    reservations::what_is_held_is_there_and_not_to_be_had,
    reservations::all_lines_are_held_or_none,
    reservations::a_small_request_behind_a_too_large_one_is_served,
    reservations::concurrent_calls_on_two_servers_never_oversell,
    reservations::opposed_lines_on_two_servers_never_fail,
    reservations::a_time_out_of_bounds_is_refused,
    reservations::exhausted_attempts_tell_what_the_row_is,
    settlements::a_commit_sells_and_a_release_gives_back,
    settlements::a_partial_commit_gives_the_rest_back,
    settlements::no_more_than_is_held_is_sold,
    settlements::the_same_end_again_gets_the_same_answer,
    settlements::a_hold_whose_time_is_over_cannot_be_committed,
    settlements::exactly_one_of_commit_release_and_expiry_wins,
    settlements::a_due_hold_is_swept_once,
    keys::a_retried_key_gets_the_first_answer_and_changes_nothing,
    keys::a_key_with_another_request_is_refused,
    keys::concurrent_calls_with_one_key_have_one_effect,
    keys::a_refusal_is_kept_with_its_key,
    keys::a_key_whose_time_is_over_is_as_good_as_none,
    ledger::every_change_bumps_the_version,
    ledger::no_adjustment_is_lost_between_two_servers,
    ledger::the_version_tells_what_the_quantity_hides,
    ledger::stock_stays_within_its_bounds,
    ledger::the_first_pieces_come_in_once,
    feed::adjustments_and_levels_are_announced_once,
    feed::a_level_is_announced_in_the_transaction_that_reaches_it,
    transactions::a_shared_transaction_undoes_everything_together,
    transactions::a_refused_command_leaves_a_shared_transaction_usable,
    transactions::pieces_are_held_and_sold_in_one_transaction,
    unknown::an_unknown_commit_is_looked_up_and_not_repeated,
    unknown::a_commit_that_did_not_happen_is_repeated,
    unknown::an_unknown_commit_without_another_attempt_is_told_as_such,
    unknown::the_only_attempt_finds_what_its_key_did_before,
    unknown::nobody_hears_of_contention_whose_effect_is_there,
}

/// The settings under which cases run: holds may be short, and a slow machine is no reason to give up.
#[must_use]
pub fn config(strategy: Strategy) -> StockConfig {
    StockConfig {
        strategy,
        attempts: 200,
        deadline: Duration::from_secs(30),
        longest_pause: Duration::from_millis(20),
        shortest_ttl: Duration::from_micros(1),
        ..StockConfig::default()
    }
}

impl Subject {
    /// The ledger over another port with other settings.
    fn over(&self, port: Arc<dyn Port>, config: StockConfig) -> Stock {
        over(port, config)
    }

    async fn receive(&self, sku: &str, pieces: i64) -> StockRow {
        let row = self.stock.adjust(adjust(sku, pieces), None).await;
        row.expect("received")
    }

    async fn hold(&self, lines: &[(&str, i64)]) -> Reservation {
        let held = self.stock.reserve(reserve(lines), None).await;
        held.expect("held")
    }

    async fn row(&self, sku: &str) -> StockRow {
        let row = self.stock.row(sku).await.expect("an answer");
        row.expect("a row")
    }

    /// On hand and reserved.
    async fn counts(&self, sku: &str) -> (i64, i64) {
        let row = self.row(sku).await;
        (row.on_hand, row.reserved)
    }

    /// Waits until the database's clock is past a moment.
    async fn passes(&self, at: Timestamp) {
        let nothing = crate::command::Batch {
            commands: Arc::new([]),
            again: false,
            keep: Duration::ZERO,
        };
        for _ in 0..1_000_000 {
            let view = self.stock.port().view(&nothing).await.expect("a clock");
            if view.now > at {
                return;
            }
        }
        panic!("the database's clock stands still");
    }
}

/// A ledger on `port`, with system clock and entropy.
pub fn over(port: Arc<dyn Port>, config: StockConfig) -> Stock {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let ids = Ids::new(clock.clone(), entropy.clone());
    Stock::over(port, ids, clock, entropy, config)
}

fn adjust(sku: &str, delta: i64) -> Adjust {
    Adjust {
        sku: sku.to_owned(),
        delta,
        ..Adjust::default()
    }
}

fn reserve(lines: &[(&str, i64)]) -> Reserve {
    Reserve {
        lines: self::lines(lines),
        ttl: None,
        key: None,
    }
}

fn reserve_for(lines: &[(&str, i64)], ttl: Duration) -> Reserve {
    Reserve {
        ttl: Some(ttl),
        ..reserve(lines)
    }
}

fn lines(lines: &[(&str, i64)]) -> Lines {
    let lines = lines.iter().map(|(sku, quantity)| Line {
        sku: (*sku).to_owned(),
        quantity: *quantity,
    });
    Lines::new(lines.collect()).expect("lines")
}

fn key(name: &str, body: u8) -> Option<IdempotencyKey> {
    Some(IdempotencyKey {
        caller: "shop".to_owned(),
        route: "POST /v1/reservations".to_owned(),
        key: name.to_owned(),
        fingerprint: [body; 32],
    })
}

fn refusal<T: std::fmt::Debug>(result: Result<T, StockError>) -> Refusal {
    match result {
        Err(StockError::Refused(refusal)) => refusal,
        other => panic!("a refusal, not {other:?}"),
    }
}

fn is_short<T>(result: &Result<T, StockError>) -> bool {
    matches!(
        result,
        Err(StockError::Refused(Refusal::Insufficient { .. }))
    )
}
