//! A bucket that several nodes debit without asking each other. Pure: `now` is an argument.
//!
//! Each node tells the others what it has taken out, in a counter that only grows, and debits its own bucket by what it
//! takes and by what it hears. A bucket may go below empty: what was admitted twice is paid back by admitting nothing
//! until it is above again.
//!
//! **The bound.** Let every node, whenever it admits, know what each other one had admitted until a time Δ before. Of a
//! window, look at its last admission, by node i at t. Since i's bucket was not below empty then, its own admissions in
//! the window and those of others until t − Δ are no more than B + r·(t − t0). What is not among them was admitted by the
//! N − 1 others within Δ, and each of them admits no more in it than its own bucket allows and than it is asked for:
//! the extra is at most **(N − 1)·min(B + r·Δ, λ·Δ)**, where λ is the rate at which another node admits. With a view
//! that is 2 intervals of gossip and a round trip old, and a burst much larger than r·Δ, that is
//! (N − 1)·min(B, λ·(2s + RTT)). A partition is a Δ that grows: each of k groups admits B + r·D by itself in the time D,
//! (k − 1)·(B + r·D) more than they should.
//!
//! A view's age is not guessed. A node's news repeat the newest news of each other node that it had when it wrote them:
//! whoever finds its own there knows that everything before them is known, by its own clock alone.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bucket::{Bucket, Level, Shape};

/// What a node has taken out of a bucket, as it tells others. It only grows: in an era both numbers do, and a node begins
/// a later era when it counts from zero again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spent {
    /// The era; 0 when nothing was told yet.
    pub era: u64,
    /// Tokens that were taken out in it.
    pub taken: u64,
    /// Tokens that were put back in it.
    pub returned: u64,
}

impl Spent {
    /// What is known when both are known.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        match self.era.cmp(&other.era) {
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Equal => Self {
                era: self.era,
                taken: self.taken.max(other.taken),
                returned: self.returned.max(other.returned),
            },
        }
    }

    /// What is news to somebody who knows `known`: tokens that were taken out, and put back.
    #[must_use]
    pub fn news(self, known: Self) -> (u64, u64) {
        let merged = known.merge(self);
        if merged.era > known.era {
            return (merged.taken, merged.returned);
        }
        (merged.taken - known.taken, merged.returned - known.returned)
    }
}

/// What each node has taken out of a bucket. Merging it with another is commutative, associative and idempotent: in
/// whatever order, and however often it is told, all who were told the same know the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter<N> {
    by_node: BTreeMap<N, Spent>,
}

impl<N> Default for Counter<N> {
    fn default() -> Self {
        Self {
            by_node: BTreeMap::new(),
        }
    }
}

impl<N: Ord + Clone> Counter<N> {
    /// Hears what a node has taken out, and says what of it is news.
    pub fn hear(&mut self, node: N, spent: Spent) -> (u64, u64) {
        let known = self.by_node.entry(node).or_default();
        let news = spent.news(*known);
        *known = known.merge(spent);
        news
    }

    /// Knows from now on what another one knows too.
    pub fn merge(&mut self, other: &Self) {
        for (node, spent) in &other.by_node {
            self.hear(node.clone(), *spent);
        }
    }

    /// What is known of a node.
    #[must_use]
    pub fn of(&self, node: &N) -> Spent {
        self.by_node.get(node).copied().unwrap_or_default()
    }

    /// Whether nothing is known of any node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_node.is_empty()
    }

    /// Forgets the nodes for which this does not hold.
    pub fn retain(&mut self, mut holds: impl FnMut(&N) -> bool) {
        self.by_node.retain(|node, _| holds(node));
    }
}

/// A bucket that others debit too, and which they may leave below empty.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    shape: Shape,
    /// The shape of a bucket that holds the debt below the burst.
    deep: Shape,
    bucket: Bucket,
}

impl Account {
    /// An account that was empty at `since_us`, and may owe up to `owed` tokens; what is more is forgiven. `None` when
    /// they cannot be counted.
    #[must_use]
    pub fn empty(shape: Shape, owed: u64, since_us: u64) -> Option<Self> {
        let deep = shape.deeper(owed)?;
        let mut bucket = Bucket::empty(since_us);
        bucket.refund(deep, since_us, owed);
        Some(Self {
            shape,
            deep,
            bucket,
        })
    }

    fn owed(&self) -> u64 {
        self.deep.burst() - self.shape.burst()
    }

    /// What it says to a cost, which stays in it.
    #[must_use]
    pub fn peek(&self, now_us: u64, cost: u64) -> Level {
        let owed = self.owed();
        let mut level = self.bucket.peek(self.deep, now_us, cost + owed);
        if cost == 0 {
            // Nothing may be taken out of a bucket that owes something.
            level.holds = true;
            level.until_held = Duration::ZERO;
        }
        level.tokens = level.tokens.saturating_sub(owed);
        level
    }

    /// Takes a cost out if it is in, and leaves all as it is otherwise.
    pub fn take(&mut self, now_us: u64, cost: u64) -> Level {
        let asked = self.peek(now_us, cost);
        if !asked.holds {
            return asked;
        }
        self.bucket.take(self.deep, now_us, cost);
        self.peek(now_us, 0)
    }

    /// Takes out what another node has admitted. When it `may_owe` nothing, it is left empty at the least.
    pub fn debit(&mut self, now_us: u64, tokens: u64, may_owe: bool) {
        let there = self.bucket.peek(self.deep, now_us, 0).tokens;
        let least = if may_owe { 0 } else { self.owed() };
        let tokens = tokens.min(there.saturating_sub(least));
        self.bucket.take(self.deep, now_us, tokens);
    }

    /// Puts tokens back; it runs over at the burst.
    pub fn refund(&mut self, now_us: u64, tokens: u64) {
        self.bucket.refund(self.deep, now_us, tokens);
    }

    /// Whether it is full, and so need not be remembered.
    #[must_use]
    pub fn is_full(&self, now_us: u64) -> bool {
        self.bucket.is_full(self.deep, now_us)
    }

    /// The shape of the limit's buckets.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The same account when its limit has changed: its whole tokens, or those that it owes, as far as they fit.
    #[must_use]
    pub fn in_shape(self, shape: Shape, owed: u64, now_us: u64) -> Option<Self> {
        if self.shape == shape {
            return Some(self);
        }
        let deep_tokens = self.bucket.peek(self.deep, now_us, 0).tokens;
        let missing = self.owed().saturating_sub(deep_tokens);
        let there = deep_tokens.saturating_sub(self.owed()).min(shape.burst());
        let mut changed = Self::empty(shape, owed, now_us)?;
        changed.refund(now_us, there);
        changed.debit(now_us, missing, true);
        Some(changed)
    }
}

/// Tokens that a rate gives in a time, rounded up.
#[must_use]
pub fn accrued(shape: Shape, time: Duration) -> u64 {
    let units = time.as_micros() * u128::from(shape.units_per_micro());
    let tokens = units.div_ceil(u128::from(shape.units_per_token()));
    u64::try_from(tokens).unwrap_or(u64::MAX)
}

/// The most that `others` could have admitted beyond the limit when views of them are so old, and each of them is asked
/// for up to `demand` tokens in that time.
#[must_use]
pub fn extra(shape: Shape, others: u64, age: Duration, demand: u64) -> u64 {
    let allowed = shape.burst().saturating_add(accrued(shape, age));
    others.saturating_mul(allowed.min(demand))
}
