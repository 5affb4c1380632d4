use std::fmt;
use std::time::Duration;

use super::standing::with_drift;
use crate::LimiterError;
use crate::port::{DRIFT, MAX_LIFETIME};

/// Where the server is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// At an address, `redis://user:password@host:port/db` or `rediss://…` for TLS.
    Single(String),
    /// Wherever these Sentinels say that the primary of a name is.
    Sentinel {
        /// Their addresses.
        urls: Vec<String>,
        /// The name.
        name: String,
        /// The user of the servers themselves; that of the first Sentinel's address when absent.
        username: Option<String>,
        /// The password of the servers themselves; that of the first Sentinel's address when absent.
        password: Option<String>,
    },
    /// In a cluster, of which these are some nodes. All have the same user and password, those of the first address.
    Cluster {
        /// Their addresses.
        urls: Vec<String>,
    },
}

/// Addresses hold passwords.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(_) => f.write_str("a server"),
            Self::Sentinel { urls, name, .. } => write!(f, "{name} at {} Sentinels", urls.len()),
            Self::Cluster { urls } => write!(f, "a cluster of {} known nodes", urls.len()),
        }
    }
}

/// How buckets are kept in a Redis, and the bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisConfig {
    /// Where it is.
    pub place: Place,
    /// With what all keys begin: no braces, 1 to 64 bytes. Servers that share limits have the same.
    pub prefix: String,
    /// Over how many hash tags the buckets of a cluster are spread, 1 or more; each has an epoch of its own. All servers
    /// that share limits have the same. Elsewhere everything is in one place.
    pub tags: u16,
    /// How many scripts are under way at the same time, 1 or more, each on a connection of its own if it is no cluster.
    pub connections: usize,
    /// How many calls may wait for one; more are refused with [`LimiterError::Unavailable`].
    pub queue: usize,
    /// How many calls one script decides at most, 1 or more.
    pub batch: usize,
    /// The latest answer that is still honoured, counted from the question. A later one is
    /// [`LimiterError::Unavailable`], and what it took is spent.
    pub reply_within: Duration,
    /// How long it may take to connect.
    pub connect_within: Duration,
    /// How often the server's settings are looked at.
    pub probe_every: Duration,
    /// For how long buckets stay empty after a promotion or a restart; it must outlast whatever the old primary can still
    /// grant. `None` when a promotion begins no epoch, since every replica that can be promoted knows everything: see
    /// `acknowledged_by`. All servers that share limits have the same.
    pub quarantine: Option<Duration>,
    /// How many replicas must have what was taken before it is answered (`WAIT`); 0 for none.
    pub acknowledged_by: u32,
    /// How far the clock of a promoted server may be from the one before.
    pub clock_error: Duration,
    /// The longest lifetime of leases that are asked for; zero when there are none.
    pub longest_lease: Duration,
    /// How long two primaries are taken to serve at once in the stated bound where no setting bounds it.
    pub assumed_overlap: Duration,
}

impl RedisConfig {
    /// The defaults for a server at an address: an epoch on every promotion and restart, no acknowledgement.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self {
            place,
            prefix: "stanchion:limiter".to_owned(),
            tags: 64,
            connections: 2,
            queue: 4_096,
            batch: 64,
            reply_within: Duration::from_millis(500),
            connect_within: Duration::from_secs(1),
            probe_every: Duration::from_secs(1),
            quarantine: Some(Duration::from_secs(4)),
            acknowledged_by: 0,
            clock_error: Duration::from_millis(100),
            longest_lease: Duration::ZERO,
            assumed_overlap: Duration::from_secs(60),
        }
    }

    /// The quarantine that is long enough where a server that was cut off ceases to write within `old_primary`.
    #[must_use]
    pub fn needed_quarantine(&self, old_primary: Duration) -> Duration {
        with_drift(old_primary + self.after_last_write())
    }

    /// What passes after the last write of an old primary until nothing that it granted can be admitted.
    pub(super) fn after_last_write(&self) -> Duration {
        let leases = self.longest_lease.mul_f64(1.0 + DRIFT);
        self.reply_within + self.clock_error + leases
    }

    /// In how many places the buckets are.
    pub(super) fn places(&self) -> u16 {
        match self.place {
            Place::Cluster { .. } => self.tags,
            Place::Single(_) | Place::Sentinel { .. } => 1,
        }
    }

    /// The key of a place's epoch.
    pub(super) fn epoch_key(&self, place: u16) -> String {
        format!("{}:{{{place}}}:epoch", self.prefix)
    }

    pub(super) fn check(&self) -> Result<(), LimiterError> {
        let wrong = |what: &str| Err(LimiterError::Config(what.to_owned()));
        if self.prefix.is_empty() || self.prefix.len() > 64 || self.prefix.contains(['{', '}']) {
            return wrong("a prefix has 1 to 64 bytes and no braces");
        }
        if self.tags == 0 || self.connections == 0 || self.queue == 0 || self.batch == 0 {
            return wrong("tags, connections, queue and batch are 1 or more");
        }
        if self.reply_within.is_zero() || self.probe_every.is_zero() {
            return wrong("the time for a reply and between probes is more than nothing");
        }
        if self.longest_lease > MAX_LIFETIME {
            return wrong("a lease lives 60 s at most");
        }
        Ok(())
    }
}
