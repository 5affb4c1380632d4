use std::sync::Arc;

use super::slots::Slot;
use super::{Got, Inner, only};
use crate::lease::{Order, Spent, Step, micros};
use crate::port::{LeaseId, LeaseRequest, Lent, Settled};
use crate::{Ask, Decision, LimiterError, observe};

/// A question is tried so often before it goes to the keeper: a chunk may be refused and a smaller one spent by others.
const ROUNDS: usize = 4;

/// What a holder has to do with its keeper.
impl Inner {
    pub(super) fn now_us(&self) -> u64 {
        micros(self.clock.boot())
    }

    /// Fills the purse with the next lease when it is short, if there is one.
    pub(super) fn turn_over(&self, slot: &Slot, ask: &Ask<'_>) -> bool {
        let now_us = self.now_us();
        slot.at_desk(|desk, purse| {
            // Somebody else may have done it since.
            purse.left() >= ask.cost() || desk.turn_over(purse, &self.terms, now_us)
        })
    }

    /// The denial that is known without asking.
    pub(super) fn known_denial(&self, slot: &Slot, ask: &Ask<'_>) -> Option<Decision> {
        let now_us = self.now_us();
        let shape = ask.limit().shape();
        let step = slot.at_desk(|desk, purse| desk.known(purse, shape, ask.cost(), now_us));
        match step? {
            Step::Denied {
                remaining,
                retry_after,
            } => Some(slot.denial(ask, remaining, retry_after)),
            _ => None,
        }
    }

    /// Takes tokens from a lease, which is renewed when it has to be, by whoever has the turn.
    pub(super) async fn obtain(&self, slot: &Slot, ask: &Ask<'_>) -> Result<Got, LimiterError> {
        for _ in 0..ROUNDS {
            let taken = slot.purse.take(ask.cost(), || self.now_us());
            if let Spent::Taken { ticket, left, .. } = taken {
                return Ok(Got::Taken { ticket, left });
            }
            let (now_us, id) = (self.now_us(), LeaseId(self.ids.next()));
            let step = slot.at_desk(|desk, purse| {
                desk.step(purse, &self.terms, ask.limit(), ask.cost(), now_us, id)
            });
            match step {
                Step::Take => {}
                Step::Central => break,
                Step::Lend(order) => {
                    let _permit = self.renewals.acquire().await;
                    self.request(slot, order, ask.cost()).await?;
                }
                Step::Denied {
                    remaining,
                    retry_after,
                } => return Ok(Got::Denied(slot.denial(ask, remaining, retry_after))),
            }
        }
        Ok(Got::Central)
    }

    /// Asks the keeper for a lease.
    pub(super) async fn request(
        &self,
        slot: &Slot,
        order: Order,
        cost: u64,
    ) -> Result<(), LimiterError> {
        let limit = slot.limit();
        let asked = self
            .lender
            .lend(&LeaseRequest {
                limit: &limit,
                key: &slot.key,
                id: order.id,
                tokens: order.tokens,
                lifetime: self.terms.lifetime,
                settled: &order.settled,
            })
            .await;
        let now_us = self.now_us();
        if asked.is_ok() {
            count_settled(&order.settled);
        }
        match asked {
            Ok(Lent::Granted { epoch, decision }) => {
                observe::lend("granted");
                slot.keeper_said(&decision);
                let drift = self.lender.drift();
                slot.at_desk(|desk, purse| {
                    desk.granted(purse, &self.terms, drift, &order, epoch, now_us);
                });
            }
            Ok(Lent::Refused { decision }) => {
                observe::lend("refused");
                slot.keeper_said(&decision);
                slot.at_desk(|desk, _| desk.refused(&self.terms, &limit, cost, &decision, now_us));
            }
            Err(error) => {
                observe::lend("failed");
                slot.at_desk(|desk, _| desk.not_settled(&self.terms, order.settled, now_us));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Gives back what is unspent, by whoever has the turn.
    pub(super) async fn withdraw(&self, slot: &Slot) -> Result<(), LimiterError> {
        let now_us = self.now_us();
        let settled = slot.at_desk(|desk, purse| desk.withdraw(purse, &self.terms, now_us));
        if settled.is_empty() {
            return Ok(());
        }
        let asked = self.lender.settle(&slot.limit(), &slot.key, &settled).await;
        match &asked {
            Ok(()) => count_settled(&settled),
            Err(_) => {
                slot.at_desk(|desk, _| desk.not_settled(&self.terms, settled, now_us));
            }
        }
        asked
    }

    /// Asks the keeper itself.
    pub(super) async fn central(
        &self,
        slot: Option<&Slot>,
        ask: &Ask<'_>,
    ) -> Result<Decision, LimiterError> {
        observe::checks("keeper", 1);
        let asked = match self.lender.check_now(ask) {
            Some(answer) => answer?,
            None => only(self.lender.check(std::slice::from_ref(ask)).await?)?,
        };
        if let Some(slot) = slot {
            self.heard(slot, ask, &asked);
        }
        Ok(asked)
    }

    /// Remembers what the keeper said to a question.
    pub(super) fn heard(&self, slot: &Slot, ask: &Ask<'_>, said: &Decision) {
        let now_us = self.now_us();
        slot.keeper_said(said);
        slot.at_desk(|desk, _| {
            if said.allowed {
                desk.admitted(&self.terms, ask.cost(), now_us);
            } else if said.is_violated() {
                desk.refused(&self.terms, ask.limit(), ask.cost(), said, now_us);
            }
        });
    }

    /// What is left, with what is unspent of the leases here. Others' leases count as spent.
    pub(super) async fn peek(&self, ask: &Ask<'_>) -> Result<Decision, LimiterError> {
        let Some(slot) = self.slots.find(ask, Arc::clone) else {
            return self.central(None, ask).await;
        };
        let _turn = slot.turn.lock().await;
        let mut said = self.central(None, ask).await?;
        slot.keeper_said(&said);
        let now_us = self.now_us();
        let unspent = slot.at_desk(|desk, purse| desk.unspent(purse, now_us));
        said.remaining = said.remaining.saturating_add(unspent).min(said.burst);
        Ok(said)
    }
}

fn count_settled(settled: &[Settled]) {
    if !settled.is_empty() {
        let unspent = settled.iter().map(|settled| settled.unspent).sum();
        observe::settled(settled.len(), unspent);
    }
}
