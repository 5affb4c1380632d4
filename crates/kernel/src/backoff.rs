use std::time::Duration;

/// The pauses between attempts: they double from attempt to attempt, up to a bound, and chance spreads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest pause after the first attempt.
    pub base: Duration,
    /// The longest pause after any attempt.
    pub cap: Duration,
    /// How chance spreads the pauses.
    pub jitter: Jitter,
}

/// How chance spreads pauses. With no chance, all that failed together meet again together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jitter {
    /// Anywhere between nothing and the bound of the attempt. It keeps callers apart best.
    #[default]
    Full,
    /// Anywhere between half the bound and the bound: never at once.
    Equal,
    /// The bound itself.
    None,
}

impl Default for Backoff {
    /// From a second to an hour, with full jitter.
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_hours(1),
            jitter: Jitter::Full,
        }
    }
}

impl Backoff {
    /// The pause after the attempt with this number, from 0. It is at most `base * 2^attempt`, or `cap` when that is
    /// less; `random`, evenly spread over all numbers, decides where the jitter leaves room. No input overflows; pauses of
    /// more than 584 years are cut there.
    #[must_use]
    pub fn pause(&self, attempt: u32, random: u64) -> Duration {
        let doubled = 2_u128.saturating_pow(attempt);
        let most = self.base.as_nanos().saturating_mul(doubled);
        let most = most.min(self.cap.as_nanos());
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let pause = match self.jitter {
            Jitter::Full => share(most, random),
            Jitter::Equal => most / 2 + share(most - most / 2, random),
            Jitter::None => most,
        };
        Duration::from_nanos(pause)
    }
}

impl Jitter {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Equal => "equal",
            Self::None => "none",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut all = [Self::Full, Self::Equal, Self::None].into_iter();
        all.find(|jitter| jitter.as_str() == name)
    }
}

/// So much of `whole` as `random` is of all numbers.
fn share(whole: u64, random: u64) -> u64 {
    let share = (u128::from(whole) * u128::from(random)) >> u64::BITS;
    u64::try_from(share).unwrap_or(whole)
}
