use stanchion_jobs::conformance::CASES;

use crate::databases;

/// Runs the case of this name on a fresh database.
async fn conforms(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let (subject, _database) = databases::sqlite().await;
    (case.examine)(subject).await;
}

macro_rules! conform {
    ($($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            conforms(stringify!($name)).await;
        })*

        #[test]
        fn every_case_is_run() {
            assert_eq!([$(stringify!($name)),*].len(), CASES.len());
        }
    };
}

conform! {
    a_job_is_told_as_it_was_given
    a_unique_job_is_enqueued_once_by_two_servers
    a_unique_job_keeps_others_away_while_it_is_in_scope
    of_two_unique_jobs_in_one_call_the_first_is_enqueued
    every_job_is_claimed_once_by_two_servers
    what_was_due_first_is_claimed_first
    no_more_than_its_quota_is_claimed_of_a_lane
    quotas_are_filled_in_their_order_up_to_the_most
    a_delayed_job_is_claimed_when_its_moment_has_come
    a_job_whose_transaction_was_slow_is_claimed
    what_comes_back_to_its_place_is_claimed
    a_completed_job_is_in_the_history
    an_old_fence_changes_nothing
    a_completed_job_is_never_reopened
    a_failure_counts_and_waits
    an_attempt_number_only_grows
    a_snooze_and_a_shutdown_cost_no_failure
    ended_attempts_are_kept_up_to_a_bound
    a_batch_is_settled_each_by_its_own_fence
    a_parked_job_is_kept_until_somebody_knows_its_kind
    a_parked_job_is_kept_for_workers_of_its_queue
    a_job_is_enqueued_with_its_transaction_or_not_at_all
    an_effect_and_its_completion_are_one
    a_dead_letter_is_there_or_its_job_still_runs
    a_held_fence_keeps_others_away
    an_old_fence_cannot_be_held
    a_lost_lease_is_rescued_once_and_costs_no_attempt
    a_kept_lease_is_not_rescued
    a_lease_lost_too_often_makes_a_dead_letter
    a_rescue_is_bounded
    an_expired_lease_holds_until_somebody_rescues
    a_lease_that_is_prolonged_is_not_rescued
    what_was_found_too_late_is_left
    only_what_had_started_is_a_suspect
    a_suspect_runs_alone_and_is_acquitted
    a_suspect_whose_process_lived_is_acquitted_however_it_ended
    two_crashes_condemn_an_input_and_no_neighbour
    a_suspect_claimed_alone_and_never_started_is_not_condemned
    one_death_of_two_jobs_on_one_input_condemns_neither
    a_reported_crash_makes_a_suspect
    a_death_that_condemns_counts_and_a_sentence_by_itself_does_not
    what_comes_on_a_suspect_input_is_put_aside
    suspects_that_wait_are_known
    a_waiting_job_is_cancelled_at_once
    a_running_job_hears_of_its_cancellation
    a_job_whose_holder_died_is_cancelled
    a_job_that_fails_after_its_cancellation_is_cancelled
    progress_is_told_by_the_holder_alone
    dead_letters_are_replayed_by_filter_within_a_limit
    a_replayed_letter_has_its_attempts_and_new_arguments
    a_dry_run_changes_nothing
    a_letter_whose_unique_key_is_taken_stays
    replayed_poison_runs_alone
    history_is_forgotten_by_age_in_bounded_batches
    pages_give_every_job_once
    filters_let_through_what_they_say
    figures_tell_what_waits_runs_and_is_parked
    recent_jobs_tell_their_times
    what_ended_is_counted_once_by_queue
    holders_are_told_with_what_they_hold
    a_tick_is_fired_once_by_two_servers
    a_tick_before_the_last_one_is_not_fired
}
