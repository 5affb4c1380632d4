//! Brokers with one wrong each. The suite is only worth something if the case named for that wrong rejects it.

pub(crate) mod wrong;

use std::sync::Arc;

use futures_util::FutureExt as _;
use stanchion_jobs::conformance::{CASES, Subject, over};
use stanchion_jobs::port::Port;

use crate::databases;
use wrong::{Broken, Wrong};

/// Whether the case of this name rejects a broker with this wrong, on both of its servers.
async fn rejects(sound: Subject, wrong: Wrong, name: &str) -> bool {
    let broken = |inner: &Arc<dyn Port>| -> Arc<dyn Port> {
        Arc::new(Broken::new(Arc::clone(inner), sound.store.clone(), wrong))
    };
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let (port, other) = (broken(&sound.port), broken(&sound.other));
    let examination = (case.examine)(over(sound.store.clone(), port, other));
    std::panic::AssertUnwindSafe(examination)
        .catch_unwind()
        .await
        .is_err()
}

macro_rules! rejected {
    ($($test:ident: $database:ident $wrong:ident by $case:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let (sound, _database) = databases::$database().await;
            let case = stringify!($case);
            assert!(rejects(sound, Wrong::$wrong, case).await, "{:?} was let through", Wrong::$wrong);
        })*
    };
}

rejected! {
    a_completion_without_a_fence: sqlite CompletesWithoutFence by an_old_fence_changes_nothing,
    a_completion_without_a_fence_on_postgres: postgres CompletesWithoutFence by an_old_fence_changes_nothing,
    a_rescue_of_a_completed_job: sqlite RescuesCompleted by a_completed_job_is_never_reopened,
    an_acknowledgement_before_the_effect:
        postgres AcknowledgesBeforeTheEffect by an_effect_and_its_completion_are_one,
    a_retry_that_forgets_its_attempt: sqlite ForgetsAttempts by an_attempt_number_only_grows,
    a_dead_letter_lost_in_between: postgres LosesDeadLetters by a_dead_letter_is_there_or_its_job_still_runs,
    a_hold_that_holds_nothing: postgres HoldsNothing by an_old_fence_cannot_be_held,
    a_hold_without_a_lock: postgres HoldsWithoutLock by a_held_fence_keeps_others_away,
    a_shutdown_that_costs_an_attempt: sqlite ChargesShutdowns by a_snooze_and_a_shutdown_cost_no_failure,
    a_lost_lease_without_a_cap: sqlite NeverGivesUp by a_lease_lost_too_often_makes_a_dead_letter,
    a_neighbour_that_is_condemned:
        sqlite CondemnsNeighbours by two_crashes_condemn_an_input_and_no_neighbour,
    a_suspect_among_others: sqlite MixesSuspects by a_suspect_runs_alone_and_is_acquitted,
    a_tick_by_each_server: sqlite FiresTwice by a_tick_is_fired_once_by_two_servers,
    an_own_transaction_instead_of_the_callers:
        postgres OwnTransaction by a_job_is_enqueued_with_its_transaction_or_not_at_all,
    a_unique_key_that_is_looked_at_first:
        sqlite ForgetsUniqueness by a_unique_job_is_enqueued_once_by_two_servers,
    a_quota_for_all_lanes: sqlite IgnoresQuotas by no_more_than_its_quota_is_claimed_of_a_lane,
    a_cancellation_that_nobody_hears_of: sqlite HidesCancellations by a_running_job_hears_of_its_cancellation,
    a_replay_that_is_never_dry: sqlite NeverDry by a_dry_run_changes_nothing,
    a_claim_that_starts_everything: sqlite StartsEverything by only_what_had_started_is_a_suspect,
    a_suspect_that_is_started_by_its_claim:
        postgres StartsSuspects by a_suspect_claimed_alone_and_never_started_is_not_condemned,
    a_count_that_leaves_out_what_was_cancelled: sqlite ForgetsTheEnded by what_ended_is_counted_once_by_queue,
    a_holder_of_whatever_number: sqlite HidesHolders by holders_are_told_with_what_they_hold,
    an_unparking_in_whatever_queue:
        sqlite UnparksElsewhere by a_parked_job_is_kept_for_workers_of_its_queue,
}
