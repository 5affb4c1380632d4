use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::Clock;

use super::{Backend, Memory, MemoryConfig};
use crate::model::Fallback;
use crate::{Ask, Decision, Limit, LimiterError};

/// Lets each limit say what it says while its buckets cannot be reached.
///
/// A limit that denies passes the error on, and so nothing is admitted. One that falls back to a share has buckets of its
/// own here, which are empty when the buckets cannot be reached any more, and forgotten when they can. A bucket that is
/// refused since there are too many is one that cannot be reached; who floods a server with keys is given no share for
/// them.
#[derive(Debug)]
pub struct WithFallback {
    inner: Arc<dyn Backend>,
    shares: MemoryConfig,
    clock: Clock,
    outage: Mutex<Option<Outage>>,
}

/// The time in which the buckets cannot be reached.
#[derive(Clone, Debug)]
struct Outage {
    since: Duration,
    shares: Arc<Memory>,
}

impl WithFallback {
    /// Over a keeper of buckets; `shares` bounds what is remembered in an outage.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>, shares: MemoryConfig, clock: Clock) -> Self {
        Self {
            inner,
            shares,
            clock,
            outage: Mutex::default(),
        }
    }

    fn outage(&self) -> Outage {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = || Outage {
            since: self.clock.monotonic(),
            shares: Arc::new(Memory::new(self.shares, self.clock.clone())),
        };
        outage.get_or_insert_with(begin).clone()
    }

    fn is_over(&self) {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        *outage = None;
    }

    async fn without(
        &self,
        asks: &[Ask<'_>],
        error: LimiterError,
    ) -> Result<Vec<Decision>, LimiterError> {
        let mut shares: Vec<Option<Limit>> = Vec::with_capacity(asks.len());
        for ask in asks {
            shares.push(match ask.limit().fallback() {
                Fallback::Allow => None,
                Fallback::Share { servers } if error != LimiterError::Crowded => {
                    // The smallest of all shares, since nobody knows which one this server has.
                    let last = servers.get() - 1;
                    Some(
                        ask.limit()
                            .divided(servers, last)
                            .ok_or_else(|| error.clone())?,
                    )
                }
                Fallback::Deny | Fallback::Share { .. } => return Err(error),
            });
        }
        let mut local = Vec::new();
        for (ask, share) in asks.iter().zip(&shares) {
            if let Some(share) = share {
                local.push(Ask::new(share, ask.key(), ask.cost())?);
            }
        }
        if local.is_empty() {
            return Ok(asks.iter().map(|ask| unlimited(ask, true)).collect());
        }
        let outage = self.outage();
        let lasted = self.clock.monotonic().saturating_sub(outage.since);
        let mut decided = outage.shares.check(&local).await?.into_iter();
        let allowed = decided.as_slice().iter().all(|decision| decision.allowed);
        let answers = asks.iter().zip(&shares);
        let answer = |(ask, share): (&Ask<'_>, &Option<Limit>)| match share {
            None => unlimited(ask, allowed),
            Some(share) => decided.next().map_or_else(
                || unlimited(ask, allowed),
                |decision| Decision {
                    bound: share.rate().given_in(lasted),
                    ..decision
                },
            ),
        };
        Ok(answers.map(answer).collect())
    }
}

fn unlimited(ask: &Ask<'_>, allowed: bool) -> Decision {
    Decision {
        allowed,
        burst: ask.limit().burst(),
        remaining: 0,
        retry_after: Duration::ZERO,
        reset_after: Duration::ZERO,
        bound: u64::MAX,
    }
}

#[async_trait]
impl Backend for WithFallback {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        match self.inner.check(asks).await {
            Err(error) if error.is_out_of_reach() => self.without(asks, error).await,
            answer => {
                self.is_over();
                answer
            }
        }
    }

    fn check_now(&self, ask: &Ask<'_>) -> Option<Result<Decision, LimiterError>> {
        let answer = self.inner.check_now(ask)?;
        (!answer.as_ref().is_err_and(LimiterError::is_out_of_reach)).then_some(answer)
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        self.inner.refund(ask).await
    }
}
