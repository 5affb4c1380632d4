use std::sync::atomic::{AtomicU64, Ordering};

use super::MAX_CHUNK;

/// The lease that is being spent: what threads share, so that a check costs one exchange and one look at the clock. On
/// cache lines of its own, so that it slows no other key's.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Purse {
    /// The tokens that are left, above them the lease's number. A number comes again after 2^16 leases; a thread that
    /// slept for so long compares the clock with an end that is past.
    state: AtomicU64,
    /// When it ends.
    ends_us: AtomicU64,
    /// At so many tokens the next lease is due.
    low: AtomicU64,
    /// Checks since they were counted last.
    checks: AtomicU64,
}

/// What a purse says to a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// The tokens were taken.
    Taken {
        /// For putting them back.
        ticket: Ticket,
        /// What is left of the lease.
        left: u64,
        /// Whether it is time for the next lease. One thread hears of it.
        is_low: bool,
    },
    /// There is not so much in it, or the lease is over.
    Short,
}

/// Tokens that were taken out of a purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    number: u64,
    cost: u64,
    ends_us: u64,
}

impl Ticket {
    /// When the lease ends of which they are.
    #[must_use]
    pub fn ends_us(self) -> u64 {
        self.ends_us
    }
}

/// Bits of the tokens in the state; [`MAX_CHUNK`] fits in.
const BITS: u32 = MAX_CHUNK.count_ones();

fn parts(state: u64) -> (u64, u64) {
    (state >> BITS, state & MAX_CHUNK)
}

impl Purse {
    /// Takes a cost, 1 or more, if it is there and the lease is not over.
    ///
    /// The clock is read after the tokens were taken. Whoever is stopped before that reads a time at which the lease is
    /// over, and what it took is lost; whoever is stopped after that acts late on a decision made in time, as after any
    /// check.
    pub fn take(&self, cost: u64, now_us: impl FnOnce() -> u64) -> Spent {
        let mut seen = self.state.load(Ordering::Acquire);
        let (number, left, ends_us) = loop {
            let (number, left) = parts(seen);
            if left < cost {
                return Spent::Short;
            }
            // Another lease's is only written when the state has another number, and then the exchange fails.
            let ends_us = self.ends_us.load(Ordering::Acquire);
            let next = seen - cost;
            match self
                .state
                .compare_exchange_weak(seen, next, Ordering::SeqCst, Ordering::Acquire)
            {
                Ok(_) => break (number, left - cost, ends_us),
                Err(now) => seen = now,
            }
        };
        if now_us() >= ends_us {
            return Spent::Short;
        }
        self.checks.fetch_add(1, Ordering::Relaxed);
        let low = self.low.load(Ordering::Relaxed);
        Spent::Taken {
            ticket: Ticket {
                number,
                cost,
                ends_us,
            },
            left,
            is_low: left < low && left + cost >= low,
        }
    }

    /// Puts tokens back. False when the lease is not in it any more: then they are spent as far as the purse knows.
    pub fn put_back(&self, ticket: Ticket) -> bool {
        let mut seen = self.state.load(Ordering::Acquire);
        loop {
            if parts(seen).0 != ticket.number {
                return false;
            }
            let next = seen + ticket.cost;
            match self
                .state
                .compare_exchange_weak(seen, next, Ordering::SeqCst, Ordering::Acquire)
            {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// What is left of the lease.
    #[must_use]
    pub fn left(&self) -> u64 {
        parts(self.state.load(Ordering::Acquire)).1
    }

    /// Takes out all that is left; nobody can put anything back into that lease from here on.
    pub(super) fn empty(&self) -> u64 {
        let mut seen = self.state.load(Ordering::Acquire);
        loop {
            let next = parts(seen).0.wrapping_add(1) << BITS;
            match self
                .state
                .compare_exchange_weak(seen, next, Ordering::SeqCst, Ordering::Acquire)
            {
                Ok(_) => return parts(seen).1,
                Err(now) => seen = now,
            }
        }
    }

    /// Puts a lease into the empty purse. Only one thread may do so at a time.
    pub(super) fn fill(&self, tokens: u64, ends_us: u64, low: u64) {
        let number =
            parts(self.state.load(Ordering::Acquire)).0.wrapping_add(1) & (u64::MAX >> BITS);
        self.ends_us.store(ends_us, Ordering::Release);
        self.low.store(low, Ordering::Relaxed);
        let state = (number << BITS) | tokens.min(MAX_CHUNK);
        self.state.store(state, Ordering::SeqCst);
    }

    /// Checks since this was asked last.
    pub fn counted(&self) -> u64 {
        self.checks.swap(0, Ordering::Relaxed)
    }
}
