//! What is measured.

#[cfg(feature = "gossip")]
mod gossip;

#[cfg(feature = "redis")]
use metrics::histogram;
use metrics::{counter, gauge};

use crate::LimitName;
#[cfg(feature = "redis")]
use crate::port::Promise;

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
        tokens.increment(number(after - before));
    } else {
        tokens.decrement(number(before - after));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn number(count: u64) -> f64 {
    count as f64
}
