use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use stanchion_kernel::Clock;

use crate::observe::Observed;
use crate::port::Backend;
use crate::{Ask, Decision, Limit, LimitName, LimiterError};

/// The limits of a server, and the backend that keeps their buckets. Cheap to clone; all clones share them.
#[derive(Clone, Debug)]
pub struct Limiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Arc<dyn Backend>,
    limits: RwLock<HashMap<LimitName, Arc<Limit>>>,
    observed: Observed,
    /// Measures how long checks take.
    clock: Option<Clock>,
}

impl Limiter {
    /// No limits yet. Install the metrics recorder before.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self::with(backend, None)
    }

    /// As [`Limiter::new`], and how long each check takes is measured too.
    #[must_use]
    pub fn timed(backend: Arc<dyn Backend>, clock: Clock) -> Self {
        Self::with(backend, Some(clock))
    }

    fn with(backend: Arc<dyn Backend>, clock: Option<Clock>) -> Self {
        Self(Arc::new(Inner {
            backend,
            limits: RwLock::default(),
            observed: Observed::new(),
            clock,
        }))
    }

    /// Has these limits from now on, and no others. A bucket whose limit has changed keeps the tokens that fit.
    pub fn replace(&self, limits: impl IntoIterator<Item = Limit>) {
        let limits = limits.into_iter();
        let limits = limits.map(|limit| (limit.name().clone(), Arc::new(limit)));
        let limits: HashMap<_, _> = limits.collect();
        self.0.observed.keep(|name| limits.contains_key(name));
        limits.keys().for_each(|name| self.0.observed.show(name));
        let mut held = self
            .0
            .limits
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *held = limits;
    }

    /// A limit by its name.
    #[must_use]
    pub fn limit(&self, name: &LimitName) -> Option<Arc<Limit>> {
        let held = self.0.limits.read().unwrap_or_else(PoisonError::into_inner);
        held.get(name).cloned()
    }

    /// All limits, by name.
    #[must_use]
    pub fn limits(&self) -> Vec<Arc<Limit>> {
        let held = self.0.limits.read().unwrap_or_else(PoisonError::into_inner);
        let mut limits: Vec<_> = held.values().cloned().collect();
        drop(held);
        limits.sort_by(|a, b| a.name().cmp(b.name()));
        limits
    }

    /// Takes the cost of every question, or of none, as [`Backend::check`] does.
    ///
    /// # Errors
    /// As for [`Backend::check`].
    pub async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        let began = self.0.clock.as_ref().map(Clock::monotonic);
        let answer = self.decide(asks).await;
        if let (Some(clock), Some(began)) = (&self.0.clock, began) {
            let took = clock.monotonic().saturating_sub(began);
            self.0.observed.took(took);
        }
        self.0.observed.answered(asks, &answer);
        answer
    }

    async fn decide(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        if let [ask] = asks
            && let Some(answer) = self.0.backend.check_now(ask)
        {
            return Ok(vec![answer?]);
        }
        self.0.backend.check(asks).await
    }

    /// Puts the cost of a question back, as [`Backend::refund`] does.
    ///
    /// # Errors
    /// As for [`Backend::refund`].
    pub async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        self.0.backend.refund(ask).await
    }
}
