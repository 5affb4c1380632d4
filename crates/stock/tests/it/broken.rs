//! Ports with one wrong each. The suite is only worth something if the case named for that wrong rejects it.

mod wrong;

use std::sync::Arc;

use futures_util::FutureExt as _;
use stanchion_stock::Strategy;
use stanchion_stock::conformance::{CASES, Subject, config, over};

use crate::databases;
use wrong::{Broken, Memory, Wrong};

/// Whether the case of this name rejects a port with this wrong, on both of its servers.
async fn rejects(sound: Subject, wrong: Wrong, name: &str) -> bool {
    let config = config(sound.stock.config().strategy);
    let memory = Arc::new(Memory::default());
    let broken = |stock: &stanchion_stock::Stock, is_second| {
        let port = Broken {
            inner: stock.port(),
            store: sound.store.clone(),
            wrong,
            is_second,
            memory: Arc::clone(&memory),
        };
        over(Arc::new(port), config.clone())
    };
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let examination = (case.examine)(Subject {
        store: sound.store.clone(),
        stock: broken(&sound.stock, false),
        other: broken(&sound.other, true),
    });
    std::panic::AssertUnwindSafe(examination)
        .catch_unwind()
        .await
        .is_err()
}

macro_rules! rejected {
    ($($test:ident: $database:ident $strategy:ident $wrong:ident by $case:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let (sound, _database) = databases::$database(Strategy::$strategy).await;
            let case = stringify!($case);
            assert!(rejects(sound, Wrong::$wrong, case).await, "{:?} was let through", Wrong::$wrong);
        })*
    };
}

rejected! {
    check_then_write: postgres Pessimistic CheckThenWrite by concurrent_calls_on_two_servers_never_oversell,
    check_then_write_on_sqlite: sqlite Pessimistic CheckThenWrite by concurrent_calls_on_two_servers_never_oversell,
    lost_updates: postgres Pessimistic CheckThenWrite by no_adjustment_is_lost_between_two_servers,
    a_batch_on_a_snapshot_older_than_its_lock:
        postgres Batched SnapshotOlderThanLock by concurrent_calls_on_two_servers_never_oversell,
    a_version_that_stays: sqlite Pessimistic VersionStays by every_change_bumps_the_version,
    a_quantity_as_version: sqlite Pessimistic QuantityAsVersion by the_version_tells_what_the_quantity_hides,
    locks_in_any_order: postgres Pessimistic LocksInAnyOrder by opposed_lines_on_two_servers_never_fail,
    a_key_outside_the_transaction:
        postgres Pessimistic KeyOutsideTheTransaction by concurrent_calls_with_one_key_have_one_effect,
    a_hold_that_ends_twice: sqlite Pessimistic EndsTwice by exactly_one_of_commit_release_and_expiry_wins,
    a_sweep_that_counts_twice: sqlite Pessimistic EndsTwice by the_same_end_again_gets_the_same_answer,
    an_unknown_commit_taken_for_a_failed_one:
        sqlite Pessimistic UnknownTakenForFailed by an_unknown_commit_is_looked_up_and_not_repeated,
    a_port_that_does_not_look_for_what_is_there:
        sqlite Pessimistic NeverLooks by the_only_attempt_finds_what_its_key_did_before,
    contention_told_without_a_look:
        sqlite Pessimistic NeverLooks by nobody_hears_of_contention_whose_effect_is_there,
    an_own_transaction_instead_of_the_callers:
        postgres Pessimistic OwnTransaction by a_shared_transaction_undoes_everything_together,
    a_refusal_without_its_key: sqlite Pessimistic RefusalForgotten by a_refusal_is_kept_with_its_key,
    some_of_the_lines: sqlite Pessimistic FirstLineOnly by all_lines_are_held_or_none,
    a_rest_that_stays_held: sqlite Pessimistic RestStaysHeld by a_partial_commit_gives_the_rest_back,
    levels_that_nobody_hears_of: sqlite Pessimistic LevelsUnannounced by adjustments_and_levels_are_announced_once,
    everything_announced: sqlite Pessimistic EverythingAnnounced by adjustments_and_levels_are_announced_once,
    the_clock_of_a_server: sqlite Pessimistic ClockOfTheServer by a_hold_whose_time_is_over_cannot_be_committed,
}
