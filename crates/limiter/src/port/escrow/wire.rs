//! The datagrams between the nodes of a roster: fixed fields in little endian, and a keyed hash of all before it.

use std::time::Duration;

use crate::Rate;
use crate::bucket::Shape;
use crate::escrow::TransferId;

/// The identity of a bucket on the wire: a keyed hash of the limit's name and the key, so that no key is readable.
pub(super) type BucketId = [u8; 16];

/// No datagram is longer.
pub(super) const MAX_DATAGRAM: usize = 256;
const MAC: usize = 32;
const VERSION: u8 = 1;

/// The key that authenticates datagrams. It depends on everything in which the nodes must agree, so that those that do
/// not agree do not understand each other.
#[derive(Clone)]
pub(super) struct Seal([u8; 32]);

/// A datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) from: u16,
    pub(super) to: u16,
    /// The incarnation of the sender.
    pub(super) boot: u64,
    /// The sender's clock.
    pub(super) clock_us: u64,
    /// The incarnation of the receiver, as far as the sender knows it.
    pub(super) to_boot: u64,
    /// The receiver's clock, as the sender heard it last.
    pub(super) echo_us: u64,
    pub(super) body: Body,
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// That the sender lives.
    Beat,
    /// A request for units, at least `need`, of the receiver's share.
    Ask {
        id: TransferId,
        bucket: BucketId,
        terms: Terms,
        need: u64,
        want: u64,
    },
    /// The answer: the units that are handed over, and those that are left.
    Give {
        id: TransferId,
        bucket: BucketId,
        units: u64,
        left: u64,
    },
    /// The request was too old to be believed; it may be made again.
    Again { id: TransferId },
    /// The receiver of a transfer is done with it.
    Release {
        id: TransferId,
        bucket: BucketId,
        unspent: u64,
    },
}

/// What a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) tokens: u64,
    pub(super) period_us: u64,
    pub(super) burst: u64,
}

impl Terms {
    pub(super) fn shape(self) -> Option<Shape> {
        let rate = Rate::new(self.tokens, Duration::from_micros(self.period_us));
        Shape::new(rate, self.burst).ok()
    }
}

impl Seal {
    pub(super) fn new(secret: &[u8], nodes: u16, lifetime: Duration) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("stanchion-limiter escrow datagrams 1");
        hasher.update(&nodes.to_le_bytes());
        hasher.update(&lifetime.as_micros().to_le_bytes());
        hasher.update(secret);
        Self(*hasher.finalize().as_bytes())
    }

    pub(super) fn bucket(&self, limit: &str, key: &str) -> BucketId {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        // A name has no NUL, so no two pairs look the same. The first byte is no datagram's.
        for part in [b"\0", limit.as_bytes(), b"\0", key.as_bytes()] {
            hasher.update(part);
        }
        let mut id = BucketId::default();
        hasher.finalize_xof().fill(&mut id);
        id
    }

    pub(super) fn close(&self, letter: &Letter) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_DATAGRAM);
        letter.write(&mut bytes);
        let mac = blake3::keyed_hash(&self.0, &bytes);
        bytes.extend(mac.as_bytes());
        bytes
    }

    /// Reads a datagram; `None` when this roster's key did not close it.
    pub(super) fn open(&self, datagram: &[u8]) -> Option<Letter> {
        if datagram.len() > MAX_DATAGRAM {
            return None;
        }
        let (bytes, mac) = datagram.split_last_chunk::<MAC>()?;
        // This comparison takes the same time whatever differs.
        if blake3::keyed_hash(&self.0, bytes) != blake3::Hash::from_bytes(*mac) {
            return None;
        }
        Letter::read(&mut Reader(bytes))
    }
}

impl Letter {
    fn write(&self, to: &mut Vec<u8>) {
        let kind = match self.body {
            Body::Beat => 0,
            Body::Ask { .. } => 1,
            Body::Give { .. } => 2,
            Body::Again { .. } => 3,
            Body::Release { .. } => 4,
        };
        to.extend([VERSION, kind]);
        to.extend(self.from.to_le_bytes());
        to.extend(self.to.to_le_bytes());
        let times = [self.boot, self.clock_us, self.to_boot, self.echo_us];
        to.extend(times.into_iter().flat_map(u64::to_le_bytes));
        let mut write = |id: &TransferId, bucket: &[u8], numbers: &[u64]| {
            to.extend(id.to_le_bytes());
            to.extend(bucket);
            to.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        };
        match &self.body {
            Body::Beat => {}
            Body::Ask {
                id,
                bucket,
                terms,
                need,
                want,
            } => {
                let (tokens, burst) = (terms.tokens, terms.burst);
                write(id, bucket, &[tokens, terms.period_us, burst, *need, *want]);
            }
            Body::Give {
                id,
                bucket,
                units,
                left,
            } => write(id, bucket, &[*units, *left]),
            Body::Again { id } => write(id, &[], &[]),
            Body::Release {
                id,
                bucket,
                unspent,
            } => write(id, bucket, &[*unspent]),
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let [version, kind] = from.take()?;
        if version != VERSION {
            return None;
        }
        let letter = Self {
            from: u16::from_le_bytes(from.take()?),
            to: u16::from_le_bytes(from.take()?),
            boot: from.number()?,
            clock_us: from.number()?,
            to_boot: from.number()?,
            echo_us: from.number()?,
            body: Body::read(kind, from)?,
        };
        from.0.is_empty().then_some(letter)
    }
}

impl Body {
    fn read(kind: u8, from: &mut Reader<'_>) -> Option<Self> {
        if kind == 0 {
            return Some(Self::Beat);
        }
        let id = u128::from_le_bytes(from.take()?);
        if kind == 3 {
            return Some(Self::Again { id });
        }
        let bucket = from.take()?;
        match kind {
            1 => Some(Self::Ask {
                id,
                bucket,
                terms: Terms {
                    tokens: from.number()?,
                    period_us: from.number()?,
                    burst: from.number()?,
                },
                need: from.number()?,
                want: from.number()?,
            }),
            2 => Some(Self::Give {
                id,
                bucket,
                units: from.number()?,
                left: from.number()?,
            }),
            4 => Some(Self::Release {
                id,
                bucket,
                unspent: from.number()?,
            }),
            _ => None,
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Vec<Letter> {
        let terms = Terms {
            tokens: 1,
            period_us: 2,
            burst: 3,
        };
        let (id, bucket) = (u128::MAX - 7, [9; 16]);
        let bodies = [
            Body::Beat,
            Body::Ask {
                id,
                bucket,
                terms,
                need: 4,
                want: 5,
            },
            Body::Give {
                id,
                bucket,
                units: 6,
                left: 7,
            },
            Body::Again { id },
            Body::Release {
                id,
                bucket,
                unspent: 8,
            },
        ];
        let letter = |body| Letter {
            from: 1,
            to: 2,
            boot: 3,
            clock_us: 4,
            to_boot: 5,
            echo_us: 6,
            body,
        };
        bodies.into_iter().map(letter).collect()
    }

    #[test]
    fn what_is_closed_is_opened_by_the_same_key_alone() {
        let lifetime = Duration::from_secs(2);
        let seal = Seal::new(b"a secret of the roster", 3, lifetime);
        let others = [
            Seal::new(b"another secret of a roster", 3, lifetime),
            Seal::new(b"a secret of the roster", 4, lifetime),
            Seal::new(b"a secret of the roster", 3, Duration::from_secs(1)),
        ];
        for letter in letters() {
            let closed = seal.close(&letter);
            assert!(closed.len() <= MAX_DATAGRAM);
            assert_eq!(seal.open(&closed), Some(letter));
            assert!(others.iter().all(|other| other.open(&closed).is_none()));
        }
    }

    #[test]
    fn a_datagram_that_was_changed_or_cut_is_not_opened() {
        let seal = Seal::new(b"a secret of the roster", 3, Duration::from_secs(2));
        for letter in letters() {
            let closed = seal.close(&letter);
            for at in 0..closed.len() {
                let mut changed = closed.clone();
                changed[at] ^= 1;
                assert_eq!(seal.open(&changed), None);
                assert_eq!(seal.open(&closed[..at]), None);
            }
            let longer = [closed.as_slice(), &[0; MAX_DATAGRAM]].concat();
            assert_eq!(seal.open(&longer), None);
        }
    }
}
