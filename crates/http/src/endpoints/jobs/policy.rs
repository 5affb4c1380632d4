//! A job's policy as it is sent.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stanchion_jobs::{Backoff, Jitter, Policy};
use utoipa::ToSchema;

/// What a job may cost before it is given up. What is absent is as the server's default.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyInput {
    /// How many attempts may fail; the last failure makes the job a dead letter.
    #[schema(minimum = 1, maximum = 1000)]
    max_attempts: Option<u16>,
    /// How often its lease may be lost; once more makes it a dead letter.
    #[schema(minimum = 1, maximum = 1000)]
    max_lost_leases: Option<u16>,
    /// How long an attempt may take.
    #[schema(minimum = 1, maximum = 86_400)]
    timeout_seconds: Option<u64>,
    /// The longest pause after the first failure; it doubles with each one.
    #[schema(minimum = 0, maximum = 2_592_000_000_i64)]
    backoff_base_ms: Option<u64>,
    /// The longest pause after any failure; no less than the base.
    #[schema(minimum = 0, maximum = 2_592_000_000_i64)]
    backoff_cap_ms: Option<u64>,
    /// How chance spreads the pauses.
    jitter: Option<JitterWord>,
}

/// How chance spreads pauses.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JitterWord {
    /// Anywhere between nothing and the bound.
    Full,
    /// Anywhere between half the bound and the bound.
    Equal,
    /// The bound itself.
    None,
}

/// What a job may cost.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyView {
    /// How many attempts may fail.
    max_attempts: u16,
    /// How often its lease may be lost.
    max_lost_leases: u16,
    /// How long an attempt may take.
    timeout_seconds: f64,
    /// The longest pause after the first failure.
    backoff_base_ms: u64,
    /// The longest pause after any failure.
    backoff_cap_ms: u64,
    jitter: JitterWord,
}

impl PolicyInput {
    pub(super) fn policy(&self) -> Policy {
        let usual = Policy::default();
        let ms = |given: Option<u64>, usual| given.map_or(usual, Duration::from_millis);
        let jitter = match self.jitter {
            None => usual.backoff.jitter,
            Some(JitterWord::Full) => Jitter::Full,
            Some(JitterWord::Equal) => Jitter::Equal,
            Some(JitterWord::None) => Jitter::None,
        };
        let cap = ms(self.backoff_cap_ms, usual.backoff.cap);
        Policy {
            max_attempts: self.max_attempts.unwrap_or(usual.max_attempts),
            max_lost_leases: self.max_lost_leases.unwrap_or(usual.max_lost_leases),
            timeout: self
                .timeout_seconds
                .map_or(usual.timeout, Duration::from_secs),
            backoff: Backoff {
                base: ms(self.backoff_base_ms, usual.backoff.base.min(cap)),
                cap,
                jitter,
            },
        }
    }
}

impl From<&Policy> for PolicyView {
    fn from(policy: &Policy) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            max_attempts: policy.max_attempts,
            max_lost_leases: policy.max_lost_leases,
            timeout_seconds: policy.timeout.as_secs_f64(),
            backoff_base_ms: ms(policy.backoff.base),
            backoff_cap_ms: ms(policy.backoff.cap),
            jitter: match policy.backoff.jitter {
                Jitter::Full => JitterWord::Full,
                Jitter::Equal => JitterWord::Equal,
                Jitter::None => JitterWord::None,
            },
        }
    }
}
