use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use stanchion_limiter::port::{Backend, LeaseRequest, Lender, Lent, Memory, Settled};
use stanchion_limiter::{Ask, Decision, Limit, LimiterError};

/// A keeper that counts what it is asked, is as far away as one on a network, and whose answers get lost on demand.
#[derive(Debug)]
pub(super) struct Counted {
    inner: Memory,
    calls: AtomicU64,
    granted: AtomicU64,
    lose: AtomicU64,
}

impl Counted {
    pub(super) fn new(inner: Memory) -> Self {
        Self {
            inner,
            calls: AtomicU64::new(0),
            granted: AtomicU64::new(0),
            lose: AtomicU64::new(0),
        }
    }

    /// How many calls there were.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// How many leases were granted.
    pub(super) fn granted(&self) -> u64 {
        self.granted.load(Ordering::SeqCst)
    }

    /// Loses the next answers to requests for leases, and to settlements.
    pub(super) fn lose(&self, answers: u64) {
        self.lose.store(answers, Ordering::SeqCst);
    }

    /// What is in a bucket.
    pub(super) async fn left(&self, limit: &Limit, key: &str) -> u64 {
        let ask = Ask::new(limit, key, 0).expect("a question");
        self.inner.check(&[ask]).await.expect("an answer")[0].remaining
    }

    async fn called(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }

    fn answer<T>(&self, answer: Result<T, LimiterError>) -> Result<T, LimiterError> {
        let one_less = |lose: u64| lose.checked_sub(1);
        let lost = self
            .lose
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        match lost {
            Ok(_) => Err(LimiterError::Unavailable("lost".to_owned())),
            Err(_) => answer,
        }
    }
}

#[async_trait]
impl Backend for Counted {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        self.called().await;
        self.inner.check(asks).await
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        self.called().await;
        self.inner.refund(ask).await
    }
}

#[async_trait]
impl Lender for Counted {
    async fn lend(&self, request: &LeaseRequest<'_>) -> Result<Lent, LimiterError> {
        self.called().await;
        let lent = self.inner.lend(request).await;
        if matches!(lent, Ok(Lent::Granted { .. })) {
            self.granted.fetch_add(1, Ordering::SeqCst);
        }
        self.answer(lent)
    }

    async fn settle(
        &self,
        limit: &Limit,
        key: &str,
        settled: &[Settled],
    ) -> Result<(), LimiterError> {
        self.called().await;
        let done = self.inner.settle(limit, key, settled).await;
        self.answer(done)
    }
}
