use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use stanchion_limiter::{Fallback, InvalidLimit, Limit, Rate};

/// One of `[[limiter.limits]]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LimitEntry {
    /// Its name.
    pub name: String,
    /// How quickly tokens come back.
    pub rate: RateText,
    /// How many tokens a bucket holds.
    pub burst: u64,
    /// Who has a bucket of their own.
    pub per: Per,
    /// Whom it binds.
    #[serde(default)]
    pub callers: Callers,
    /// The routes that it binds, as in `GET /v1/products`; all of them when there are none here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// What it says while its buckets cannot be reached: by default its share in front of routes, and no otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<FallbackWord>,
    /// How many servers share it then, if it is another number than `limiter.servers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<NonZeroU16>,
    /// In how many parts each bucket is, each on another node of a cluster.
    #[serde(default = "one")]
    pub parts: NonZeroU16,
    /// Whether it decides and counts and never denies.
    #[serde(default)]
    pub shadow: bool,
    /// Whether it is in effect.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// Who has a bucket of their own.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Each address.
    Client,
    /// Each credential.
    Key,
    /// Each route.
    Route,
    /// Nobody.
    Global,
    /// Whoever asks says so: it stands in front of no route.
    Check,
}

/// Whom a limit binds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Callers {
    /// Whoever has no valid credential.
    Anonymous,
    /// Whoever has one.
    Authenticated,
    /// Both.
    #[default]
    All,
}

/// What a limit says while its buckets cannot be reached.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FallbackWord {
    /// Nothing is admitted.
    Deny,
    /// Everything is admitted.
    Allow,
    /// Each of `servers` admits its share.
    Share,
}

impl LimitEntry {
    /// The default: browsing without a key, fast enough for any person and slow enough for one machine to be no trouble.
    pub(super) fn anonymous() -> Self {
        Self {
            name: "anonymous".to_owned(),
            rate: RateText(Rate::per_second(100)),
            burst: 200,
            per: Per::Client,
            callers: Callers::Anonymous,
            routes: Vec::new(),
            fallback: None,
            servers: None,
            parts: NonZeroU16::MIN,
            shadow: false,
            enabled: true,
        }
    }

    /// Whether it stands in front of routes.
    #[must_use]
    pub fn is_in_front(&self) -> bool {
        self.enabled && self.per != Per::Check
    }

    /// As a limit, which `servers` share.
    ///
    /// # Errors
    /// What is out of its bounds.
    pub fn limit(&self, servers: NonZeroU16) -> Result<Limit, InvalidLimit> {
        let limit = Limit::new(&self.name, self.rate.0, self.burst)?;
        let limit = limit.in_parts(self.parts.get())?;
        let servers = self.servers.unwrap_or(servers);
        let fallback = match self.fallback {
            Some(FallbackWord::Deny) => Fallback::Deny,
            Some(FallbackWord::Allow) => Fallback::Allow,
            None if self.per == Per::Check => Fallback::Deny,
            Some(FallbackWord::Share) | None => Fallback::Share { servers },
        };
        Ok(limit.with_fallback(fallback).in_shadow(self.shadow))
    }
}

fn yes() -> bool {
    true
}

fn one() -> NonZeroU16 {
    NonZeroU16::MIN
}

/// A rate as it is written: `100/s`, `5000/h`, `1/day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateText(pub Rate);

/// The periods that have a word, the shortest first.
const PERIODS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("day", 86_400)];

/// A text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be tokens and a period, as in \"100/s\", \"600/min\", \"5000/h\" or \"1/day\"")]
pub struct NotARate;

impl FromStr for RateText {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let (tokens, word) = text.split_once('/').ok_or(NotARate)?;
        let is_plain = !tokens.is_empty() && tokens.bytes().all(|byte| byte.is_ascii_digit());
        let tokens = tokens.parse().ok().filter(|_| is_plain).ok_or(NotARate)?;
        let period = PERIODS.iter().find(|(known, _)| *known == word);
        let (_, seconds) = period.ok_or(NotARate)?;
        Ok(Self(Rate::new(tokens, Duration::from_secs(*seconds))))
    }
}

impl fmt::Display for RateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.period().as_secs();
        let word = PERIODS.iter().find(|(_, period)| *period == seconds);
        write!(
            f,
            "{}/{}",
            self.0.tokens(),
            word.map_or("s", |(word, _)| word)
        )
    }
}

impl Serialize for RateText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RateText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
