mod shard;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use stanchion_kernel::Clock;

use super::{Backend, Epoch, LeaseRequest, Lender, Lent, MAX_SETTLED, Settled, all_differ};
use crate::bucket::Level;
use crate::lease::{Loan, keepers_end, micros};
use crate::{Ask, Decision, Limit, LimiterError};
use shard::Shard;

/// The bounds of [`Memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryConfig {
    /// How many buckets that are not full are remembered, 1 or more; questions about more are refused with
    /// [`LimiterError::Crowded`]. Full ones are forgotten when room is needed.
    pub buckets: usize,
    /// In how many parts they are kept, 1 or more; questions to different parts do not wait for each other.
    pub shards: usize,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            buckets: 1_000_000,
            shards: 64,
        }
    }
}

/// Buckets in the memory of one process, on its monotonic clock.
///
/// They were empty when it was made: a process that is started again does not grant its bursts again.
#[derive(Debug)]
pub struct Memory {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    clock: Clock,
    epoch: Epoch,
}

impl Memory {
    /// Empty buckets.
    #[must_use]
    pub fn new(config: MemoryConfig, clock: Clock) -> Self {
        let shards = config.shards.max(1);
        let room = config.buckets.div_ceil(shards).max(1);
        let born_us = micros(clock.monotonic());
        let hasher = RandomState::new();
        // As unpredictable as the places of the keys, and another for every keeper.
        let epoch = Epoch(format!("{:016x}", hasher.hash_one("epoch")).into());
        let shard = |_| Mutex::new(Shard::new(born_us, room));
        Self {
            shards: (0..shards).map(shard).collect(),
            hasher,
            clock,
            epoch,
        }
    }

    fn shard_of(&self, ask: &Ask<'_>) -> usize {
        let hash = self.hasher.hash_one((ask.limit().name(), ask.key()));
        let shards = u64::try_from(self.shards.len()).unwrap_or(u64::MAX);
        usize::try_from(hash % shards).unwrap_or_default()
    }

    fn now_us(&self) -> u64 {
        micros(self.clock.monotonic())
    }

    fn lock(&self, at: usize) -> MutexGuard<'_, Shard> {
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// One question: one lock, and no memory for a key that is known.
    fn check_one(&self, ask: &Ask<'_>) -> Result<Decision, LimiterError> {
        let mut shard = self.lock(self.shard_of(ask));
        let now_us = self.now_us();
        let asked = shard.peek(ask, now_us);
        if !asked.holds {
            return Ok(decision(ask, asked, false));
        }
        shard.make_room(ask, now_us)?;
        Ok(decision(ask, shard.take(ask, now_us), true))
    }

    fn check_all(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        let at: Vec<usize> = asks.iter().map(|ask| self.shard_of(ask)).collect();
        // Locked in their order, so that no two calls wait for each other in a circle.
        let mut order = at.clone();
        order.sort_unstable();
        order.dedup();
        let mut held: Vec<_> = order.iter().map(|at| self.lock(*at)).collect();
        let place = |at: &usize| order.binary_search(at).unwrap_or_default();
        let now_us = self.now_us();
        let mut levels = Vec::with_capacity(asks.len());
        for (ask, at) in asks.iter().zip(&at) {
            levels.push(held[place(at)].peek(ask, now_us));
        }
        let allowed = levels.iter().all(|level| level.holds);
        if allowed {
            for (ask, at) in asks.iter().zip(&at) {
                held[place(at)].make_room(ask, now_us)?;
            }
            for ((ask, at), level) in asks.iter().zip(&at).zip(&mut levels) {
                *level = held[place(at)].take(ask, now_us);
            }
        }
        let answers = asks.iter().zip(levels);
        Ok(answers
            .map(|(ask, level)| decision(ask, level, allowed))
            .collect())
    }
}

#[async_trait]
impl Backend for Memory {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        all_differ(asks)?;
        match asks {
            [ask] => Ok(vec![self.check_one(ask)?]),
            asks => self.check_all(asks),
        }
    }

    fn check_now(&self, ask: &Ask<'_>) -> Option<Result<Decision, LimiterError>> {
        Some(self.check_one(ask))
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        let mut shard = self.lock(self.shard_of(&ask));
        let now_us = self.now_us();
        shard.refund(&ask, now_us);
        Ok(())
    }
}

#[async_trait]
impl Lender for Memory {
    async fn lend(&self, request: &LeaseRequest<'_>) -> Result<Lent, LimiterError> {
        let ask = request.ask()?;
        let mut shard = self.lock(self.shard_of(&ask));
        let now_us = self.now_us();
        for settled in request.settled.iter().filter(|it| it.epoch == self.epoch) {
            shard.settle(&ask, now_us, settled);
        }
        shard.make_room(&ask, now_us)?;
        let loan = Loan {
            id: request.id,
            tokens: request.tokens,
            ends_us: keepers_end(now_us, request.lifetime, self.drift()),
        };
        let level = shard.lend(&ask, now_us, loan);
        let decision = decision(&ask, level, level.holds);
        if level.holds {
            let epoch = self.epoch.clone();
            return Ok(Lent::Granted { epoch, decision });
        }
        Ok(Lent::Refused { decision })
    }

    async fn settle(
        &self,
        limit: &Limit,
        key: &str,
        settled: &[Settled],
    ) -> Result<(), LimiterError> {
        if settled.len() > MAX_SETTLED {
            return Err(LimiterError::Lease);
        }
        let ask = Ask::new(limit, key, 0)?;
        let mut shard = self.lock(self.shard_of(&ask));
        let now_us = self.now_us();
        for settled in settled.iter().filter(|it| it.epoch == self.epoch) {
            shard.settle(&ask, now_us, settled);
        }
        Ok(())
    }
}

fn decision(ask: &Ask<'_>, level: Level, allowed: bool) -> Decision {
    Decision {
        allowed,
        burst: ask.limit().burst(),
        remaining: level.tokens,
        retry_after: level.until_held,
        reset_after: level.until_full,
        bound: 0,
    }
}
