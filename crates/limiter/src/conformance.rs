//! What every keeper of buckets promises, as named cases. A case panics with what is wrong.

mod bursts;
mod calls;
mod history;
mod lender;
mod time;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::port::{Backend, Lender};
use crate::{Ask, Decision, Limit, Rate};

pub use history::{Admission, Excess, History};

/// A future that nobody borrows from.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A keeper to be examined, of which nothing was asked yet and which began long enough ago for every bucket to be full.
#[derive(Clone)]
pub struct Subject {
    /// The keeper.
    pub backend: Arc<dyn Backend>,
    /// The same buckets, as another server reaches them; the keeper itself where there is but one process.
    pub other: Arc<dyn Backend>,
    /// A keeper that began a moment ago.
    pub newborn: Arc<dyn Backend>,
    /// Lets time pass on the clock of the buckets.
    pub pass: Arc<dyn Fn(Duration) -> Boxed<()> + Send + Sync>,
    /// What its servers promise together.
    pub sharing: Sharing,
}

/// How the servers of a keeper share a bucket.
#[derive(Clone)]
pub enum Sharing {
    /// Each sees it as it is.
    Exact,
    /// Each hears later what others admitted, and until then admits up to the burst by itself.
    Late {
        /// How many servers there are.
        servers: u64,
        /// Waits until every server has heard what was admitted before.
        told: Arc<dyn Fn() -> Boxed<()> + Send + Sync>,
    },
    /// Each has a part of it, and gets what others have when it is short. Nothing is admitted beyond the limit; but what
    /// does not fit into a server's part, as what is put back there, is lost.
    Split {
        /// Waits until nothing is on its way between servers.
        settled: Arc<dyn Fn() -> Boxed<()> + Send + Sync>,
    },
}

impl Subject {
    /// Waits until what was asked of one server has its effect on all.
    async fn told(&self) {
        match &self.sharing {
            Sharing::Exact => {}
            Sharing::Late { told, .. } => told().await,
            Sharing::Split { settled } => settled().await,
        }
    }

    fn is_split(&self) -> bool {
        matches!(self.sharing, Sharing::Split { .. })
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

/// A case: its name, which is its promise, and its examination.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise.
    pub name: &'static str,
    /// Examines a keeper; panics when the promise is broken.
    pub examine: fn(Subject) -> Boxed<()>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A keeper that lends, to be examined like a [`Subject`].
#[derive(Clone)]
pub struct LenderSubject {
    /// The keeper.
    pub lender: Arc<dyn Lender>,
    /// Lets time pass on the clock of the buckets, and not much more than is asked for.
    pub pass: Arc<dyn Fn(Duration) -> Boxed<()> + Send + Sync>,
}

impl fmt::Debug for LenderSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LenderSubject")
            .field("lender", &self.lender)
            .finish_non_exhaustive()
    }
}

/// A case of a keeper that lends.
#[derive(Clone, Copy)]
pub struct LenderCase {
    /// The promise.
    pub name: &'static str,
    /// Examines a keeper; panics when the promise is broken.
    pub examine: fn(LenderSubject) -> Boxed<()>,
}

impl fmt::Debug for LenderCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! cases {
    ($(#[$doc:meta])* $cases:ident of $case:ident: $($module:ident :: $($name:ident)::+),* $(,)?) => {
        $(#[$doc])*
        pub const $cases: &[$case] = &[
            $($case {
                name: cases!(@last $($name)::+),
                examine: |subject| Box::pin($module::$($name)::+(subject)),
            }),*
        ];
    };
    (@last $name:ident) => { stringify!($name) };
    (@last $module:ident :: $name:ident) => { stringify!($name) };
}

cases! {
    /// All cases.
    CASES of Case:
    bursts::a_bucket_gives_its_burst_and_no_more,
    bursts::keys_and_limits_have_buckets_of_their_own,
    bursts::concurrent_calls_on_two_servers_get_no_more_than_the_burst,
    bursts::a_bucket_that_is_not_known_was_empty_at_the_start,
    bursts::what_is_put_back_is_there_again_and_never_more_than_the_burst,
    calls::a_cost_of_nothing_takes_nothing,
    calls::several_limits_give_all_or_nothing,
    calls::a_bucket_cannot_be_asked_twice_in_one_call,
    calls::a_changed_limit_keeps_the_tokens_that_fit,
    time::tokens_come_back_at_the_rate,
    time::whoever_waits_as_long_as_told_is_served,
}

cases! {
    /// All cases of a keeper that lends, which has to pass [`CASES`] besides.
    LENDER_CASES of LenderCase:
    lender::grants::what_is_lent_is_not_in_the_bucket,
    lender::grants::a_chunk_is_granted_whole_or_not_at_all,
    lender::grants::a_grant_asked_again_is_the_same_lease,
    lender::grants::concurrent_holders_get_no_more_than_the_burst,
    lender::grants::leases_beyond_the_bound_are_refused,
    lender::grants::a_request_out_of_bounds_is_refused,
    lender::room::a_bucket_does_not_fill_beside_what_is_lent,
    lender::room::what_is_put_back_has_no_room_beside_what_is_lent,
    lender::room::a_changed_limit_keeps_count_of_what_is_lent,
    lender::room::whoever_waits_for_a_lease_to_end_is_served,
    lender::ends::a_lease_that_has_ended_is_never_credited,
    lender::ends::a_lease_is_outstanding_for_all_of_its_life,
    lender::ends::a_bucket_gets_nothing_for_the_time_before_a_lease_ended,
    lender::returns::a_return_counts_once,
    lender::returns::no_more_comes_back_than_was_lent,
    lender::returns::a_lease_of_another_epoch_is_not_credited,
    lender::returns::a_request_settles_before_it_lends,
}

/// A limit that gives a token in a minute, too slowly for a case to see one come back.
fn slow(name: &str, burst: u64) -> Limit {
    Limit::new(name, Rate::new(1, Duration::from_mins(1)), burst).expect("a limit")
}

/// How many single tokens it gives before it refuses one, or has given more than the burst.
async fn drain(backend: &dyn Backend, limit: &Limit, key: &str) -> u64 {
    let mut given = 0;
    while given <= limit.burst() && ask(backend, limit, key, 1).await.allowed {
        given += 1;
    }
    given
}

async fn ask(backend: &dyn Backend, limit: &Limit, key: &str, cost: u64) -> Decision {
    let ask = Ask::new(limit, key, cost).expect("a question");
    let asked = backend.check(&[ask]).await.expect("an answer");
    assert_eq!(asked.len(), 1, "an answer for each question");
    asked[0]
}
