//! What is measured.

use metrics::counter;
#[cfg(feature = "redis")]
use metrics::{gauge, histogram};

use crate::LimitName;
#[cfg(feature = "redis")]
use crate::port::Promise;

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
