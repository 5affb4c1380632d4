use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Randomness: the operating system's for secrets and ids, or a seeded stream that a run can be repeated with.
///
/// Cheap to clone; clones of a seeded source draw from the same stream.
#[derive(Clone, Debug)]
pub struct Entropy(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Entropy {
    /// The operating system's generator, fit for secrets.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A stream that is the same for the same seed. Never use it for secrets.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(
            seed,
        )))))
    }

    /// Fills `bytes`.
    ///
    /// # Panics
    /// When the operating system has no randomness to give, since nothing safe can be done without it.
    #[expect(clippy::disallowed_methods, reason = "the seat of entropy")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System => {
                if let Err(error) = getrandom::fill(bytes) {
                    panic!("the operating system gives no randomness: {error}");
                }
            }
            Source::Seeded(stream) => {
                stream
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .fill_bytes(bytes);
            }
        }
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A number in `0..bound`, without bias worth speaking of (at most `bound / 2^64`); 0 when `bound` is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        let wide = u128::from(u64::from_le_bytes(self.bytes()));
        u64::try_from((wide * u128::from(bound)) >> 64).unwrap_or_default()
    }
}
