//! Chance, by the seed.

use std::time::Duration;

use stanchion_kernel::Entropy;

/// A stream of chances. Clones draw from the same.
#[derive(Clone, Debug)]
pub(crate) struct Dice(Entropy);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Entropy::seeded(seed))
    }

    /// A stream of its own.
    pub(crate) fn fork(&self) -> Entropy {
        Entropy::seeded(u64::from_le_bytes(self.0.bytes()))
    }

    /// Something in `low..=high`.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        low + self.0.below(high.saturating_sub(low).saturating_add(1))
    }

    pub(crate) fn index(&self, len: usize) -> usize {
        usize::try_from(self.0.below(len as u64)).unwrap_or_default()
    }

    pub(crate) fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// True so many times in a thousand.
    pub(crate) fn permille(&self, chance: u64) -> bool {
        self.0.below(1000) < chance
    }

    pub(crate) fn millis(&self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }
}
