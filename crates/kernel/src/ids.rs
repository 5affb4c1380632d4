use std::sync::{Arc, Mutex, PoisonError};

use uuid::{Builder, Uuid};

use crate::{Clock, Entropy};

/// UUIDv7 ids (RFC 9562 §5.7): 48 bits of milliseconds, then a 12-bit counter's place and randomness.
///
/// Ids of one generator only grow, also within a millisecond and when the clock steps back: the 74 bits behind the
/// milliseconds are then the last id's plus a random step (RFC 9562 §6.2, method 2).
#[derive(Clone, Debug)]
pub struct Ids {
    clock: Clock,
    entropy: Entropy,
    last: Arc<Mutex<Last>>,
}

#[derive(Debug, Default)]
struct Last {
    millis: u64,
    tail: u128,
}

/// The random part of a UUIDv7: 12 bits before the variant and 62 after it.
const TAIL_BITS: u32 = 74;
const TAIL_MASK: u128 = (1 << TAIL_BITS) - 1;

impl Ids {
    /// A generator on `clock` and `entropy`; clones share its order.
    #[must_use]
    pub fn new(clock: Clock, entropy: Entropy) -> Self {
        Self {
            clock,
            entropy,
            last: Arc::default(),
        }
    }

    /// The next id, greater than all before it.
    #[must_use]
    pub fn next(&self) -> Uuid {
        let now = u64::try_from(self.clock.now().as_millis()).unwrap_or_default();
        let random = u128::from_le_bytes(self.entropy.bytes());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if now > last.millis {
            // The top bit stays clear, so that steps within the millisecond have room.
            *last = Last {
                millis: now,
                tail: random & (TAIL_MASK >> 1),
            };
        } else {
            last.tail += 1 + (random & 0xffff_ffff);
            if last.tail > TAIL_MASK {
                *last = Last {
                    millis: last.millis + 1,
                    tail: random & (TAIL_MASK >> 1),
                };
            }
        }
        assemble(last.millis, last.tail)
    }
}

fn assemble(millis: u64, tail: u128) -> Uuid {
    let high = (tail >> 62) & 0xfff;
    let low = tail & ((1 << 62) - 1);
    let bits = (u128::from(millis) << 80) | (high << 64) | low;
    // The builder sets version and variant over the bits left free for them.
    Builder::from_u128(bits)
        .with_version(uuid::Version::SortRand)
        .with_variant(uuid::Variant::RFC4122)
        .into_uuid()
}
