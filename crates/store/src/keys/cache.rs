use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use stanchion_kernel::{Clock, Uuid};

use super::KeyRecord;

/// Keys kept at most; one more empties the cache, which costs a look-up each and bounds the memory.
const CAPACITY: usize = 10_000;
/// An entry is looked up again after this in any case.
const MAX_AGE: Duration = Duration::from_secs(60);
/// Without word from the feed for this long the cache serves nothing: the bound on how late a revocation takes effect.
/// Less than the promised second, so that the request that finds out stays within it.
const TRUST: Duration = Duration::from_millis(900);

/// Keys that were looked up lately. An entry is only kept when no key changed while it was being read, so that a slow
/// look-up cannot bring back a key that was revoked meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    clock: Clock,
    state: Arc<RwLock<State>>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Uuid, (KeyRecord, Duration)>,
    generation: u64,
    trusted_until: Duration,
}

impl Cache {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    pub(super) fn get(&self, id: Uuid) -> Option<KeyRecord> {
        let now = self.clock.monotonic();
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if now >= state.trusted_until {
            return None;
        }
        let (record, until) = state.entries.get(&id)?;
        (now < *until).then(|| record.clone())
    }

    /// Taken before the database is read, given back to [`Cache::put`].
    pub(super) fn generation(&self) -> u64 {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .generation
    }

    pub(super) fn put(&self, generation: u64, record: KeyRecord, remaining: Option<Duration>) {
        let until = self.clock.monotonic() + remaining.unwrap_or(MAX_AGE).min(MAX_AGE);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.generation != generation {
            return;
        }
        if state.entries.len() >= CAPACITY {
            state.entries.clear();
        }
        state.entries.insert(record.id, (record, until));
    }

    pub(super) fn forget(&self, id: Uuid) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.generation += 1;
        state.entries.remove(&id);
    }

    pub(super) fn clear(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.generation += 1;
        state.entries.clear();
    }

    /// Everything that committed before `asked` has been heard of.
    pub(super) fn confirm(&self, asked: Duration) {
        self.state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .trusted_until = asked + TRUST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanchion_kernel::Timestamp;

    fn record(id: Uuid) -> KeyRecord {
        KeyRecord {
            id,
            name: "till".to_owned(),
            hash: [0; 32],
            scopes: Vec::new(),
            created_at: Timestamp::default(),
            expires_at: None,
            revoked_at: None,
        }
    }

    #[test]
    fn without_word_from_the_feed_nothing_is_served() {
        let (clock, hand) = Clock::manual(Timestamp::default());
        let cache = Cache::new(clock.clone());
        let id = Uuid::from_u128(1);
        cache.put(cache.generation(), record(id), None);
        assert!(cache.get(id).is_none(), "never confirmed");
        cache.confirm(clock.monotonic());
        assert!(cache.get(id).is_some());
        hand.advance(TRUST);
        assert!(cache.get(id).is_none(), "confirmed too long ago");
    }

    #[test]
    fn a_slow_look_up_does_not_bring_back_a_revoked_key() {
        let (clock, _hand) = Clock::manual(Timestamp::default());
        let cache = Cache::new(clock.clone());
        cache.confirm(clock.monotonic());
        let id = Uuid::from_u128(1);
        let before = cache.generation();
        cache.forget(id);
        cache.put(before, record(id), None);
        assert!(cache.get(id).is_none());
    }

    #[test]
    fn an_entry_ends_with_its_key() {
        let (clock, hand) = Clock::manual(Timestamp::default());
        let cache = Cache::new(clock.clone());
        let id = Uuid::from_u128(1);
        cache.put(
            cache.generation(),
            record(id),
            Some(Duration::from_millis(10)),
        );
        cache.confirm(clock.monotonic());
        assert!(cache.get(id).is_some());
        hand.advance(Duration::from_millis(10));
        assert!(cache.get(id).is_none());
    }

    #[test]
    fn the_cache_is_bounded() {
        let (clock, _hand) = Clock::manual(Timestamp::default());
        let cache = Cache::new(clock);
        for n in 0..=CAPACITY as u128 {
            cache.put(cache.generation(), record(Uuid::from_u128(n)), None);
        }
        assert!(cache.state.read().unwrap().entries.len() <= CAPACITY);
    }
}
