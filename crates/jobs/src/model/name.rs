use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Invalid;

/// The most characters of a queue's or a kind's name.
pub const MAX_NAME: usize = 64;
/// The most characters of a worker's name.
pub const MAX_WORKER: usize = 128;

/// A queue's name: 1 to [`MAX_NAME`] of `a`–`z`, `0`–`9`, `-`, `_` and `.`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Queue(Arc<str>);

/// The name of what a job does, by which its handler is found; written as a [`Queue`] is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(Arc<str>);

/// Who works: 1 to [`MAX_WORKER`] printable ASCII characters. It is for people; the fence does not rest on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Worker(Arc<str>);

/// How urgent a job is: 0 is the most urgent, 9 the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

fn is_name(text: &str) -> bool {
    let sound =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(sound)
}

impl Queue {
    /// A queue of this name.
    ///
    /// # Errors
    /// [`Invalid::Queue`].
    pub fn new(name: &str) -> Result<Self, Invalid> {
        let sound = is_name(name).then(|| Self(name.into()));
        sound.ok_or(Invalid::Queue)
    }
}

impl Kind {
    /// A kind of this name.
    ///
    /// # Errors
    /// [`Invalid::Kind`].
    pub fn new(name: &str) -> Result<Self, Invalid> {
        let sound = is_name(name).then(|| Self(name.into()));
        sound.ok_or(Invalid::Kind)
    }
}

impl Worker {
    /// A worker of this name.
    ///
    /// # Errors
    /// [`Invalid::Worker`].
    pub fn new(name: &str) -> Result<Self, Invalid> {
        let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let sound = printable && (1..=MAX_WORKER).contains(&name.len());
        sound.then(|| Self(name.into())).ok_or(Invalid::Worker)
    }
}

impl Priority {
    /// The most urgent.
    pub const MOST_URGENT: Self = Self(0);
    /// What a job has that says nothing.
    pub const NORMAL: Self = Self(4);
    /// The least urgent.
    pub const LEAST_URGENT: Self = Self(9);

    /// A priority of 0 to 9.
    ///
    /// # Errors
    /// [`Invalid::Priority`].
    pub fn new(level: u8) -> Result<Self, Invalid> {
        let sound = (level <= Self::LEAST_URGENT.0).then_some(Self(level));
        sound.ok_or(Invalid::Priority)
    }

    /// All of them, the most urgent first.
    pub fn all() -> impl Iterator<Item = Self> {
        (Self::MOST_URGENT.0..=Self::LEAST_URGENT.0).map(Self)
    }

    /// Its number, 0 to 9.
    #[must_use]
    pub fn level(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::NORMAL
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Priority {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u8::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

macro_rules! text {
    ($($name:ident)*) => {
        $(
            impl $name {
                /// The name itself.
                #[must_use]
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl std::str::FromStr for $name {
                type Err = Invalid;

                fn from_str(text: &str) -> Result<Self, Invalid> {
                    Self::new(text)
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(&self.0)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    Self::new(&text).map_err(de::Error::custom)
                }
            }
        )*
    };
}

text! { Queue Kind Worker }
