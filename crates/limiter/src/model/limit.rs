use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use crate::Rate;
use crate::bucket::Shape;

/// The longest name of a limit, in bytes.
pub const MAX_NAME: usize = 64;

/// The name of a limit: 1 to [`MAX_NAME`] lower-case letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitName(Box<str>);

impl LimitName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LimitName {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_plain) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidLimit::Name)
        }
    }
}

/// A limit: for every key and between any two moments, no more than `burst` and what `rate` gives in that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    name: LimitName,
    rate: Rate,
    shape: Shape,
    fallback: Fallback,
    shadow: bool,
    parts: NonZeroU16,
}

/// What a limit says while its buckets cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing is admitted. The promise holds.
    #[default]
    Deny,
    /// Everything is admitted. There is no limit for as long as it lasts.
    Allow,
    /// Each of so many servers admits its share: the rate and the burst, divided by their number. While it lasts, up to
    /// `rate × time` more is admitted by those who are cut off than by those who are not.
    Share {
        /// How many servers there are.
        servers: NonZeroU16,
    },
}

/// The most parts of a bucket.
pub const MAX_PARTS: u16 = 64;

impl Limit {
    /// A limit of whole tokens.
    ///
    /// # Errors
    /// [`InvalidLimit`], which says what is out of its bounds.
    pub fn new(name: &str, rate: Rate, burst: u64) -> Result<Self, InvalidLimit> {
        Ok(Self {
            name: name.parse()?,
            rate,
            shape: Shape::new(rate, burst)?,
            fallback: Fallback::default(),
            shadow: false,
            parts: NonZeroU16::MIN,
        })
    }

    /// The same limit, with what it says while its buckets cannot be reached.
    #[must_use]
    pub fn with_fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// The same limit, which decides and counts and never denies.
    #[must_use]
    pub fn in_shadow(mut self, shadow: bool) -> Self {
        self.shadow = shadow;
        self
    }

    /// The same limit with each bucket in `parts` parts, each strict by itself and on another node of a cluster, so that a
    /// hot key is not one node's load. A cost must fit into one part, and a bucket in parts admits somewhat less than its
    /// rate. Other backends ignore it.
    ///
    /// # Errors
    /// [`InvalidLimit::Parts`] when there are none, more than [`MAX_PARTS`], or more than tokens in the burst.
    pub fn in_parts(mut self, parts: u16) -> Result<Self, InvalidLimit> {
        let parts = NonZeroU16::new(parts).ok_or(InvalidLimit::Parts)?;
        if parts.get() > MAX_PARTS || u64::from(parts.get()) > self.burst() {
            return Err(InvalidLimit::Parts);
        }
        self.parts = parts;
        Ok(self)
    }

    /// One of its parts, as a limit: the rate divided by their number, and the burst so that all together have as much
    /// as the whole. `None` when a part's rate or burst is out of bounds.
    #[must_use]
    pub fn part(&self, part: u16) -> Option<Self> {
        self.divided(self.parts, part)
    }

    /// What one of `servers` may admit when each has an equal share; the first ones hold what cannot be divided.
    #[must_use]
    pub fn divided(&self, by: NonZeroU16, which: u16) -> Option<Self> {
        let (by, which) = (u64::from(by.get()), u64::from(which));
        let burst = self.burst() / by + u64::from(which < self.burst() % by);
        let period = self.rate.period().checked_mul(u32::try_from(by).ok()?)?;
        let rate = Rate::new(self.rate.tokens(), period);
        let shape = Shape::new(rate, burst).ok()?;
        Some(Self {
            rate,
            shape,
            parts: NonZeroU16::MIN,
            ..self.clone()
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &LimitName {
        &self.name
    }

    /// How quickly tokens come back.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// How many tokens a bucket holds.
    #[must_use]
    pub fn burst(&self) -> u64 {
        self.shape.burst()
    }

    /// What it says while its buckets cannot be reached.
    #[must_use]
    pub fn fallback(&self) -> Fallback {
        self.fallback
    }

    /// Whether it never denies.
    #[must_use]
    pub fn is_shadow(&self) -> bool {
        self.shadow
    }

    /// How many parts each bucket has, 1 or more.
    #[must_use]
    pub fn parts(&self) -> u16 {
        self.parts.get()
    }

    /// The constants of its buckets.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }
}

/// Why there is no such limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimit {
    /// The name is none.
    #[error("a limit's name has 1 to {MAX_NAME} lower-case letters, digits, `-`, `_` and `.`")]
    Name,
    /// A rate, a period or a burst of zero.
    #[error("a limit's tokens, period and burst are 1 or more")]
    Zero,
    /// The period is no whole number of microseconds.
    #[error("a limit's period is a whole number of microseconds")]
    Period,
    /// The burst is too large for the rate to be exact.
    #[error(
        "the burst times the period is too large for a rate that must be exact; lower the burst or raise the rate"
    )]
    Resolution,
    /// A number of parts that no bucket can have.
    #[error("a bucket has 1 to {MAX_PARTS} parts, and no more than tokens")]
    Parts,
    /// A bucket would take too long to fill.
    #[error("an empty bucket would take longer than ten years to fill")]
    Fill,
}
