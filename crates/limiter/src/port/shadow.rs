use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Backend;
use crate::observe;
use crate::{Ask, Decision, LimiterError};

/// Lets limits that are in shadow decide and be counted, and never deny.
///
/// They are asked one by one after the others have allowed a call, so that they are no part of all or nothing.
#[derive(Debug)]
pub struct Shadow {
    inner: Arc<dyn Backend>,
}

impl Shadow {
    /// Over a keeper of buckets.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self { inner }
    }

    async fn ask_in_shadow(&self, ask: &Ask<'_>) -> Decision {
        match self.inner.check(std::slice::from_ref(ask)).await {
            Ok(decisions) => decisions
                .first()
                .map_or_else(|| unknown(ask), |said| shown(ask, *said)),
            // A limit that may not deny may not fail a call either.
            Err(error) => {
                tracing::debug!(limit = %ask.limit().name(), %error, "a limit in shadow was not asked");
                unknown(ask)
            }
        }
    }
}

/// What is shown of a limit in shadow: that it allows.
fn shown(ask: &Ask<'_>, said: Decision) -> Decision {
    if !said.allowed {
        observe::shadow_denial(ask.limit().name());
    }
    Decision {
        allowed: true,
        retry_after: Duration::ZERO,
        ..said
    }
}

fn unknown(ask: &Ask<'_>) -> Decision {
    Decision {
        allowed: true,
        burst: ask.limit().burst(),
        remaining: 0,
        retry_after: Duration::ZERO,
        reset_after: Duration::ZERO,
        bound: 0,
    }
}

#[async_trait]
impl Backend for Shadow {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        if !asks.iter().any(|ask| ask.limit().is_shadow()) {
            return self.inner.check(asks).await;
        }
        super::all_differ(asks)?;
        let strict = asks.iter().filter(|ask| !ask.limit().is_shadow());
        let strict: Vec<_> = strict.copied().collect();
        let decided = if strict.is_empty() {
            Vec::new()
        } else {
            self.inner.check(&strict).await?
        };
        let allowed = decided.iter().all(|decision| decision.allowed);
        let mut decided = decided.into_iter();
        let mut decisions = Vec::with_capacity(asks.len());
        for ask in asks {
            let decision = match ask.limit().is_shadow() {
                false => decided.next().unwrap_or_else(|| unknown(ask)),
                true if allowed => self.ask_in_shadow(ask).await,
                true => unknown(ask),
            };
            decisions.push(Decision {
                allowed,
                ..decision
            });
        }
        Ok(decisions)
    }

    fn check_now(&self, ask: &Ask<'_>) -> Option<Result<Decision, LimiterError>> {
        let said = self.inner.check_now(ask)?;
        Some(match said {
            Ok(said) if ask.limit().is_shadow() => Ok(shown(ask, said)),
            Err(_) if ask.limit().is_shadow() => Ok(unknown(ask)),
            said => said,
        })
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        self.inner.refund(ask).await
    }
}
