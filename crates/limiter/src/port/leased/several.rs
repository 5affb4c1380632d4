use std::sync::Arc;
use std::time::Duration;

use tokio::sync::MutexGuard;

use super::slots::Slot;
use super::{Got, Leased, only};
use crate::lease::{Spent, Ticket};
use crate::{Ask, Decision, LimiterError, observe};

/// A question of several, its slot where it may be leased, and what was taken for it from a lease.
struct Part<'a> {
    ask: Ask<'a>,
    slot: Option<Arc<Slot>>,
    taken: Option<Taken>,
}

#[derive(Clone, Copy)]
struct Taken {
    ticket: Ticket,
    left: u64,
}

impl Leased {
    /// All or nothing: what leases have is taken first, and put back when the keeper denies the rest.
    ///
    /// What cannot be put back, because its lease is over, counts as spent: put into the bucket it would come back after
    /// its place had been filled.
    pub(super) async fn check_several(
        &self,
        asks: &[Ask<'_>],
    ) -> Result<Vec<Decision>, LimiterError> {
        let mut parts = self.parts(asks);
        if parts.iter().all(Part::is_there) {
            for part in &mut parts {
                self.take_part(part);
            }
            let decisions: Option<Vec<_>> = parts.iter().map(|part| part.local(true)).collect();
            if let Some(decisions) = decisions {
                return Ok(decisions);
            }
            parts.iter_mut().for_each(Part::put_back);
        }
        let slots: Vec<_> = parts.iter().map(|part| part.slot.clone()).collect();
        let _turns = turns(&slots).await;
        let asked = self.ask_in_turn(&mut parts).await;
        if !matches!(&asked, Ok(decisions) if decisions.iter().all(|decision| decision.allowed)) {
            parts.iter_mut().for_each(Part::put_back);
        }
        asked
    }

    fn parts<'a>(&self, asks: &[Ask<'a>]) -> Vec<Part<'a>> {
        let inner = &*self.0;
        let now_us = inner.now_us();
        let part = |ask: &Ask<'a>| {
            let is_leased = inner.terms.lease(ask.limit()) && ask.cost() > 0;
            let slot = is_leased.then(|| inner.slots.slot(ask, &inner.terms, now_us));
            Part {
                ask: *ask,
                slot: slot.flatten(),
                taken: None,
            }
        };
        asks.iter().map(part).collect()
    }

    fn take_part(&self, part: &mut Part<'_>) {
        let Some(slot) = &part.slot else {
            return;
        };
        let spent = slot.purse.take(part.ask.cost(), || self.0.now_us());
        if let Spent::Taken {
            ticket,
            left,
            is_low,
        } = spent
        {
            part.taken = Some(Taken { ticket, left });
            if is_low {
                self.borrow_ahead(Arc::clone(slot));
            }
        }
    }

    /// Asks for all parts, whose turns are held: the leases first, and then the keeper about the rest.
    async fn ask_in_turn(&self, parts: &mut [Part<'_>]) -> Result<Vec<Decision>, LimiterError> {
        let inner = &*self.0;
        for part in &mut *parts {
            let Some(slot) = &part.slot else {
                continue;
            };
            let (now_us, limit) = (inner.now_us(), part.ask.limit());
            if slot.at_desk(|desk, _| desk.is_leased(&inner.terms, limit, now_us))
                && let Got::Taken { ticket, left } = inner.obtain(slot, &part.ask).await?
            {
                part.taken = Some(Taken { ticket, left });
            }
        }
        let mut rest = Vec::new();
        for part in parts.iter().filter(|part| part.taken.is_none()) {
            if let Some(slot) = &part.slot {
                inner.withdraw(slot).await?;
            }
            rest.push(part.ask);
        }
        let mut said = Vec::new();
        if !rest.is_empty() {
            observe::checks("keeper", u64::try_from(rest.len()).unwrap_or(u64::MAX));
            said = inner.lender.check(&rest).await?;
        }
        self.decide(parts, said)
    }

    fn decide(
        &self,
        parts: &[Part<'_>],
        said: Vec<Decision>,
    ) -> Result<Vec<Decision>, LimiterError> {
        let is_admitted = said.iter().all(|decision| decision.allowed);
        let now_us = self.0.now_us();
        // A lease that ended while the keeper was asked is no ground to admit upon. What the keeper took is spent.
        let allowed = is_admitted && !parts.iter().any(|part| part.is_over(now_us));
        let mut said = said.into_iter();
        let decide = |part: &Part<'_>| {
            let mut decision = match part.local(allowed) {
                Some(decision) => decision,
                None => self.hear(part, said.next())?,
            };
            decision.allowed = allowed;
            if is_admitted && !allowed && part.is_over(now_us) {
                decision.retry_after = AT_ONCE;
            }
            Ok(decision)
        };
        parts.iter().map(decide).collect()
    }

    fn hear(&self, part: &Part<'_>, said: Option<Decision>) -> Result<Decision, LimiterError> {
        let said = only(said.into_iter().collect())?;
        if let Some(slot) = &part.slot {
            self.0.heard(slot, &part.ask, &said);
        }
        Ok(said)
    }
}

/// The least time that says that a limit refused.
const AT_ONCE: Duration = Duration::from_micros(1);

impl Part<'_> {
    /// Whether its lease seems to have enough.
    fn is_there(&self) -> bool {
        let slot = self.slot.as_ref();
        slot.is_some_and(|slot| slot.purse.left() >= self.ask.cost())
    }

    /// Whether the lease from which it was taken is over.
    fn is_over(&self, now_us: u64) -> bool {
        self.taken
            .is_some_and(|taken| taken.ticket.ends_us() <= now_us)
    }

    fn put_back(&mut self) {
        if let (Some(slot), Some(taken)) = (&self.slot, self.taken.take()) {
            slot.purse.put_back(taken.ticket);
        }
    }

    /// The decision on what was taken from a lease, to be put back if it is not allowed.
    fn local(&self, allowed: bool) -> Option<Decision> {
        let (slot, taken) = (self.slot.as_ref()?, self.taken?);
        let back = if allowed { 0 } else { self.ask.cost() };
        Some(slot.local(&self.ask, taken.left + back, allowed))
    }
}

/// The turns of all slots, in the order of their numbers, so that no two calls wait for each other in a circle.
async fn turns(slots: &[Option<Arc<Slot>>]) -> Vec<MutexGuard<'_, ()>> {
    let mut order: Vec<_> = slots.iter().flatten().collect();
    order.sort_by_key(|slot| slot.number);
    let mut turns = Vec::with_capacity(order.len());
    for slot in order {
        turns.push(slot.turn.lock().await);
    }
    turns
}
