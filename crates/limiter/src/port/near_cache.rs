use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::Clock;

use super::Backend;
use crate::bucket::Shape;
use crate::{Ask, Decision, LimitName, LimiterError};

/// The bounds of [`NearCache`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearCacheConfig {
    /// How many denials are remembered, 1 or more; when there are more, some are forgotten and asked about again.
    pub denials: usize,
    /// The longest that one is remembered. What another server puts back is not known here before.
    pub longest: Duration,
}

impl Default for NearCacheConfig {
    fn default() -> Self {
        Self {
            denials: 100_000,
            longest: Duration::from_secs(1),
        }
    }
}

const SHARDS: usize = 16;

/// Remembers denials until there are tokens again, so that a key that was denied is not asked about in vain.
///
/// It denies and never admits, and so the promise is that of what it is over.
#[derive(Debug)]
pub struct NearCache {
    inner: Arc<dyn Backend>,
    config: NearCacheConfig,
    clock: Clock,
    hasher: RandomState,
    shards: [Mutex<Denials>; SHARDS],
}

#[derive(Debug, Default)]
struct Denials {
    limits: HashMap<LimitName, HashMap<Box<str>, Denial>>,
    count: usize,
}

/// A cost that was denied, and every larger one with it.
#[derive(Clone, Copy, Debug)]
struct Denial {
    shape: Shape,
    cost: u64,
    at: Duration,
    until: Duration,
    decision: Decision,
}

impl NearCache {
    /// Over a keeper of buckets.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>, config: NearCacheConfig, clock: Clock) -> Self {
        Self {
            inner,
            config,
            clock,
            hasher: RandomState::new(),
            shards: Default::default(),
        }
    }

    fn shard(&self, ask: &Ask<'_>) -> MutexGuard<'_, Denials> {
        let hash = self.hasher.hash_one((ask.limit().name(), ask.key()));
        let at = usize::try_from(hash % (SHARDS as u64)).unwrap_or_default();
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The denial that still holds for a question.
    fn known(&self, ask: &Ask<'_>) -> Option<Decision> {
        let denial = self.shard(ask).get(ask)?;
        let now = self.clock.monotonic();
        let holds = denial.shape == ask.limit().shape() && ask.cost() >= denial.cost;
        if !holds || now >= denial.until {
            return None;
        }
        let since = now.saturating_sub(denial.at);
        let decision = denial.decision;
        Some(Decision {
            retry_after: decision.retry_after.saturating_sub(since),
            reset_after: decision.reset_after.saturating_sub(since),
            ..decision
        })
    }

    fn remember(&self, ask: &Ask<'_>, decision: &Decision) {
        if !decision.is_violated() || ask.cost() == 0 {
            return;
        }
        let at = self.clock.monotonic();
        let denial = Denial {
            shape: ask.limit().shape(),
            cost: ask.cost(),
            at,
            until: at.saturating_add(decision.retry_after.min(self.config.longest)),
            decision: *decision,
        };
        let room = self.config.denials.div_ceil(SHARDS).max(1);
        self.shard(ask).put(ask, denial, room, at);
    }
}

impl Denials {
    fn get(&self, ask: &Ask<'_>) -> Option<Denial> {
        self.limits.get(ask.limit().name())?.get(ask.key()).copied()
    }

    fn put(&mut self, ask: &Ask<'_>, denial: Denial, room: usize, now: Duration) {
        if self.count >= room {
            self.forget(room, now);
        }
        let keys = self.limits.entry(ask.limit().name().clone()).or_default();
        if keys.insert(ask.key().into(), denial).is_none() {
            self.count += 1;
        }
    }

    /// Forgets what is over, and everything if that is too little.
    fn forget(&mut self, room: usize, now: Duration) {
        for keys in self.limits.values_mut() {
            keys.retain(|_, denial| denial.until > now);
        }
        self.count = self.limits.values().map(HashMap::len).sum();
        if self.count >= room {
            self.limits.clear();
            self.count = 0;
        }
    }

    fn remove(&mut self, ask: &Ask<'_>) {
        if let Some(keys) = self.limits.get_mut(ask.limit().name())
            && keys.remove(ask.key()).is_some()
        {
            self.count -= 1;
        }
    }
}

#[async_trait]
impl Backend for NearCache {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        if let [ask] = asks
            && let Some(denied) = self.known(ask)
        {
            return Ok(vec![denied]);
        }
        let decisions = self.inner.check(asks).await?;
        for (ask, decision) in asks.iter().zip(&decisions) {
            self.remember(ask, decision);
        }
        Ok(decisions)
    }

    fn check_now(&self, ask: &Ask<'_>) -> Option<Result<Decision, LimiterError>> {
        match self.known(ask) {
            Some(denied) => Some(Ok(denied)),
            None => self.inner.check_now(ask),
        }
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        let refunded = self.inner.refund(ask).await;
        self.shard(&ask).remove(&ask);
        refunded
    }
}
