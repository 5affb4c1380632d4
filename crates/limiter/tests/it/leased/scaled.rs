use async_trait::async_trait;
use stanchion_limiter::port::{Backend, Leased};
use stanchion_limiter::{Ask, Decision, Limit, LimiterError, Rate};

/// Counts in thousands: so the cases' limits are large enough to be leased.
#[derive(Debug)]
pub(super) struct Scaled {
    inner: Leased,
    by: u64,
}

impl Scaled {
    pub(super) fn new(inner: Leased, by: u64) -> Self {
        Self { inner, by }
    }

    fn limit(&self, limit: &Limit) -> Limit {
        let rate = Rate::new(limit.rate().tokens() * self.by, limit.rate().period());
        Limit::new(limit.name().as_str(), rate, limit.burst() * self.by).expect("a limit")
    }

    fn decision(&self, decision: Decision) -> Decision {
        Decision {
            burst: decision.burst / self.by,
            remaining: decision.remaining / self.by,
            ..decision
        }
    }
}

#[async_trait]
impl Backend for Scaled {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        let limits: Vec<_> = asks.iter().map(|ask| self.limit(ask.limit())).collect();
        let scaled: Result<Vec<_>, _> = asks
            .iter()
            .zip(&limits)
            .map(|(ask, limit)| Ask::new(limit, ask.key(), ask.cost() * self.by))
            .collect();
        let decisions = self.inner.check(&scaled?).await?;
        let decisions = decisions.into_iter();
        Ok(decisions.map(|decision| self.decision(decision)).collect())
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        let limit = self.limit(ask.limit());
        let scaled = Ask::new(&limit, ask.key(), ask.cost() * self.by)?;
        self.inner.refund(scaled).await
    }
}
