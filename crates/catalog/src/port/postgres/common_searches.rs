use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Searches that were found to have very many matches, so that collecting these again would be in vain. A hint: what is
/// answered does not depend on it. Bounded; a search is taken for common some times, and then measured again.
#[derive(Debug, Default)]
pub(super) struct CommonSearches {
    hasher: RandomState,
    trusted: Mutex<HashMap<u64, u32>>,
}

/// The most searches that are remembered.
const MOST: usize = 4_096;
/// How often a search is taken for common before it is measured again.
const TRUST: u32 = 64;

impl CommonSearches {
    /// Whether a search was found to be common lately.
    pub(super) fn knows(&self, search: &impl Hash) -> bool {
        let search = self.hasher.hash_one(search);
        let mut trusted = self.lock();
        match trusted.get_mut(&search) {
            Some(0) => {
                trusted.remove(&search);
                false
            }
            Some(times) => {
                *times -= 1;
                true
            }
            None => false,
        }
    }

    /// A search was found to be common.
    pub(super) fn remember(&self, search: &impl Hash) {
        let search = self.hasher.hash_one(search);
        let mut trusted = self.lock();
        if trusted.len() >= MOST {
            trusted.clear();
        }
        trusted.insert(search, TRUST);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_search_is_measured_again_after_a_while() {
        let common = CommonSearches::default();
        assert!(!common.knows(&"lamp"));
        common.remember(&"lamp");
        assert!((0..TRUST).all(|_| common.knows(&"lamp")));
        assert!(!common.knows(&"lamp") && !common.knows(&"tent"));
    }

    #[test]
    fn its_memory_is_bounded() {
        let common = CommonSearches::default();
        for search in 0..2 * MOST {
            common.remember(&search);
        }
        assert!(common.lock().len() <= MOST && common.knows(&(2 * MOST - 1)));
    }
}
