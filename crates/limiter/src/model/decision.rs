use std::time::Duration;

/// What a limit says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the tokens were taken. Of several limits that are asked together, all took theirs or none did.
    pub allowed: bool,
    /// Tokens of a full bucket.
    pub burst: u64,
    /// Whole tokens that are left.
    pub remaining: u64,
    /// When to ask again; zero when this limit would have allowed the call.
    pub retry_after: Duration,
    /// Until the bucket is full.
    pub reset_after: Duration,
    /// The most tokens that could be admitted beyond the limit at this moment, by the way it is enforced. Zero is exact.
    pub bound: u64,
}

impl Decision {
    /// Whether it was this limit that refused the call.
    #[must_use]
    pub fn is_violated(&self) -> bool {
        !self.retry_after.is_zero()
    }
}
