use std::fmt;
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
}

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
    /// A bucket would take too long to fill.
    #[error("an empty bucket would take longer than ten years to fill")]
    Fill,
}
