//! What a worker promises, on both databases.

mod alone;
mod attempts;
pub(crate) mod bench;
mod cancels;
mod effects;
mod faults;
mod faulty;
mod leases;
mod lives;
mod parked;
mod schedules;
mod shares;
mod tidying;

/// Runs cases, each an `async fn(Subject)`, on both databases.
macro_rules! on_both {
    ($($module:ident :: $case:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (subject, _folder) = crate::databases::sqlite().await;
                super::$module::$case(subject).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (subject, _database) = crate::databases::postgres().await;
                super::$module::$case(subject).await;
            })*
        }
    };
}

on_both! {
    attempts::jobs_are_done_once_each,
    attempts::a_failure_is_tried_again_until_it_is_a_dead_letter,
    attempts::a_panic_is_counted_apart_and_takes_nobody_with_it,
    attempts::arguments_whose_reading_panics_take_nobody_with_them,
    attempts::a_panic_beside_the_handler_costs_a_lease_and_the_worker_goes_on,
    attempts::a_handler_that_panics_when_it_is_dropped_has_ended_all_the_same,
    attempts::a_handler_that_hangs_is_ended_after_its_time,
    attempts::a_snooze_costs_no_attempt,
    attempts::a_handler_says_when_it_is_tried_again,
    attempts::a_permanent_failure_is_a_dead_letter_at_once,
    attempts::a_unique_job_is_done_once,
    parked::a_job_of_an_unknown_kind_waits_for_a_worker_that_knows_it,
    parked::a_parked_job_waits_for_a_worker_of_its_queue,
    parked::arguments_that_cannot_be_read_make_a_dead_letter_that_can_be_mended,
    cancels::a_running_job_is_asked_to_end,
    cancels::a_handler_that_does_not_end_is_dropped,
    cancels::a_waiting_job_never_begins,
    cancels::progress_is_told_while_the_job_runs,
    lives::a_stopping_worker_lets_its_jobs_end,
    lives::a_stopping_worker_gives_back_without_an_attempt,
    lives::the_jobs_of_a_worker_that_vanished_are_offered_again,
    leases::a_lease_is_kept_while_all_async_threads_are_blocked,
    leases::a_worker_that_lost_its_lease_changes_nothing,
    leases::no_lease_is_lost_while_the_database_stands_still,
    effects::an_effect_and_its_completion_are_one,
    faults::an_end_that_could_not_be_told_is_told_later,
    faults::an_end_that_is_refused_holds_up_no_other,
    faults::a_suspect_begins_when_the_end_of_the_one_before_is_told,
    faults::a_worker_goes_on_after_claims_that_failed,
    alone::a_suspect_runs_with_nothing_beside_it,
    alone::two_crashes_on_an_input_make_it_poison_and_its_neighbours_are_done,
    alone::a_suspect_that_another_worker_takes_keeps_nobody_from_claiming,
    schedules::a_tick_is_fired_once_by_two_workers,
    shares::every_priority_gets_its_share_of_the_completions,
    shares::what_needs_more_than_there_is_waits,
}
