use std::time::Duration;

use super::{Demand, Purse, Terms, holders_end};
use crate::bucket::Shape;
use crate::port::{Epoch, LeaseId, MAX_SETTLED, Settled};
use crate::{Decision, Limit};

/// The side of a holder that thinks: which lease fills the purse, which one is next, and what is given back.
///
/// One request at a time is under way. Its owner sees to that.
#[derive(Debug)]
pub struct Desk {
    current: Option<Held>,
    next: Option<Held>,
    /// Leases that are done with, until the keeper has heard of it.
    done: Vec<Done>,
    /// A request whose answer did not come. Asked again it is answered with what was granted, if it was.
    unanswered: Option<Unanswered>,
    refusal: Option<Refusal>,
    demand: Demand,
}

#[derive(Clone, Debug)]
struct Held {
    id: LeaseId,
    epoch: Epoch,
    tokens: u64,
    ends_us: u64,
    /// What has been counted as spent of it.
    counted: u64,
}

#[derive(Clone, Debug)]
struct Done {
    settled: Settled,
    ends_us: u64,
}

#[derive(Clone, Copy, Debug)]
struct Unanswered {
    id: LeaseId,
    tokens: u64,
    sent_us: u64,
}

/// What the keeper had when it refused.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    at_us: u64,
    tokens: u64,
    /// Until then it is not asked again.
    until_us: u64,
}

/// A request to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The lease's identity.
    pub id: LeaseId,
    /// How many tokens.
    pub tokens: u64,
    /// When it is sent, or was sent first: the lease's life is counted from there.
    pub sent_us: u64,
    /// What to give back with it.
    pub settled: Vec<Settled>,
}

/// What to do about a cost for which the purse is short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take it out of the purse, which has been filled again.
    Take,
    /// Ask for a lease.
    Lend(Order),
    /// Ask the keeper itself.
    Central,
    /// The keeper does not have it, as far as is known.
    Denied {
        /// Whole tokens that it has.
        remaining: u64,
        /// When to ask again.
        retry_after: Duration,
    },
}

impl Desk {
    /// Nothing borrowed.
    #[must_use]
    pub fn new(now_us: u64) -> Self {
        Self {
            current: None,
            next: None,
            done: Vec::new(),
            unanswered: None,
            refusal: None,
            demand: Demand::new(now_us),
        }
    }

    /// What to do about a cost for which the purse is short; `id` is that of a new lease.
    pub fn step(
        &mut self,
        purse: &Purse,
        terms: &Terms,
        limit: &Limit,
        cost: u64,
        now_us: u64,
        id: LeaseId,
    ) -> Step {
        self.forget_ended(purse, terms, now_us);
        if purse.left() >= cost {
            return Step::Take;
        }
        if self.turn_over(purse, terms, now_us) && purse.left() >= cost {
            return Step::Take;
        }
        if let Some(denied) = self.denied(limit.shape(), cost, purse, now_us) {
            return denied;
        }
        // What is left in the bucket is taken once when a chunk is not in it.
        let known = self.refusal.as_mut();
        let known = known.map_or(u64::MAX, |refusal| std::mem::take(&mut refusal.tokens));
        let chunk = match self.still_asked(terms, limit, now_us) {
            Some(asked) => Some(asked.tokens),
            None => terms.chunk(limit, &self.demand, now_us),
        };
        match chunk {
            Some(chunk) if chunk.min(known) >= cost => {
                // What is left of the purse is too little, and makes room in the bucket.
                self.take_out(purse, terms, now_us);
                Step::Lend(self.order(terms, limit, chunk.min(known), now_us, id))
            }
            _ => Step::Central,
        }
    }

    /// Fills the purse with the next lease, if there is one.
    pub fn turn_over(&mut self, purse: &Purse, terms: &Terms, now_us: u64) -> bool {
        let next = self.next.take();
        let is_there = next.is_some();
        if let Some(next) = next {
            self.put_in(purse, terms, next, now_us);
        }
        is_there
    }

    /// A request ahead of time, unless one is not worth it.
    pub fn ahead(
        &mut self,
        purse: &Purse,
        terms: &Terms,
        limit: &Limit,
        now_us: u64,
        id: LeaseId,
    ) -> Option<Order> {
        self.forget_ended(purse, terms, now_us);
        self.count(purse, terms, now_us);
        let is_refused = self
            .refusal
            .is_some_and(|refusal| now_us < refusal.until_us);
        if self.next.is_some() || is_refused {
            return None;
        }
        let chunk = terms.chunk(limit, &self.demand, now_us)?;
        Some(self.order(terms, limit, chunk, now_us, id))
    }

    /// The request that was not answered, if a lease by its id is worth having: it would not be over half by now.
    fn still_asked(&mut self, terms: &Terms, limit: &Limit, now_us: u64) -> Option<Unanswered> {
        let half_us = super::micros(terms.lifetime / 2);
        self.unanswered.take_if(|asked| {
            now_us >= asked.sent_us.saturating_add(half_us) || asked.tokens > limit.burst()
        });
        self.unanswered
    }

    fn order(
        &mut self,
        terms: &Terms,
        limit: &Limit,
        tokens: u64,
        now_us: u64,
        id: LeaseId,
    ) -> Order {
        self.still_asked(terms, limit, now_us);
        let fresh = Unanswered {
            id,
            tokens,
            sent_us: now_us,
        };
        let asked = *self.unanswered.get_or_insert(fresh);
        let count = self.done.len().min(MAX_SETTLED);
        let settled = self.done.drain(..count).map(|done| done.settled);
        Order {
            id: asked.id,
            tokens: asked.tokens,
            sent_us: asked.sent_us,
            settled: settled.collect(),
        }
    }

    /// The lease is the holder's. It is the next one when there is one already.
    pub fn granted(
        &mut self,
        purse: &Purse,
        terms: &Terms,
        drift: f64,
        order: &Order,
        epoch: Epoch,
        now_us: u64,
    ) {
        self.unanswered = None;
        let held = Held {
            id: order.id,
            epoch,
            tokens: order.tokens,
            ends_us: holders_end(order.sent_us, terms.lifetime, drift),
            counted: 0,
        };
        self.forget_ended(purse, terms, now_us);
        if self.current.is_some() && purse.left() > 0 {
            self.next = Some(held);
        } else {
            self.put_in(purse, terms, held, now_us);
        }
    }

    /// The keeper did not have what was asked for, lent or at once.
    pub fn refused(
        &mut self,
        terms: &Terms,
        limit: &Limit,
        cost: u64,
        said: &Decision,
        now_us: u64,
    ) {
        self.unanswered = None;
        let wait = limit.shape().time_for(cost, said.remaining);
        let pause = said.retry_after.min(terms.pause.max(wait));
        self.refusal = Some(Refusal {
            at_us: now_us,
            tokens: said.remaining,
            until_us: now_us.saturating_add(super::micros(pause)),
        });
    }

    /// What was to be given back is tried again, since no answer came; it counts once.
    pub fn not_settled(&mut self, terms: &Terms, settled: Vec<Settled>, now_us: u64) {
        let ends_us = now_us.saturating_add(super::micros(terms.lifetime));
        for settled in settled {
            self.done.push(Done { settled, ends_us });
        }
    }

    /// The keeper took out a cost, or was given one back: what it said before is past.
    pub fn admitted(&mut self, terms: &Terms, cost: u64, now_us: u64) {
        self.refusal = None;
        self.demand.add(terms.horizon, now_us, cost);
    }

    /// All that is unspent, taken out of the purse to be given back.
    pub fn withdraw(&mut self, purse: &Purse, terms: &Terms, now_us: u64) -> Vec<Settled> {
        self.forget_ended(purse, terms, now_us);
        self.take_out(purse, terms, now_us);
        if let Some(next) = self.next.take() {
            let unspent = next.tokens;
            self.done.push(done(next, unspent));
        }
        let count = self.done.len().min(MAX_SETTLED);
        self.done.drain(..count).map(|done| done.settled).collect()
    }

    /// Tokens that it holds and nobody has spent.
    #[must_use]
    pub fn unspent(&self, purse: &Purse, now_us: u64) -> u64 {
        let current = self.current.as_ref();
        let current = current.filter(|held| held.ends_us > now_us);
        let next = self.next.as_ref().filter(|held| held.ends_us > now_us);
        current.map_or(0, |_| purse.left()) + next.map_or(0, |held| held.tokens)
    }

    /// When the first of its leases ends; `None` when it has none.
    #[must_use]
    pub fn ends_us(&self) -> Option<u64> {
        let held = [&self.current, &self.next].into_iter().flatten();
        held.map(|held| held.ends_us).min()
    }

    /// Tokens of the leases that it holds, spent ones included.
    #[must_use]
    pub fn held(&self) -> u64 {
        let held = [&self.current, &self.next].into_iter().flatten();
        held.map(|held| held.tokens).sum()
    }

    /// Whether nothing would be lost if it were forgotten: it holds nothing and nobody has spent for a while.
    #[must_use]
    pub fn is_idle(&mut self, purse: &Purse, terms: &Terms, now_us: u64) -> bool {
        self.forget_ended(purse, terms, now_us);
        self.ends_us().is_none()
            && self.done.is_empty()
            && self.demand.is_over(2 * terms.lifetime, now_us)
    }

    /// Whether a lease is held or worth it, so that calls must take turns.
    #[must_use]
    pub fn is_leased(&self, terms: &Terms, limit: &Limit, now_us: u64) -> bool {
        self.ends_us().is_some()
            || self.refusal.is_some()
            || self.unanswered.is_some()
            || terms.chunk(limit, &self.demand, now_us).is_some()
    }

    /// The denial that is known without asking; `None` when there is none.
    #[must_use]
    pub fn known(&mut self, purse: &Purse, shape: Shape, cost: u64, now_us: u64) -> Option<Step> {
        if self.next.is_some() {
            return None;
        }
        self.denied(shape, cost, purse, now_us)
    }

    fn denied(&mut self, shape: Shape, cost: u64, purse: &Purse, now_us: u64) -> Option<Step> {
        let refusal = self.refusal?;
        if now_us >= refusal.until_us {
            self.refusal = None;
            return None;
        }
        let has = refusal.tokens;
        if cost <= has.saturating_add(purse.left()) {
            return None;
        }
        let wait_us = super::micros(shape.time_for(cost, has));
        let until_us = refusal.until_us.max(refusal.at_us.saturating_add(wait_us));
        Some(Step::Denied {
            remaining: has,
            retry_after: Duration::from_micros(until_us - now_us),
        })
    }

    /// Counts what was spent since the last time.
    fn count(&mut self, purse: &Purse, terms: &Terms, now_us: u64) {
        if let Some(held) = &mut self.current {
            let spent = held.tokens.saturating_sub(purse.left());
            let more = spent.saturating_sub(held.counted);
            held.counted = spent.max(held.counted);
            self.demand.add(terms.horizon, now_us, more);
        }
    }

    fn put_in(&mut self, purse: &Purse, terms: &Terms, held: Held, now_us: u64) {
        self.take_out(purse, terms, now_us);
        purse.fill(held.tokens, held.ends_us, held.tokens / 5);
        self.current = Some(held);
    }

    fn take_out(&mut self, purse: &Purse, terms: &Terms, now_us: u64) {
        self.count(purse, terms, now_us);
        if let Some(held) = self.current.take() {
            let unspent = purse.empty();
            self.done.push(done(held, unspent));
        }
    }

    /// Forgets what is over: the keeper will have forgotten it before it could hear of it, or credits nothing.
    fn forget_ended(&mut self, purse: &Purse, terms: &Terms, now_us: u64) {
        if self
            .current
            .as_ref()
            .is_some_and(|held| held.ends_us <= now_us)
        {
            self.count(purse, terms, now_us);
            purse.empty();
            self.current = None;
        }
        self.next.take_if(|held| held.ends_us <= now_us);
        self.done.retain(|done| done.ends_us > now_us);
        let drop = self.done.len().saturating_sub(2 * MAX_SETTLED);
        self.done.drain(..drop);
    }
}

fn done(held: Held, unspent: u64) -> Done {
    Done {
        settled: Settled {
            id: held.id,
            epoch: held.epoch,
            unspent,
        },
        ends_us: held.ends_us,
    }
}
