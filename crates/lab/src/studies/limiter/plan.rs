//! What a worker is told to do, and what it tells.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stanchion_limiter::{InvalidLimit, Limit, Rate};

use super::ways::Way;

/// The key that all ask about.
pub(super) const KEY: &str = "hot";

/// What one worker does: it is one server of a fleet, with its callers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub way: Way,
    pub keeper: Keeper,
    pub treatment: Treatment,
    /// For how long buckets stay empty after a promotion, where one begins an epoch.
    pub quarantine: Duration,
    /// How long a lease lives, where there are any.
    pub lease: Duration,
    /// With what the keys begin.
    pub prefix: String,
    /// How many servers share the limit.
    pub servers: u16,
    /// Which of them this is.
    pub seat: u16,
    /// Where each of them is reached by the others, if they talk to each other.
    pub peers: Vec<SocketAddr>,
    /// Where each of them listens, if that is elsewhere.
    pub listen: Vec<SocketAddr>,
    /// Tokens per second.
    pub rate: u64,
    pub burst: u64,
    pub demand: Demand,
    /// When it begins, on the machine's boot clock, which all processes share.
    pub begins: Duration,
    pub lasts: Duration,
    /// Where admissions are logged.
    pub log: PathBuf,
    /// Whether denials and failures are logged too.
    pub everything: bool,
}

/// Where the buckets are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Keeper {
    Single(String),
    Sentinel {
        urls: Vec<String>,
        name: String,
    },
    Cluster(Vec<String>),
    /// The servers keep them themselves.
    Nobody,
}

/// How Redis is taken through a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Treatment {
    /// A promotion begins an epoch, and the servers stop writing without their replicas.
    Fenced,
    /// Replicas have what was taken before it is answered.
    Acknowledged,
    /// Neither.
    Unfenced,
    /// There is none.
    None,
}

/// What the callers of one worker ask.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Demand {
    /// So many callers ask again as soon as they are answered.
    Flood { callers: usize },
    /// So many questions per second, whatever is answered.
    Paced { per_second: u64 },
}

/// What a worker counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counted {
    pub admitted: u64,
    pub denied: u64,
    /// Questions that got no answer.
    pub failed: u64,
    /// Why the first one got none.
    pub why: Option<String>,
    /// How many answers took how many nanoseconds.
    pub took: Vec<(u64, u64)>,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Admitted,
    Denied,
    Failed,
}

/// A question that was logged, with the moments before it and after its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub fate: Fate,
    pub sent: Duration,
    pub decided: Duration,
}

impl Plan {
    /// One server alone, for which everything else is still to be said.
    pub(super) fn of(way: Way, treatment: Treatment) -> Self {
        Self {
            way,
            keeper: Keeper::Nobody,
            treatment,
            quarantine: Duration::ZERO,
            lease: Duration::from_secs(5),
            prefix: "lab".to_owned(),
            servers: 1,
            seat: 0,
            peers: Vec::new(),
            listen: Vec::new(),
            rate: 1,
            burst: 1,
            demand: Demand::Flood { callers: 1 },
            begins: Duration::ZERO,
            lasts: Duration::ZERO,
            log: PathBuf::new(),
            everything: false,
        }
    }

    pub(super) fn limit(&self) -> Result<Limit, InvalidLimit> {
        Limit::new("lab", Rate::per_second(self.rate), self.burst)?.in_parts(self.way.parts())
    }

    pub(super) fn ends(&self) -> Duration {
        self.begins + self.lasts
    }
}

impl Treatment {
    /// Those of a Redis.
    pub(super) const ALL: [Self; 3] = [Self::Fenced, Self::Acknowledged, Self::Unfenced];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Fenced => "fenced",
            Self::Acknowledged => "acknowledged",
            Self::Unfenced => "unfenced",
            Self::None => "no Redis",
        }
    }
}

impl Entry {
    /// A line of the log: the fate and both moments in whole nanoseconds.
    pub(super) fn line(&self) -> String {
        let fate = match self.fate {
            Fate::Admitted => 'a',
            Fate::Denied => 'd',
            Fate::Failed => 'f',
        };
        let (sent, decided) = (self.sent.as_nanos(), self.decided.as_nanos());
        format!("{fate} {sent} {decided}\n")
    }

    /// `None` for what is no whole line, as the last one of a worker that was killed.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_suffix('\n')?.split(' ');
        let fate = match words.next()? {
            "a" => Fate::Admitted,
            "d" => Fate::Denied,
            "f" => Fate::Failed,
            _ => return None,
        };
        let mut moment = || Some(Duration::from_nanos(words.next()?.parse().ok()?));
        Some(Self {
            fate,
            sent: moment()?,
            decided: moment()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written_and_half_of_one_is_none() {
        let entry = Entry {
            fate: Fate::Denied,
            sent: Duration::from_nanos(7),
            decided: Duration::from_nanos(1_000_000_009),
        };
        let line = entry.line();
        assert_eq!(line, "d 7 1000000009\n");
        assert_eq!(Entry::parse(&line), Some(entry));
        assert_eq!(Entry::parse("d 7 10000"), None);
        assert_eq!(Entry::parse("x 7 8\n"), None);
    }
}
