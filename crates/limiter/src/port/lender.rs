use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::Uuid;

use super::Backend;
use crate::{Ask, Decision, Limit, LimiterError};

/// A keeper that lends tokens in advance, to be spent with no network.
///
/// A lease is taken out of its bucket when it is granted, and as long as it is outstanding the bucket fills no further
/// than what is missing to the burst besides. The keeper forgets it when its lifetime is over on the keeper's clock,
/// lengthened by [`Lender::drift`], and never credits what was left of it then. The holder stops spending earlier: when
/// the lifetime, shortened by the drift, has passed since it sent the request, on a clock that goes on while the machine
/// is suspended.
#[async_trait]
pub trait Lender: Backend {
    /// Takes back what is settled, and then takes a chunk out. Asking again with the same id grants nothing more: it is
    /// answered with the lease that is outstanding.
    ///
    /// # Errors
    /// The backend's own. What was granted and not heard of is spent.
    async fn lend(&self, request: &LeaseRequest<'_>) -> Result<Lent, LimiterError>;

    /// Takes back leases that their holder will not use any more.
    ///
    /// # Errors
    /// The backend's own. What was not taken back is forgotten in its time.
    async fn settle(
        &self,
        limit: &Limit,
        key: &str,
        settled: &[Settled],
    ) -> Result<(), LimiterError>;

    /// How far two clocks may drift apart, as a part of the time that passes.
    fn drift(&self) -> f64 {
        DRIFT
    }
}

/// The drift that is assumed: 1 in 100, which is far more than clocks do.
pub const DRIFT: f64 = 0.01;
/// The shortest that a lease lives; of less the drift would be no whole number of microseconds.
pub const MIN_LIFETIME: Duration = Duration::from_millis(10);
/// The longest that a lease lives.
pub const MAX_LIFETIME: Duration = Duration::from_secs(60);
/// The most leases that are outstanding of one bucket; a keeper refuses more.
pub const MAX_LEASES: usize = 64;
/// The most leases that one call settles.
pub const MAX_SETTLED: usize = 8;

/// The identity of a lease, which its holder makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseId(pub Uuid);

/// The reign of a keeper over its buckets, as it calls it itself. What was lent in one is unknown in the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub Box<str>);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request for a lease.
#[derive(Clone, Copy, Debug)]
pub struct LeaseRequest<'a> {
    /// The limit.
    pub limit: &'a Limit,
    /// Whose bucket.
    pub key: &'a str,
    /// The lease's identity.
    pub id: LeaseId,
    /// How many tokens, 1 or more and no more than the burst; the same as before when it is asked again. A keeper grants
    /// all of them or none.
    pub tokens: u64,
    /// For how long, from [`MIN_LIFETIME`] to [`MAX_LIFETIME`].
    pub lifetime: Duration,
    /// Earlier leases of the same bucket that are done with, at most [`MAX_SETTLED`].
    pub settled: &'a [Settled],
}

impl<'a> LeaseRequest<'a> {
    /// The request as a question to its bucket, once it is within its bounds.
    pub(crate) fn ask(&self) -> Result<Ask<'a>, LimiterError> {
        let is_sound = self.tokens > 0
            && (MIN_LIFETIME..=MAX_LIFETIME).contains(&self.lifetime)
            && self.settled.len() <= MAX_SETTLED;
        if is_sound {
            Ask::new(self.limit, self.key, self.tokens)
        } else {
            Err(LimiterError::Lease)
        }
    }
}

/// A lease that is done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which one.
    pub id: LeaseId,
    /// The epoch in which it was granted; one of another epoch is not known any more.
    pub epoch: Epoch,
    /// Tokens that were not spent and never will be. They go back into the bucket.
    pub unspent: u64,
}

/// The answer to a request for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lent {
    /// The lease is the holder's.
    Granted {
        /// The epoch in which it was granted.
        epoch: Epoch,
        /// What the bucket says after it: the tokens that are left in it.
        decision: Decision,
    },
    /// The bucket does not hold so many; the decision says when it will.
    Refused {
        /// What the bucket says.
        decision: Decision,
    },
}
