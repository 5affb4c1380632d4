use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::lease::{Desk, Purse, Terms};
use crate::{Ask, Decision, Limit, LimitName, observe};

/// A key of a limit that may be leased.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) purse: Purse,
    /// Tokens that were left in the bucket when the keeper said so last.
    said: AtomicU64,
    /// What the keeper named as its bound then.
    bound: AtomicU64,
    name: LimitName,
    pub(super) key: Box<str>,
    hash: u64,
    /// Whoever takes the turns of several slots takes them in this order.
    pub(super) number: u64,
    desk: Mutex<Desk>,
    limit: Mutex<Arc<Limit>>,
    /// Whose turn it is to talk to the keeper about this key.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
}

impl Slot {
    fn is_of(&self, ask: &Ask<'_>) -> bool {
        *self.key == *ask.key() && self.name == *ask.limit().name()
    }

    /// Does something at the desk.
    pub(super) fn at_desk<T>(&self, act: impl FnOnce(&mut Desk, &Purse) -> T) -> T {
        let mut desk = lock(&self.desk);
        let before = desk.held();
        let done = act(&mut desk, &self.purse);
        let after = desk.held();
        drop(desk);
        if before != after {
            observe::leased(before, after);
            observe::checks("lease", self.purse.counted());
        }
        done
    }

    /// The limit as it was asked for last.
    pub(super) fn limit(&self) -> Arc<Limit> {
        Arc::clone(&lock(&self.limit))
    }

    fn has_limit(&self, limit: &Limit) {
        let mut held = lock(&self.limit);
        if **held != *limit {
            *held = Arc::new(limit.clone());
        }
    }

    pub(super) fn keeper_said(&self, decision: &Decision) {
        self.said.store(decision.remaining, Ordering::Relaxed);
        self.bound.store(decision.bound, Ordering::Relaxed);
    }

    /// The decision on tokens that were taken from a lease, or might have been. What is left is what is left of the lease
    /// and what the keeper said: an estimate, as others take meanwhile and time gives.
    pub(super) fn local(&self, ask: &Ask<'_>, left: u64, allowed: bool) -> Decision {
        let remaining = left.saturating_add(self.said.load(Ordering::Relaxed));
        Decision {
            allowed,
            ..self.decision(ask, remaining, Duration::ZERO)
        }
    }

    /// A denial that is known without asking.
    pub(super) fn denial(&self, ask: &Ask<'_>, remaining: u64, retry_after: Duration) -> Decision {
        observe::checks("lease", 1);
        self.decision(ask, remaining, retry_after)
    }

    fn decision(&self, ask: &Ask<'_>, remaining: u64, retry_after: Duration) -> Decision {
        let limit = ask.limit();
        let remaining = remaining.min(limit.burst());
        Decision {
            allowed: false,
            burst: limit.burst(),
            remaining,
            retry_after,
            reset_after: limit.shape().time_for(limit.burst(), remaining),
            bound: self.bound.load(Ordering::Relaxed),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The keys that are remembered.
#[derive(Debug)]
pub(super) struct Slots {
    shards: Box<[Part]>,
    hasher: RandomState,
    /// How many keys one shard has room for.
    room: usize,
    made: AtomicU64,
}

/// A shard on cache lines of its own: whoever reads one counts itself in its lock, which must not slow those of others.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Part(RwLock<Shard>);

#[derive(Debug, Default)]
struct Shard {
    table: HashTable<Arc<Slot>>,
    /// When it is full, nobody looks before this moment for what can be forgotten.
    next_look_us: u64,
}

/// Looking through a full shard for each of many calls would hold up all of them.
const LOOK_AGAIN_US: u64 = 100_000;

impl Slots {
    pub(super) fn new(keys: usize, shards: usize) -> Self {
        let shards = shards.max(1);
        Self {
            room: keys.div_ceil(shards).max(1),
            shards: (0..shards).map(|_| Part::default()).collect(),
            hasher: RandomState::default(),
            made: AtomicU64::new(0),
        }
    }

    pub(super) fn hash(&self, ask: &Ask<'_>) -> u64 {
        self.hasher.hash_one((ask.limit().name(), ask.key()))
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        // The table uses the bits at both ends.
        let middle = usize::try_from((hash >> 24) & 0xffff_ffff).unwrap_or_default();
        &self.shards[middle % self.shards.len()].0
    }

    /// Looks at a key that is remembered, without waiting for anybody but who adds a key.
    pub(super) fn find<T>(&self, ask: &Ask<'_>, look: impl FnOnce(&Arc<Slot>) -> T) -> Option<T> {
        let hash = self.hash(ask);
        let shard = self.shard(hash).read();
        let shard = shard.unwrap_or_else(PoisonError::into_inner);
        shard.table.find(hash, |slot| slot.is_of(ask)).map(look)
    }

    /// The slot of a key; `None` when as many are remembered as may be.
    pub(super) fn slot(&self, ask: &Ask<'_>, terms: &Terms, now_us: u64) -> Option<Arc<Slot>> {
        if let Some(slot) = self.find(ask, Arc::clone) {
            slot.has_limit(ask.limit());
            return Some(slot);
        }
        let hash = self.hash(ask);
        let shard = self.shard(hash).write();
        let mut shard = shard.unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = shard.table.find(hash, |slot| slot.is_of(ask)) {
            return Some(Arc::clone(slot));
        }
        if shard.table.len() >= self.room && !shard.make_room(terms, now_us) {
            return None;
        }
        let slot = Arc::new(Slot {
            purse: Purse::default(),
            said: AtomicU64::new(0),
            bound: AtomicU64::new(0),
            name: ask.limit().name().clone(),
            key: ask.key().into(),
            hash,
            number: self.made.fetch_add(1, Ordering::Relaxed),
            desk: Mutex::new(Desk::new(now_us)),
            limit: Mutex::new(Arc::new(ask.limit().clone())),
            turn: Arc::default(),
        });
        let kept = Arc::clone(&slot);
        shard.table.insert_unique(hash, kept, |slot| slot.hash);
        Some(slot)
    }

    /// All of them, as they are at the moments when it looks, and by age: the table's order is by chance.
    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        let read = |Part(shard): &Part| {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            shard.table.iter().map(Arc::clone).collect::<Vec<_>>()
        };
        let mut slots: Vec<_> = self.shards.iter().flat_map(read).collect();
        slots.sort_unstable_by_key(|slot| slot.number);
        slots
    }
}

impl Shard {
    /// Forgets keys that hold nothing and of which nobody spends.
    fn make_room(&mut self, terms: &Terms, now_us: u64) -> bool {
        if now_us < self.next_look_us {
            return false;
        }
        self.next_look_us = now_us.saturating_add(LOOK_AGAIN_US);
        let before = self.table.len();
        self.table.retain(|slot| {
            // Nobody can find it while this shard is locked, so one owner is none besides the table.
            Arc::strong_count(slot) > 1
                || !slot.at_desk(|desk, purse| desk.is_idle(purse, terms, now_us))
        });
        self.table.len() < before
    }
}
