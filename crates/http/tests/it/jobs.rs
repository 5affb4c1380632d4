//! Jobs over HTTP, on both databases: enqueued, done by workers elsewhere, looked at, ended, tried again.

mod bad_input;
mod letters;
mod office;
mod suspects;
mod work;

/// Runs cases, each an `async fn(Office)`, on both databases.
macro_rules! on_both {
    ($($module:ident :: $case:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$module::$case(super::office::Office::open(false).await).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$module::$case(super::office::Office::open(true).await).await;
            })*
        }
    };
}

on_both! {
    work::a_job_is_enqueued_claimed_kept_and_completed,
    work::who_lost_the_lease_changes_nothing,
    work::a_failure_is_tried_again_until_it_is_a_dead_letter,
    work::a_waiting_claim_gets_what_is_enqueued_meanwhile,
    work::what_was_claimed_for_a_client_that_has_gone_is_for_others,
    work::a_batch_has_something_of_every_priority,
    work::an_attempt_that_takes_too_long_cannot_be_prolonged,
    work::a_holder_hears_that_its_job_is_to_be_cancelled,
    work::a_job_of_an_unknown_kind_waits_for_a_worker_that_knows_it,
    suspects::who_never_runs_alone_gets_no_suspect,
    suspects::two_dead_workers_on_an_input_make_it_poison,
    letters::a_retried_enqueue_makes_one_job,
    letters::of_two_with_a_unique_key_one_is_enqueued,
    letters::dead_letters_are_listed_and_tried_again,
    letters::a_dead_letter_is_mended_and_tried_again,
    letters::queues_show_what_waits_and_how_long_it_took,
    bad_input::what_means_nothing_is_refused_and_nothing_is_stored,
    bad_input::garbage_for_a_fence_changes_nothing,
}
