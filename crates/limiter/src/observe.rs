//! What is measured.

#[cfg(feature = "gossip")]
mod gossip;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

#[cfg(feature = "redis")]
use crate::port::Promise;
use crate::{Ask, Decision, LimitName, LimiterError};

#[cfg(feature = "gossip")]
pub(crate) use gossip::{
    bound, buckets, escrow_dropped, gossip_dropped, reachable, transfer, view,
};

/// `stanchion_limiter_shadow_denials_total`: calls that a limit in shadow would have denied, by limit.
pub(crate) fn shadow_denial(limit: &LimitName) {
    let limit = limit.as_str().to_owned();
    counter!("stanchion_limiter_shadow_denials_total", "limit" => limit).increment(1);
}

/// `stanchion_limiter_batch_calls`: how many calls a run of the script decides.
#[cfg(feature = "redis")]
pub(crate) fn batch(calls: usize) {
    let calls = u32::try_from(calls).unwrap_or(u32::MAX);
    histogram!("stanchion_limiter_batch_calls").record(f64::from(calls));
}

/// `stanchion_limiter_exact`: whether a failover admits nothing beyond the limits, with the settings that the server has.
#[cfg(feature = "redis")]
pub(crate) fn promise(promise: Promise) {
    let is_exact = promise == Promise::Exact;
    gauge!("stanchion_limiter_exact").set(f64::from(u8::from(is_exact)));
}

/// `stanchion_limiter_checks_total`: questions, by the way they were answered: from a lease, or by the keeper.
pub(crate) fn checks(way: &'static str, count: u64) {
    counter!("stanchion_limiter_checks_total", "way" => way).increment(count);
}

/// `stanchion_limiter_lends_total`: requests for a lease, by outcome.
pub(crate) fn lend(outcome: &'static str) {
    counter!("stanchion_limiter_lends_total", "outcome" => outcome).increment(1);
}

/// `stanchion_limiter_settles_total`: leases that were given back, and `stanchion_limiter_given_back_tokens_total`: what
/// was unspent of them.
pub(crate) fn settled(leases: usize, unspent: u64) {
    let leases = u64::try_from(leases).unwrap_or(u64::MAX);
    counter!("stanchion_limiter_settles_total").increment(leases);
    counter!("stanchion_limiter_given_back_tokens_total").increment(unspent);
}

/// `stanchion_limiter_leased_tokens`: tokens of the leases that this server holds, spent ones included.
pub(crate) fn leased(before: u64, after: u64) {
    let tokens = gauge!("stanchion_limiter_leased_tokens");
    if after > before {
        tokens.increment(approximate(after - before));
    } else {
        tokens.decrement(approximate(before - after));
    }
}

/// `stanchion_limiter_decisions_total` by limit and outcome, `stanchion_limiter_bound_tokens` by limit, and
/// `stanchion_limiter_check_duration_seconds`. Handles are looked up once for each limit and kept.
#[derive(Debug)]
pub(crate) struct Observed {
    by_limit: RwLock<HashMap<LimitName, Arc<Measures>>>,
    duration: Histogram,
}

struct Measures {
    allowed: Counter,
    denied: Counter,
    spared: Counter,
    failed: Counter,
    bound: Gauge,
}

impl std::fmt::Debug for Measures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Measures").finish_non_exhaustive()
    }
}

impl Observed {
    pub(crate) fn new() -> Self {
        Self {
            by_limit: RwLock::default(),
            duration: histogram!("stanchion_limiter_check_duration_seconds"),
        }
    }

    /// Forgets limits that are not among these.
    pub(crate) fn keep(&self, is_kept: impl Fn(&LimitName) -> bool) {
        let mut by_limit = self
            .by_limit
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        by_limit.retain(|name, _| is_kept(name));
    }

    /// Shows a limit from the start: a counter that appears with its first event hides that event from `rate()`.
    pub(crate) fn show(&self, name: &LimitName) {
        drop(self.of(name));
    }

    pub(crate) fn took(&self, time: Duration) {
        self.duration.record(time.as_secs_f64());
    }

    pub(crate) fn answered(&self, asks: &[Ask<'_>], answer: &Result<Vec<Decision>, LimiterError>) {
        match answer {
            Ok(decisions) => {
                for (ask, decision) in asks.iter().zip(decisions) {
                    self.decided(ask, decision);
                }
            }
            Err(_) => {
                for ask in asks {
                    self.of(ask.limit().name()).failed.increment(1);
                }
            }
        }
    }

    fn decided(&self, ask: &Ask<'_>, decision: &Decision) {
        let measures = self.of(ask.limit().name());
        let outcome = match (decision.is_violated(), decision.allowed) {
            (_, true) => &measures.allowed,
            (true, false) => &measures.denied,
            (false, false) => &measures.spared,
        };
        outcome.increment(1);
        measures.bound.set(approximate(decision.bound));
    }

    fn of(&self, name: &LimitName) -> Arc<Measures> {
        let known = self.by_limit.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(measures) = known.get(name) {
            return Arc::clone(measures);
        }
        drop(known);
        let mut by_limit = self
            .by_limit
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let measures = by_limit
            .entry(name.clone())
            .or_insert_with(|| Arc::new(Measures::new(name)));
        Arc::clone(measures)
    }
}

impl Measures {
    fn new(name: &LimitName) -> Self {
        let outcome = |outcome: &'static str| counter!("stanchion_limiter_decisions_total", "limit" => name.to_string(), "outcome" => outcome);
        Self {
            allowed: outcome("allowed"),
            denied: outcome("denied"),
            spared: outcome("spared"),
            failed: outcome("failed"),
            bound: gauge!("stanchion_limiter_bound_tokens", "limit" => name.to_string()),
        }
    }
}

/// A gauge is a float; a bound beyond what one counts exactly is as good as endless.
#[expect(clippy::cast_precision_loss, reason = "as good as endless is enough")]
fn approximate(tokens: u64) -> f64 {
    tokens as f64
}
