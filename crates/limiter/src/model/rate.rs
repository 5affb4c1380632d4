use std::fmt;
use std::time::Duration;

/// So many tokens in every period, spread evenly over it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    tokens: u64,
    period: Duration,
}

impl Rate {
    /// `tokens` in every `period`. Whether both are within their bounds is checked when a limit is made of it.
    #[must_use]
    pub const fn new(tokens: u64, period: Duration) -> Self {
        Self { tokens, period }
    }

    /// `tokens` in every second.
    #[must_use]
    pub const fn per_second(tokens: u64) -> Self {
        Self::new(tokens, Duration::from_secs(1))
    }

    /// How many tokens in a period.
    #[must_use]
    pub const fn tokens(self) -> u64 {
        self.tokens
    }

    /// Tokens that come in a time, rounded up.
    #[must_use]
    pub fn given_in(self, time: Duration) -> u64 {
        let given = u128::from(self.tokens) * time.as_micros();
        u64::try_from(given.div_ceil(self.period.as_micros().max(1))).unwrap_or(u64::MAX)
    }

    /// The period.
    #[must_use]
    pub const fn period(self) -> Duration {
        self.period
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.tokens, self.period)
    }
}
