//! What a server's settings are worth: which promise they allow. Pure.

use std::time::Duration;

use crate::port::DRIFT;
use crate::{Limit, LimiterError};

/// The oldest Redis that is supported, for its scripts and what it says of its replicas.
const OLDEST: (u32, u32) = (6, 2);
/// How much later than its greatest lag a replica is found missing, seconds. A primary counts in whole seconds, once in
/// each: with a lag of 1 s it was seen to accept writes for 2.54 s.
const FOUND_MISSING: Duration = Duration::from_secs(2);

/// What is asked of a server's configuration.
pub(super) const SETTINGS: &[&str] = &[
    "min-replicas-to-write",
    "min-replicas-max-lag",
    "maxmemory",
    "maxmemory-policy",
];

/// What a limit promises through a failover, with the settings that the server has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The promise.
    pub promise: Promise,
    /// Why it is not exact: each names a setting. Empty when it is.
    pub remarks: Vec<String>,
}

/// How much a failover can admit beyond a limit, for each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nothing.
    Exact,
    /// A burst, and what the rate gives for as long as two servers think that they are the primary. It is this long at
    /// most, as far as it is known.
    Twice {
        /// For how long.
        overlap: Option<Duration>,
    },
    /// The server forgets buckets when its memory is full, and what is forgotten is full again.
    Forgets,
}

impl Standing {
    /// What two servers promise together: what the weaker one does.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.promise = self.promise.weaker(other.promise);
        for remark in other.remarks {
            if !self.remarks.contains(&remark) {
                self.remarks.push(remark);
            }
        }
        self
    }
}

impl Promise {
    fn weaker(self, other: Self) -> Self {
        match (self, other) {
            (Self::Exact, weaker) | (weaker, Self::Exact) => weaker,
            (Self::Forgets, _) | (_, Self::Forgets) => Self::Forgets,
            (Self::Twice { overlap: one }, Self::Twice { overlap: other }) => Self::Twice {
                overlap: one.zip(other).map(|(one, other)| one.max(other)),
            },
        }
    }

    /// The most tokens of a bucket that one failover could admit beyond the limit. An overlap of unknown length counts as
    /// `assumed`.
    #[must_use]
    pub fn bound(self, limit: &Limit, assumed: Duration) -> u64 {
        match self {
            Self::Exact => 0,
            Self::Twice { overlap } => {
                let given = limit.rate().given_in(overlap.unwrap_or(assumed));
                limit.burst().saturating_add(given)
            }
            Self::Forgets => limit.burst().saturating_add(limit.rate().given_in(assumed)),
        }
    }
}

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub version: String,
    pub role: String,
    /// Replicas that are attached.
    pub replicas: u32,
    /// `None` when it does not tell its configuration.
    pub min_replicas: Option<u32>,
    pub max_lag: Option<Duration>,
    pub evicts: Option<bool>,
}

/// How the limits are set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// How long buckets stay empty after a promotion; `None` when a promotion begins no epoch.
    pub quarantine: Option<Duration>,
    /// What must pass besides the time in which the old primary still writes: late replies, leases, the clock's error.
    pub after_last_write: Duration,
    /// How many replicas must acknowledge.
    pub acknowledged_by: u32,
}

impl Settings {
    /// Reads the answer to `INFO` and the pairs of `CONFIG GET`; the latter are missing where it is not allowed.
    pub(super) fn parse(info: &str, config: Option<&[(String, String)]>) -> Self {
        let field = |name: &str| {
            let mut fields = info.lines().filter_map(|line| line.split_once(':'));
            let found = fields.find(|(known, _)| *known == name);
            found.map(|(_, value)| value.trim().to_owned())
        };
        let setting = |name: &str| {
            let pair = config?.iter().find(|(known, _)| known == name)?;
            Some(pair.1.as_str())
        };
        let memory = setting("maxmemory").map(|bytes| bytes != "0");
        let policy = setting("maxmemory-policy").map(|policy| policy != "noeviction");
        Self {
            version: field("redis_version").unwrap_or_default(),
            role: field("role").unwrap_or_default(),
            replicas: field("connected_slaves")
                .and_then(|count| count.parse().ok())
                .unwrap_or_default(),
            min_replicas: setting("min-replicas-to-write").and_then(|count| count.parse().ok()),
            max_lag: setting("min-replicas-max-lag")
                .and_then(|seconds| seconds.parse().ok())
                .map(Duration::from_secs),
            evicts: memory
                .zip(policy)
                .map(|(bounded, evicts)| bounded && evicts),
        }
    }

    /// Refuses a server that cannot keep buckets at all.
    pub(super) fn refuse_old(&self) -> Result<(), LimiterError> {
        let mut parts = self
            .version
            .split('.')
            .map(|part| part.parse().unwrap_or(0));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if version >= OLDEST {
            return Ok(());
        }
        let (major, minor) = OLDEST;
        Err(LimiterError::Config(format!(
            "Redis {major}.{minor} or newer is needed, and this one is {}",
            self.version
        )))
    }

    /// The promise that these settings allow.
    pub(super) fn assess(&self, setup: &Setup) -> Standing {
        let mut remarks = Vec::new();
        match self.evicts {
            Some(false) => {}
            Some(true) => {
                let remark =
                    "`maxmemory-policy` must be `noeviction`: a forgotten bucket is full again";
                return Standing {
                    promise: Promise::Forgets,
                    remarks: vec![remark.to_owned()],
                };
            }
            None => {
                remarks.push("the server does not tell its configuration (CONFIG GET)".to_owned());
            }
        }
        let is_exact = match setup.quarantine {
            None => self.is_acknowledged(setup.acknowledged_by, &mut remarks),
            Some(quarantine) => {
                self.is_acknowledged(setup.acknowledged_by, &mut Vec::new())
                    || self.is_fenced(quarantine, setup.after_last_write, &mut remarks)
            }
        };
        let promise = if is_exact && self.evicts.is_some() {
            Promise::Exact
        } else {
            Promise::Twice {
                overlap: self.overlap(),
            }
        };
        Standing { promise, remarks }
    }

    /// Whether what was taken is known to every server that could be promoted.
    fn is_acknowledged(&self, by: u32, remarks: &mut Vec<String>) -> bool {
        if by > 0 && by >= self.replicas {
            return true;
        }
        remarks.push(format!(
            "`wait_for_replicas` is {by}, and {} replicas are attached that could be promoted",
            self.replicas
        ));
        false
    }

    /// Whether the old primary has ceased to write when the new one opens its buckets.
    fn is_fenced(&self, quarantine: Duration, after: Duration, remarks: &mut Vec<String>) -> bool {
        let min = self.min_replicas.unwrap_or_default();
        if self.replicas == 0 && min == 0 {
            // Nobody can be promoted; what is started again begins an epoch.
            return self.is_long_enough(quarantine, after, remarks);
        }
        if min < self.replicas {
            remarks.push(format!(
                "`min-replicas-to-write` is {min}, and must be the number of attached replicas, which is {}",
                self.replicas
            ));
            return false;
        }
        let Some(lag) = self.max_lag.filter(|lag| !lag.is_zero()) else {
            remarks.push("`min-replicas-max-lag` must be 1 second or more".to_owned());
            return false;
        };
        self.is_long_enough(quarantine, lag + FOUND_MISSING + after, remarks)
    }

    fn is_long_enough(
        &self,
        quarantine: Duration,
        needed: Duration,
        remarks: &mut Vec<String>,
    ) -> bool {
        let needed = with_drift(needed);
        if quarantine >= needed {
            return true;
        }
        remarks.push(format!(
            "the quarantine of {quarantine:?} must be {needed:?} or longer"
        ));
        false
    }

    /// For how long an old primary goes on writing, when its settings bound that.
    fn overlap(&self) -> Option<Duration> {
        let min = self
            .min_replicas
            .filter(|min| *min > 0 && *min >= self.replicas);
        min.and(self.max_lag.filter(|lag| !lag.is_zero()))
            .map(|lag| lag + FOUND_MISSING)
    }
}

/// As long as that on the slower of two clocks, as a quarantine by the quicker one.
pub(super) fn with_drift(time: Duration) -> Duration {
    time.mul_f64(1.0 + 2.0 * DRIFT)
}

#[cfg(test)]
mod tests;
