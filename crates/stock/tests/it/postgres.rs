use stanchion_stock::Strategy;
use stanchion_stock::conformance::CASES;

use crate::databases;

/// Runs the case of this name on a fresh database.
async fn conforms(strategy: Strategy, name: &str) {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let (subject, _database) = databases::postgres(strategy).await;
    (case.examine)(subject).await;
}

macro_rules! conform {
    ($($name:ident)*) => {
        conform!(@ optimistic Optimistic $($name)*);
        conform!(@ pessimistic Pessimistic $($name)*);
        conform!(@ atomic Atomic $($name)*);
        conform!(@ batched Batched $($name)*);
        conform!(@ adaptive Adaptive $($name)*);

        #[test]
        fn every_case_is_run() {
            assert_eq!([$(stringify!($name)),*].len(), CASES.len());
        }
    };
    (@ $module:ident $strategy:ident $($name:ident)*) => {
        mod $module {
            use super::{Strategy, conforms};

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                conforms(Strategy::$strategy, stringify!($name)).await;
            })*
        }
    };
}

conform! {
    what_is_held_is_there_and_not_to_be_had
    all_lines_are_held_or_none
    a_small_request_behind_a_too_large_one_is_served
    concurrent_calls_on_two_servers_never_oversell
    opposed_lines_on_two_servers_never_fail
    a_time_out_of_bounds_is_refused
    exhausted_attempts_tell_what_the_row_is
    a_commit_sells_and_a_release_gives_back
    a_partial_commit_gives_the_rest_back
    no_more_than_is_held_is_sold
    the_same_end_again_gets_the_same_answer
    a_hold_whose_time_is_over_cannot_be_committed
    exactly_one_of_commit_release_and_expiry_wins
    a_due_hold_is_swept_once
    a_retried_key_gets_the_first_answer_and_changes_nothing
    a_key_with_another_request_is_refused
    concurrent_calls_with_one_key_have_one_effect
    a_refusal_is_kept_with_its_key
    a_key_whose_time_is_over_is_as_good_as_none
    every_change_bumps_the_version
    no_adjustment_is_lost_between_two_servers
    the_version_tells_what_the_quantity_hides
    stock_stays_within_its_bounds
    the_first_pieces_come_in_once
    adjustments_and_levels_are_announced_once
    a_level_is_announced_in_the_transaction_that_reaches_it
    a_shared_transaction_undoes_everything_together
    a_refused_command_leaves_a_shared_transaction_usable
    pieces_are_held_and_sold_in_one_transaction
    an_unknown_commit_is_looked_up_and_not_repeated
    a_commit_that_did_not_happen_is_repeated
    an_unknown_commit_without_another_attempt_is_told_as_such
    the_only_attempt_finds_what_its_key_did_before
    nobody_hears_of_contention_whose_effect_is_there
}
