//! What every broker promises, as named cases. A case panics with what is wrong.

mod cancels;
mod claims;
mod enqueues;
mod letters;
mod lists;
mod poison;
mod rescues;
mod schedules;
mod settlements;
mod transactions;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, Ids, Timestamp};
use stanchion_store::Store;

use crate::model::{
    Args, Claimed, Fence, JobId, JobRow, Kind, LeaseId, NewJob, Outcome, Priority, Queue, Reason,
    Settlement, Worker,
};
use crate::port::{Claim, Holder, Port, Quota, RescueRules, Rescued, Verdict};
use crate::states::State;

/// A queue to be examined, empty, and a second server on the same database.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The store.
    pub store: Store,
    /// The broker to be examined.
    pub port: Arc<dyn Port>,
    /// The same, as another server has it: on connections of its own.
    pub other: Arc<dyn Port>,
    /// Where ids come from.
    pub ids: Ids,
}

/// A case: its name, which is its promise, and its examination.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise.
    pub name: &'static str,
    /// Examines an empty queue; panics when the promise is broken.
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
                examine: |subject| Box::pin($module::$name(subject)),
            }),*
        ];
    };
}

cases! {
    enqueues::a_job_is_told_as_it_was_given,
    enqueues::a_unique_job_is_enqueued_once_by_two_servers,
    enqueues::a_unique_job_keeps_others_away_while_it_is_in_scope,
    enqueues::of_two_unique_jobs_in_one_call_the_first_is_enqueued,
    claims::every_job_is_claimed_once_by_two_servers,
    claims::what_was_due_first_is_claimed_first,
    claims::no_more_than_its_quota_is_claimed_of_a_lane,
    claims::quotas_are_filled_in_their_order_up_to_the_most,
    claims::a_delayed_job_is_claimed_when_its_moment_has_come,
    claims::a_job_whose_transaction_was_slow_is_claimed,
    claims::what_comes_back_to_its_place_is_claimed,
    settlements::a_completed_job_is_in_the_history,
    settlements::an_old_fence_changes_nothing,
    settlements::a_completed_job_is_never_reopened,
    settlements::a_failure_counts_and_waits,
    settlements::an_attempt_number_only_grows,
    settlements::a_snooze_and_a_shutdown_cost_no_failure,
    settlements::ended_attempts_are_kept_up_to_a_bound,
    settlements::a_batch_is_settled_each_by_its_own_fence,
    settlements::a_parked_job_is_kept_until_somebody_knows_its_kind,
    settlements::a_parked_job_is_kept_for_workers_of_its_queue,
    transactions::a_job_is_enqueued_with_its_transaction_or_not_at_all,
    transactions::an_effect_and_its_completion_are_one,
    transactions::a_dead_letter_is_there_or_its_job_still_runs,
    transactions::a_held_fence_keeps_others_away,
    transactions::an_old_fence_cannot_be_held,
    rescues::a_lost_lease_is_rescued_once_and_costs_no_attempt,
    rescues::a_kept_lease_is_not_rescued,
    rescues::a_lease_lost_too_often_makes_a_dead_letter,
    rescues::a_rescue_is_bounded,
    rescues::an_expired_lease_holds_until_somebody_rescues,
    rescues::a_lease_that_is_prolonged_is_not_rescued,
    rescues::what_was_found_too_late_is_left,
    poison::only_what_had_started_is_a_suspect,
    poison::a_suspect_runs_alone_and_is_acquitted,
    poison::a_suspect_whose_process_lived_is_acquitted_however_it_ended,
    poison::two_crashes_condemn_an_input_and_no_neighbour,
    poison::a_suspect_claimed_alone_and_never_started_is_not_condemned,
    poison::one_death_of_two_jobs_on_one_input_condemns_neither,
    poison::a_reported_crash_makes_a_suspect,
    poison::a_death_that_condemns_counts_and_a_sentence_by_itself_does_not,
    poison::what_comes_on_a_suspect_input_is_put_aside,
    poison::suspects_that_wait_are_known,
    cancels::a_waiting_job_is_cancelled_at_once,
    cancels::a_running_job_hears_of_its_cancellation,
    cancels::a_job_whose_holder_died_is_cancelled,
    cancels::a_job_that_fails_after_its_cancellation_is_cancelled,
    cancels::progress_is_told_by_the_holder_alone,
    letters::dead_letters_are_replayed_by_filter_within_a_limit,
    letters::a_replayed_letter_has_its_attempts_and_new_arguments,
    letters::a_dry_run_changes_nothing,
    letters::a_letter_whose_unique_key_is_taken_stays,
    letters::replayed_poison_runs_alone,
    letters::history_is_forgotten_by_age_in_bounded_batches,
    lists::pages_give_every_job_once,
    lists::filters_let_through_what_they_say,
    lists::figures_tell_what_waits_runs_and_is_parked,
    lists::recent_jobs_tell_their_times,
    lists::what_ended_is_counted_once_by_queue,
    lists::holders_are_told_with_what_they_hold,
    schedules::a_tick_is_fired_once_by_two_servers,
    schedules::a_tick_before_the_last_one_is_not_fired,
}

/// A lease that no test outlives.
const LONG: Duration = Duration::from_mins(10);
/// A lease that is over as soon as it is looked at.
const SHORT: Duration = Duration::from_micros(1);

impl Subject {
    fn id(&self) -> JobId {
        JobId(self.ids.next())
    }

    /// A job of kind `work` in queue `main` on `what`.
    fn work(&self, what: &str) -> NewJob {
        let args = Args::of(&what).expect("arguments");
        NewJob::new(self.id(), kind("work"), queue("main"), args)
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) {
        let wanted = jobs.len();
        let enqueued = self.port.enqueue(None, jobs).await.expect("enqueued");
        assert_eq!(enqueued.len(), wanted);
    }

    /// Enqueues one job of the usual kind; answers its id.
    async fn enqueue_one(&self, what: &str) -> JobId {
        let job = self.work(what);
        let id = job.id;
        self.enqueue(vec![job]).await;
        id
    }

    fn holder(&self, lease_for: Duration) -> Holder {
        Holder {
            worker: Worker::new("examiner").expect("a name"),
            lease: LeaseId(self.ids.next()),
            lease_for,
        }
    }

    /// A wish for so many jobs of the queue `main` at normal priority, which begin at once.
    fn wish(&self, jobs: u32, lease_for: Duration) -> Claim {
        Claim {
            holder: self.holder(lease_for),
            quotas: vec![Quota {
                queue: queue("main"),
                priority: Priority::NORMAL,
                jobs,
            }],
            most: jobs,
            starts: true,
        }
    }

    async fn claim(&self, jobs: u32, lease_for: Duration) -> Vec<Claimed> {
        let claim = self.wish(jobs, lease_for);
        self.port.claim(claim).await.expect("claimed")
    }

    /// Claims the only job there is, for long.
    async fn claim_one(&self) -> Claimed {
        self.claim_for(LONG).await
    }

    async fn claim_for(&self, lease_for: Duration) -> Claimed {
        // What came back to its place is found by a later look.
        for _ in 0..10_000 {
            if let Some(claimed) = self.claim(1, lease_for).await.pop() {
                return claimed;
            }
            tokio::task::yield_now().await;
        }
        panic!("nothing to claim");
    }

    async fn claim_alone(&self, lease_for: Duration) -> Option<Claimed> {
        let holder = self.holder(lease_for);
        let claimed = self.port.claim_alone(vec![queue("main")], holder).await;
        claimed.expect("an answer")
    }

    /// Says that what is held begins.
    async fn begin(&self, claimed: &Claimed) {
        let verdicts = self.port.start(vec![claimed.fence]).await;
        assert_eq!(verdicts.expect("an answer"), [Verdict::Held]);
    }

    async fn settle(&self, fence: Fence, outcome: Outcome) -> Verdict {
        let settlement = Settlement { fence, outcome };
        let verdicts = self.port.settle(None, vec![settlement]).await;
        verdicts.expect("an answer")[0]
    }

    /// Settles what holds.
    async fn end(&self, fence: Fence, outcome: Outcome) {
        assert_eq!(self.settle(fence, outcome).await, Verdict::Held);
    }

    async fn rescue(&self) -> Vec<Rescued> {
        let rescued = self.port.rescue(RescueRules::default(), 100).await;
        rescued.expect("an answer")
    }

    async fn job(&self, id: JobId) -> JobRow {
        let job = self.port.job(id).await.expect("an answer");
        job.expect("a job")
    }

    async fn state(&self, id: JobId) -> State {
        self.job(id).await.state
    }

    /// Waits until a lease is over by the database's clock.
    async fn outlives(&self, claimed: &Claimed) {
        let until = self.job(claimed.fence.job).await.leased_until;
        self.passes(until.expect("a lease")).await;
    }

    /// Waits until the database's clock is past a moment.
    async fn passes(&self, at: Timestamp) {
        for _ in 0..1_000_000 {
            if self.port.now().await.expect("a clock") > at {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the database's clock stands still");
    }

    /// Makes a dead letter of a new job; answers its id.
    async fn bury(&self, job: NewJob, reason: Reason) -> JobId {
        let id = job.id;
        self.enqueue(vec![job]).await;
        let claimed = self.claim_one().await;
        assert_eq!(claimed.fence.job, id);
        self.end(claimed.fence, dead(reason)).await;
        id
    }
}

/// A subject over ports that a decorator made of another's.
#[must_use]
pub fn over(store: Store, port: Arc<dyn Port>, other: Arc<dyn Port>) -> Subject {
    let ids = Ids::new(Clock::system(), Entropy::system());
    Subject {
        store,
        port,
        other,
        ids,
    }
}

fn queue(name: &str) -> Queue {
    Queue::new(name).expect("a name")
}

fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a name")
}

fn priority(level: u8) -> Priority {
    Priority::new(level).expect("a priority")
}

fn retry(after: Duration) -> Outcome {
    Outcome::Retry {
        after,
        reason: Reason::Error,
        message: "it broke".to_owned(),
    }
}

fn dead(reason: Reason) -> Outcome {
    Outcome::Dead {
        reason,
        message: "for good".to_owned(),
    }
}

fn ids(claimed: &[Claimed]) -> Vec<JobId> {
    claimed.iter().map(|one| one.fence.job).collect()
}
