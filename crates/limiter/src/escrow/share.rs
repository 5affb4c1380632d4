use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{Split, TransferId};

/// The most transfers that a share remembers. One that handed over as many within their lifetime hands over no more.
pub const MAX_TRANSFERS: usize = 4_096;
/// The most that it holds at a time.
const MAX_HELD: usize = 64;

/// One node's share of one bucket.
#[derive(Clone, Debug)]
pub struct Share {
    split: Split,
    node: u16,
    level: u64,
    at_us: u64,
    lent: HashMap<TransferId, Lent>,
    /// When each of them ends, in this order.
    ends: VecDeque<(u64, TransferId)>,
    /// The units of those that are open.
    open: u64,
    held: BTreeMap<TransferId, Held>,
}

#[derive(Clone, Copy, Debug)]
struct Lent {
    units: u64,
    /// Whether the cap is still lowered by it. One that is not is remembered so that its id is not used again.
    open: bool,
    /// Whether what is unspent may come back: it is counted in units that the share had then.
    returns: bool,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    from: u16,
    units: u64,
    until_us: u64,
}

/// What a receiver tells the sender of a transfer when it releases it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Which one.
    pub id: TransferId,
    /// The sender.
    pub from: u16,
    /// Units that were not spent and go back to it.
    pub unspent: u64,
}

impl Share {
    /// A share that was empty at `since_us`, and is filled from then on.
    #[must_use]
    pub fn new(split: Split, node: u16, since_us: u64) -> Self {
        Self {
            split,
            node,
            level: 0,
            at_us: since_us,
            lent: HashMap::new(),
            ends: VecDeque::new(),
            open: 0,
            held: BTreeMap::new(),
        }
    }

    /// How the bucket is divided.
    #[must_use]
    pub fn split(&self) -> Split {
        self.split
    }

    /// The cap that is its own: what is handed over and not released is missing.
    fn own(&self) -> u64 {
        self.split.cap(self.node).saturating_sub(self.open)
    }

    fn cap(&self) -> u64 {
        let held: u64 = self.held.values().map(|held| held.units).sum();
        self.own() + held
    }

    /// Goes on to `now_us`; to nothing when the clock has stepped back, or its time has not begun.
    fn advance(&mut self, now_us: u64) {
        // The cap rises only where a transfer ends, so the time before each is filled under the lower one.
        while let Some((until_us, id)) = self.ends.front().copied()
            && until_us <= now_us
        {
            self.ends.pop_front();
            if let Some(lent) = self.lent.remove(&id).filter(|lent| lent.open) {
                self.fill_until(until_us);
                self.open -= lent.units;
            }
        }
        self.fill_until(now_us);
        self.held.retain(|_, held| held.until_us > now_us);
        self.level = self.level.min(self.cap());
    }

    fn fill_until(&mut self, until_us: u64) {
        let elapsed = until_us.saturating_sub(self.at_us);
        let filled = self.split.fill(self.node).saturating_mul(elapsed);
        self.level = self.level.saturating_add(filled).min(self.cap());
        self.at_us = self.at_us.max(until_us);
    }

    /// Units in it.
    pub fn level(&mut self, now_us: u64) -> u64 {
        self.advance(now_us);
        self.level
    }

    /// Takes so many units out if they are in.
    pub fn take(&mut self, now_us: u64, units: u64) -> bool {
        self.advance(now_us);
        let holds = self.level >= units;
        if holds {
            self.level -= units;
        }
        holds
    }

    /// Puts units back that were taken and not used; it runs over at its cap.
    pub fn refund(&mut self, now_us: u64, units: u64) {
        self.advance(now_us);
        self.level = self.level.saturating_add(units).min(self.cap());
    }

    /// Hands over `need` units or what is in it, and some more, up to `want`, when it keeps as much itself. Asked for the
    /// same id again it hands over nothing more: the answer is the same until the transfer is released, and zero then.
    pub fn lend(
        &mut self,
        now_us: u64,
        id: TransferId,
        (need, want): (u64, u64),
        until_us: u64,
    ) -> u64 {
        self.advance(now_us);
        if let Some(lent) = self.lent.get(&id) {
            return if lent.open { lent.units } else { 0 };
        }
        if self.lent.len() >= MAX_TRANSFERS {
            return 0;
        }
        // What was accepted itself is not handed on: it has to be given back in time.
        let most = self.level.min(self.own());
        let units = need.max(want.min(most / 2)).min(most);
        if units > 0 {
            self.level -= units;
            self.open += units;
            // One that counts for longer than it must does no harm, and they end in the order in which they began.
            let last_us = self.ends.back().map_or(0, |(until_us, _)| *until_us);
            self.ends.push_back((until_us.max(last_us), id));
            let lent = Lent {
                units,
                open: true,
                returns: true,
            };
            self.lent.insert(id, lent);
        }
        units
    }

    /// Accepts a transfer for which it waited, and says whether it did: not when it is too late, nor when it has as many
    /// as it may.
    pub fn accept(
        &mut self,
        now_us: u64,
        id: TransferId,
        (from, units): (u16, u64),
        until_us: u64,
    ) -> bool {
        self.advance(now_us);
        let fits = until_us > now_us
            && self.held.len() < MAX_HELD
            && !self.held.contains_key(&id)
            && units <= self.split.cap(from);
        if fits {
            let held = Held {
                from,
                units,
                until_us,
            };
            self.held.insert(id, held);
            self.level += units;
        }
        fits
    }

    /// Releases these transfers. What fits under the cap of its own stays when the tokens were of use, and everything
    /// that is left goes back otherwise.
    pub fn release(&mut self, now_us: u64, ids: &[TransferId], were_used: bool) -> Vec<Release> {
        self.advance(now_us);
        let mut released = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(held) = self.held.remove(id) else {
                continue;
            };
            let over = self.level.saturating_sub(self.cap());
            let left = if were_used { over } else { self.level };
            let unspent = left.min(held.units);
            self.level -= unspent;
            released.push(Release {
                id: *id,
                from: held.from,
                unspent,
            });
        }
        released
    }

    /// Hears that a transfer is released.
    pub fn released(&mut self, now_us: u64, id: TransferId, unspent: u64) {
        self.advance(now_us);
        let Some(lent) = self.lent.get_mut(&id).filter(|lent| lent.open) else {
            return;
        };
        lent.open = false;
        self.open -= lent.units;
        let back = if lent.returns {
            unspent.min(lent.units)
        } else {
            0
        };
        self.level = (self.level + back).min(self.cap());
    }

    /// Units that it handed over and that are not released.
    pub fn on_loan(&mut self, now_us: u64) -> u64 {
        self.advance(now_us);
        self.open
    }

    /// Whether it is full and has nothing to remember.
    pub fn is_full(&mut self, now_us: u64) -> bool {
        self.advance(now_us);
        self.lent.is_empty() && self.held.is_empty() && self.level == self.split.cap(self.node)
    }

    /// The same share when the limit has changed: its whole tokens, as far as they fit. Transfers that are on their way
    /// are lost, and what is handed over stays so until its time is over.
    #[must_use]
    pub fn in_split(mut self, split: Split, now_us: u64) -> Self {
        if self.split == split {
            return self;
        }
        self.advance(now_us);
        let tokens = self.split.tokens(self.level);
        let per_token = self.split.units_per_token;
        self.split = split;
        self.held.clear();
        self.open = 0;
        for lent in self.lent.values_mut() {
            lent.units = split.units(lent.units.div_ceil(per_token));
            lent.returns = false;
            self.open += if lent.open { lent.units } else { 0 };
        }
        self.level = split.units(tokens).min(self.own());
        self
    }
}
