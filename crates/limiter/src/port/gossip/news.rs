//! What nodes tell each other, as the texts that the gossip carries.

use std::fmt;
use std::time::Duration;

use crate::bucket::Shape;
use crate::gossip::Spent;
use crate::{Limit, Rate};

/// The identity of a bucket: a hash of the limit's name and the key, so that no key is told and none is long.
pub(super) type BucketId = [u8; 16];

/// Where the counters are told, before the bucket's identity.
pub(super) const COUNTERS: &str = "c/";
/// Where a node tells that it lives.
pub(super) const BEAT: &str = "beat";
/// No counter's text is longer.
const MAX_TEXT: usize = 128;
/// The longest name of a node, in bytes.
pub(super) const MAX_NAME: usize = 64;

pub(super) fn bucket(limit: &str, key: &str) -> BucketId {
    let mut hasher = blake3::Hasher::new();
    // A name has no NUL, so no two pairs look the same.
    for part in [limit.as_bytes(), b"\0", key.as_bytes()] {
        hasher.update(part);
    }
    let mut id = BucketId::default();
    hasher.finalize_xof().fill(&mut id);
    id
}

pub(super) fn place(id: &BucketId) -> String {
    format!("{COUNTERS}{:032x}", u128::from_be_bytes(*id))
}

/// The bucket of a place, without the prefix.
pub(super) fn placed(text: &str) -> Option<BucketId> {
    if text.len() != 32 {
        return None;
    }
    let id = u128::from_str_radix(text, 16).ok()?;
    Some(id.to_be_bytes())
}

/// What a node has taken out of a bucket, and what the bucket's limit allows: whoever hears of it first does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) spent: Spent,
    pub(super) rate: Rate,
    pub(super) burst: u64,
}

impl Told {
    pub(super) fn new(spent: Spent, limit: &Limit) -> Self {
        Self {
            spent,
            rate: limit.rate(),
            burst: limit.burst(),
        }
    }

    pub(super) fn shape(&self) -> Option<Shape> {
        Shape::new(self.rate, self.burst).ok()
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let [era, taken, returned, tokens, period_us, burst] = numbers(text, ' ')?;
        Some(Self {
            spent: Spent {
                era,
                taken,
                returned,
            },
            rate: Rate::new(tokens, Duration::from_micros(period_us)),
            burst,
        })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spent {
            era,
            taken,
            returned,
        } = self.spent;
        let (tokens, period_us) = (self.rate.tokens(), self.rate.period().as_micros());
        let burst = self.burst;
        write!(f, "{era} {taken} {returned} {tokens} {period_us} {burst}")
    }
}

/// A node's name and its incarnation.
pub(super) type Member = (Box<str>, u64);

/// That a node lives: its clock, how often it told something, and of each other node the newest clock that it had heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) clock_us: u64,
    pub(super) round: u64,
    pub(super) heard: Vec<(Member, u64)>,
}

impl Beat {
    /// Reads it; `None` when it is none, or names more than `nodes`.
    pub(super) fn parse(text: &str, nodes: usize) -> Option<Self> {
        let mut parts = text.split(';');
        let [clock_us, round] = numbers(parts.next()?, ' ')?;
        let mut heard = Vec::new();
        for part in parts {
            let (name, rest) = part.split_once(' ')?;
            let [generation, clock_us] = numbers(rest, ' ')?;
            if heard.len() >= nodes || !is_name(name) {
                return None;
            }
            heard.push(((name.into(), generation), clock_us));
        }
        Some(Self {
            clock_us,
            round,
            heard,
        })
    }
}

impl fmt::Display for Beat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.clock_us, self.round)?;
        for ((name, generation), clock_us) in &self.heard {
            write!(f, ";{name} {generation} {clock_us}")?;
        }
        Ok(())
    }
}

/// Whether a node may have this name.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain)
}

fn numbers<const N: usize>(text: &str, between: char) -> Option<[u64; N]> {
    let numbers: Option<Vec<u64>> = text.split(between).map(|part| part.parse().ok()).collect();
    numbers?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read() {
        let limit = Limit::new("limit", Rate::per_second(5), 9).unwrap();
        let spent = Spent {
            era: u64::MAX,
            taken: u64::MAX,
            returned: 3,
        };
        let told = Told::new(spent, &limit);
        assert_eq!(Told::parse(&told.to_string()), Some(told));
        assert_eq!(told.shape(), Some(limit.shape()));
        let beat = Beat {
            clock_us: 1,
            round: 2,
            heard: vec![(("a".into(), 3), 4), (("b-1".into(), 5), 6)],
        };
        assert_eq!(Beat::parse(&beat.to_string(), 2), Some(beat.clone()));
        assert_eq!(Beat::parse(&beat.to_string(), 1), None);
        let id = bucket("limit", "key");
        let place = place(&id);
        assert_eq!(placed(place.strip_prefix(COUNTERS).unwrap()), Some(id));
        assert_ne!(bucket("limi", "tkey"), id);
    }

    #[test]
    fn garbage_is_not_read() {
        let long = "9".repeat(MAX_TEXT + 1);
        for text in [
            "",
            "1 2 3",
            "1 2 3 4 5 6 7",
            "1 2 3 4 5 -6",
            "1 2 3 4 5 x",
            &long,
        ] {
            assert_eq!(Told::parse(text), None, "{text}");
        }
        for text in [
            "",
            "1",
            "1 2 3",
            "1 2;",
            "1 2;A 1 2",
            "1 2;a 1",
            "1 2;a 1 x",
        ] {
            assert_eq!(Beat::parse(text, 9), None, "{text}");
        }
        for text in ["", "ff", &"x".repeat(32), &"f".repeat(33)] {
            assert_eq!(placed(text), None, "{text}");
        }
    }
}
