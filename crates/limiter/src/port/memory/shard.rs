use std::collections::HashMap;

use crate::bucket::{Bucket, Level};
use crate::lease::{Ledger, Loan};
use crate::port::Settled;
use crate::{Ask, LimitName, LimiterError};

/// Some of the buckets.
#[derive(Debug)]
pub(super) struct Shard {
    limits: HashMap<LimitName, HashMap<Box<str>, Ledger>>,
    /// How many there are, of all limits.
    count: usize,
    /// So many, and it is time to forget those that are full.
    crowd: usize,
    room: usize,
    /// When it is full, nobody looks before this moment for what can be forgotten.
    next_look_us: u64,
    born_us: u64,
}

/// Fewer buckets are not worth a look at all of them.
const LEAST_CROWD: usize = 64;
/// Looking through a full shard for each of many calls would hold up all of them.
const LOOK_AGAIN_US: u64 = 100_000;

impl Shard {
    pub(super) fn new(born_us: u64, room: usize) -> Self {
        Self {
            limits: HashMap::new(),
            count: 0,
            crowd: LEAST_CROWD.min(room),
            room,
            next_look_us: 0,
            born_us,
        }
    }

    /// The bucket of a question, if it is known.
    fn known(&mut self, ask: &Ask<'_>) -> Option<&mut Ledger> {
        self.limits.get_mut(ask.limit().name())?.get_mut(ask.key())
    }

    /// A bucket that is not known: it was empty when this began.
    fn unknown(&self, ask: &Ask<'_>) -> Ledger {
        Ledger::new(Bucket::empty(self.born_us), ask.limit().shape())
    }

    pub(super) fn peek(&mut self, ask: &Ask<'_>, now_us: u64) -> Level {
        let shape = ask.limit().shape();
        match self.known(ask) {
            Some(ledger) => ledger.peek(shape, now_us, ask.cost()),
            None => self.unknown(ask).peek(shape, now_us, ask.cost()),
        }
    }

    /// Takes the cost, after [`make_room`](Shard::make_room) under the same lock.
    pub(super) fn take(&mut self, ask: &Ask<'_>, now_us: u64) -> Level {
        let shape = ask.limit().shape();
        if let Some(ledger) = self.known(ask) {
            return ledger.take(shape, now_us, ask.cost());
        }
        let mut ledger = self.unknown(ask);
        let level = ledger.take(shape, now_us, ask.cost());
        if ask.cost() > 0 {
            self.keep(ask, ledger);
        }
        level
    }

    /// Lends what the question costs, after [`make_room`](Shard::make_room) under the same lock.
    pub(super) fn lend(&mut self, ask: &Ask<'_>, now_us: u64, loan: Loan) -> Level {
        let shape = ask.limit().shape();
        if let Some(ledger) = self.known(ask) {
            return ledger.lend(shape, now_us, loan);
        }
        let mut ledger = self.unknown(ask);
        let level = ledger.lend(shape, now_us, loan);
        if level.holds {
            self.keep(ask, ledger);
        }
        level
    }

    pub(super) fn settle(&mut self, ask: &Ask<'_>, now_us: u64, settled: &Settled) {
        let shape = ask.limit().shape();
        if let Some(ledger) = self.known(ask) {
            ledger.settle(shape, now_us, settled.id, settled.unspent);
        }
    }

    pub(super) fn refund(&mut self, ask: &Ask<'_>, now_us: u64) {
        // From a bucket that is not known nothing is missing that could be put back.
        if let Some(ledger) = self.known(ask) {
            ledger.refund(ask.limit().shape(), now_us, ask.cost());
        }
    }

    /// Sees to it that the bucket of a question can be kept. The questions of one call may be a few more than there is
    /// room for.
    pub(super) fn make_room(&mut self, ask: &Ask<'_>, now_us: u64) -> Result<(), LimiterError> {
        let known = self.limits.get(ask.limit().name());
        if ask.cost() == 0
            || self.count < self.crowd
            || known.is_some_and(|keys| keys.contains_key(ask.key()))
        {
            return Ok(());
        }
        if now_us >= self.next_look_us {
            self.forget_full(now_us);
            // Looking again only after as many more have come makes it cheap for each.
            self.crowd = (2 * self.count).clamp(LEAST_CROWD.min(self.room), self.room);
            if self.count < self.room {
                return Ok(());
            }
            self.next_look_us = now_us.saturating_add(LOOK_AGAIN_US);
        }
        Err(LimiterError::Crowded)
    }

    fn keep(&mut self, ask: &Ask<'_>, ledger: Ledger) {
        let name = ask.limit().name();
        if !self.limits.contains_key(name) {
            self.limits.insert(name.clone(), HashMap::new());
        }
        if let Some(keys) = self.limits.get_mut(name) {
            keys.insert(ask.key().into(), ledger);
            self.count += 1;
        }
    }

    fn forget_full(&mut self, now_us: u64) {
        self.limits.retain(|_, keys| {
            keys.retain(|_, ledger| !ledger.is_full(now_us));
            !keys.is_empty()
        });
        self.count = self.limits.values().map(HashMap::len).sum();
    }
}
