use std::time::Duration;

use crate::bucket::{Bucket, Level, Shape};
use crate::port::{LeaseId, MAX_LEASES};

/// A bucket and what is lent of it.
#[derive(Clone, Debug)]
pub struct Ledger {
    bucket: Bucket,
    shape: Shape,
    /// By the moment at which they are forgotten.
    loans: Vec<Loan>,
}

/// A lease, as its keeper knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loan {
    /// Which one.
    pub id: LeaseId,
    /// How many tokens.
    pub tokens: u64,
    /// When it is forgotten, on the keeper's clock.
    pub ends_us: u64,
}

impl Ledger {
    /// Nothing lent of a bucket.
    #[must_use]
    pub fn new(bucket: Bucket, shape: Shape) -> Self {
        let loans = Vec::new();
        Self {
            bucket,
            shape,
            loans,
        }
    }

    /// Brings it to this moment and to the shape that its limit has now: what has ended by then is forgotten, each lease
    /// in its moment. Filled up only afterwards the bucket would get for the time before what it got no room for.
    pub fn reach(&mut self, shape: Shape, now_us: u64) {
        let ended = self.loans.partition_point(|loan| loan.ends_us <= now_us);
        for loan in self.loans.drain(..ended) {
            self.bucket.end(self.shape, loan.ends_us, loan.tokens, 0);
        }
        self.bucket = self.bucket.in_shape(self.shape, shape, now_us);
        self.shape = shape;
    }

    /// What the bucket would say to a cost.
    pub fn peek(&mut self, shape: Shape, now_us: u64, cost: u64) -> Level {
        self.reach(shape, now_us);
        let asked = self.bucket.peek(shape, now_us, cost);
        self.told(now_us, cost, asked)
    }

    /// Takes a cost out if it is in.
    pub fn take(&mut self, shape: Shape, now_us: u64, cost: u64) -> Level {
        self.reach(shape, now_us);
        let asked = self.bucket.take(shape, now_us, cost);
        self.told(now_us, cost, asked)
    }

    /// Puts tokens back that were taken and not used.
    pub fn refund(&mut self, shape: Shape, now_us: u64, tokens: u64) {
        self.reach(shape, now_us);
        self.bucket.refund(shape, now_us, tokens);
    }

    /// Takes a chunk out until `ends_us`. The same again is answered with what the bucket says, and takes nothing.
    pub fn lend(&mut self, shape: Shape, now_us: u64, loan: Loan) -> Level {
        self.reach(shape, now_us);
        if let Some(known) = self.loans.iter().find(|known| known.id == loan.id) {
            let mut level = self.bucket.peek(shape, now_us, 0);
            // Whoever asks for another number of tokens under the same id is not told that it has them.
            level.holds = known.tokens == loan.tokens;
            return level;
        }
        if self.loans.len() >= MAX_LEASES {
            let mut level = self.bucket.peek(shape, now_us, loan.tokens);
            let first_us = self.loans.first().map_or(now_us, |loan| loan.ends_us);
            level.holds = false;
            level.until_held = level.until_held.max(Duration::from_micros(
                first_us.saturating_sub(now_us).max(1),
            ));
            return level;
        }
        let asked = self.bucket.lend(shape, now_us, loan.tokens);
        if asked.holds {
            let place = self
                .loans
                .partition_point(|known| known.ends_us <= loan.ends_us);
            self.loans.insert(place, loan);
        }
        self.told(now_us, loan.tokens, asked)
    }

    /// Ends a lease: what is unspent of it comes back. Nothing comes back of one that is not known, or not any more.
    pub fn settle(&mut self, shape: Shape, now_us: u64, id: LeaseId, unspent: u64) {
        self.reach(shape, now_us);
        if let Some(place) = self.loans.iter().position(|loan| loan.id == id) {
            let loan = self.loans.remove(place);
            self.bucket.end(shape, now_us, loan.tokens, unspent);
        }
    }

    /// Tokens that are lent.
    #[must_use]
    pub fn lent(&self) -> u64 {
        self.bucket.lent()
    }

    /// Whether the bucket is full and nothing is lent, so that it need not be remembered.
    pub fn is_full(&mut self, now_us: u64) -> bool {
        self.reach(self.shape, now_us);
        self.loans.is_empty() && self.bucket.is_full(self.shape, now_us)
    }

    /// The level with the time to wait for a cost that has no room beside what is lent: until leases enough have ended.
    fn told(&self, now_us: u64, cost: u64, mut level: Level) -> Level {
        if level.holds || self.bucket.may_hold(self.shape, cost) {
            return level;
        }
        let mut bucket = self.bucket;
        let mut at_us = now_us;
        for loan in &self.loans {
            at_us = loan.ends_us;
            bucket.end(self.shape, at_us, loan.tokens, 0);
            if bucket.may_hold(self.shape, cost) {
                break;
            }
        }
        let lent_for = Duration::from_micros(at_us.saturating_sub(now_us));
        let asked = bucket.peek(self.shape, at_us, cost);
        level.until_held = lent_for.saturating_add(asked.until_held);
        level
    }
}
