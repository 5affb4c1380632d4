mod dealings;
mod several;
mod slots;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::{Clock, Ids};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Backend, LeaseId, Lender, MAX_LIFETIME, MIN_LIFETIME, all_differ};
use crate::lease::{Spent, Terms, Ticket, micros};
use crate::{Ask, Decision, LimiterError, observe};
use slots::{Slot, Slots};

/// How a server borrows, and the bounds of [`Leased`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeasedConfig {
    /// On which terms it borrows.
    pub terms: Terms,
    /// How many keys are remembered, 1 or more; questions about others go to the keeper. Those that hold nothing and of
    /// which nobody spends are forgotten when room is needed.
    pub keys: usize,
    /// In how many parts they are kept, 1 or more.
    pub shards: usize,
    /// How many requests for leases are under way at once, 1 or more.
    pub renewals: usize,
}

impl Default for LeasedConfig {
    fn default() -> Self {
        Self {
            terms: Terms {
                servers: 1,
                horizon: Duration::from_secs(1),
                lifetime: Duration::from_secs(5),
                pause: Duration::from_millis(50),
            },
            keys: 100_000,
            shards: 64,
            renewals: 64,
        }
    }
}

/// Spends leases of a keeper, and asks it where that is not worth it. Cheap to clone; all clones share the leases.
///
/// It admits no more than its keeper would, over all servers that borrow from it: its bound is the keeper's. It may deny what
/// another server has borrowed and not spent. What is left, by a decision made here, is an estimate.
///
/// A decision counts from the moment at which its tokens were taken, which is before the clock is read. Whoever is stopped
/// between the two past the end of the lease is denied, and so is a check of several limits whose lease has ended before
/// the keeper answered about the others. Whoever is stopped after the answer acts late, as after any check; the keeper
/// fills nothing into the place of a lease until twice the drift, as a part of its life, after its end.
#[derive(Clone)]
pub struct Leased(Arc<Inner>);

struct Inner {
    lender: Arc<dyn Lender>,
    terms: Terms,
    slots: Slots,
    renewals: Arc<Semaphore>,
    parallel: usize,
    clock: Clock,
    ids: Ids,
}

impl fmt::Debug for Leased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leased")
            .field("lender", &self.0.lender)
            .field("terms", &self.0.terms)
            .finish_non_exhaustive()
    }
}

/// What came of trying to take tokens from a lease.
enum Got {
    Taken { ticket: Ticket, left: u64 },
    Denied(Decision),
    Central,
}

impl Leased {
    /// Borrows from a keeper. Leases end by the boot time of `clock`.
    ///
    /// # Errors
    /// [`LimiterError::Config`], which says what is out of its bounds.
    pub fn new(
        lender: Arc<dyn Lender>,
        config: LeasedConfig,
        clock: Clock,
        ids: Ids,
    ) -> Result<Self, LimiterError> {
        let terms = config.terms;
        let wrong = |what: &str| Err(LimiterError::Config(what.to_owned()));
        if terms.servers == 0 || config.keys == 0 || config.shards == 0 {
            return wrong("servers, keys and shards are 1 or more");
        }
        if !(1..=Semaphore::MAX_PERMITS).contains(&config.renewals) {
            return wrong("renewals are 1 or more");
        }
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&terms.lifetime) {
            return wrong("a lease lives for 10 ms to 60 s");
        }
        if terms.horizon.is_zero() || terms.horizon > terms.lifetime / 2 {
            return wrong("the horizon is more than nothing and at most half of the lifetime");
        }
        Ok(Self(Arc::new(Inner {
            lender,
            terms,
            slots: Slots::new(config.keys, config.shards),
            renewals: Arc::new(Semaphore::new(config.renewals)),
            parallel: config.renewals,
            clock,
            ids,
        })))
    }

    /// Gives back what is unspent of all leases, when a server stops and asks nothing any more.
    ///
    /// # Errors
    /// The first one of the keeper's. What could not be given back is forgotten in its time.
    pub async fn give_back_all(&self) -> Result<(), LimiterError> {
        self.give_back(self.0.slots.all()).await
    }

    /// Gives back what is unspent of leases that will soon end, which would be lost then. To be called about four times in
    /// a lease's life.
    ///
    /// # Errors
    /// As for [`Leased::give_back_all`].
    pub async fn give_back_ending(&self) -> Result<(), LimiterError> {
        let soon_us = self.0.now_us() + micros(self.0.terms.lifetime / 2);
        let mut slots = self.0.slots.all();
        slots.retain(|slot| {
            let ends_us = slot.at_desk(|desk, _| desk.ends_us());
            ends_us.is_some_and(|ends_us| ends_us <= soon_us)
        });
        self.give_back(slots).await
    }

    async fn give_back(&self, slots: Vec<Arc<Slot>>) -> Result<(), LimiterError> {
        let mut outcome = Ok(());
        for some in slots.chunks(self.0.parallel) {
            let mut calls = JoinSet::new();
            for slot in some {
                let (inner, slot) = (Arc::clone(&self.0), Arc::clone(slot));
                calls.spawn(async move {
                    let _turn = slot.turn.lock().await;
                    inner.withdraw(&slot).await
                });
            }
            for done in calls.join_all().await {
                outcome = outcome.and(done);
            }
        }
        outcome
    }

    /// Asks for the next lease while the last part of this one is spent.
    fn borrow_ahead(&self, slot: Arc<Slot>) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let Ok(permit) = Arc::clone(&self.0.renewals).try_acquire_owned() else {
            return;
        };
        // Whoever has the turn renews it.
        let Ok(turn) = Arc::clone(&slot.turn).try_lock_owned() else {
            return;
        };
        let inner = Arc::clone(&self.0);
        runtime.spawn(async move {
            let _held = (permit, turn);
            let (limit, now_us) = (slot.limit(), inner.now_us());
            let id = LeaseId(inner.ids.next());
            let order =
                slot.at_desk(|desk, purse| desk.ahead(purse, &inner.terms, &limit, now_us, id));
            if let Some(order) = order {
                // Whoever needs the lease asks again and is told what is wrong.
                let _asked = inner.request(&slot, order, 0).await;
            }
        });
    }

    fn take_now(&self, ask: &Ask<'_>) -> Option<Decision> {
        let inner = &*self.0;
        let (decision, low) = inner.slots.find(ask, |slot| {
            let mut spent = slot.purse.take(ask.cost(), || inner.now_us());
            if spent == Spent::Short && inner.turn_over(slot, ask) {
                spent = slot.purse.take(ask.cost(), || inner.now_us());
            }
            match spent {
                Spent::Taken { left, is_low, .. } => {
                    let low = is_low.then(|| Arc::clone(slot));
                    Some((slot.local(ask, left, true), low))
                }
                Spent::Short => Some((inner.known_denial(slot, ask)?, None)),
            }
        })??;
        if let Some(slot) = low {
            self.borrow_ahead(slot);
        }
        Some(decision)
    }

    async fn check_one(&self, ask: &Ask<'_>) -> Result<Decision, LimiterError> {
        let inner = &*self.0;
        if !inner.terms.lease(ask.limit()) {
            return inner.central(None, ask).await;
        }
        if ask.cost() == 0 {
            return inner.peek(ask).await;
        }
        if let Some(decision) = self.take_now(ask) {
            return Ok(decision);
        }
        let now_us = inner.now_us();
        let Some(slot) = inner.slots.slot(ask, &inner.terms, now_us) else {
            return inner.central(None, ask).await;
        };
        if !slot.at_desk(|desk, _| desk.is_leased(&inner.terms, ask.limit(), now_us)) {
            return inner.central(Some(&slot), ask).await;
        }
        let _turn = slot.turn.lock().await;
        match inner.obtain(&slot, ask).await? {
            Got::Taken { left, .. } => Ok(slot.local(ask, left, true)),
            Got::Denied(decision) => Ok(decision),
            Got::Central => {
                inner.withdraw(&slot).await?;
                inner.central(Some(&slot), ask).await
            }
        }
    }
}

fn only(decisions: Vec<Decision>) -> Result<Decision, LimiterError> {
    let wrong = || LimiterError::Unavailable("the keeper gave no answer".to_owned());
    decisions.into_iter().next().ok_or_else(wrong)
}

#[async_trait]
impl Backend for Leased {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        all_differ(asks)?;
        match asks {
            [ask] => Ok(vec![self.check_one(ask).await?]),
            asks => self.check_several(asks).await,
        }
    }

    fn check_now(&self, ask: &Ask<'_>) -> Option<Result<Decision, LimiterError>> {
        if !self.0.terms.lease(ask.limit()) {
            let answer = self.0.lender.check_now(ask)?;
            observe::checks("keeper", 1);
            return Some(answer);
        }
        if ask.cost() == 0 {
            return None;
        }
        self.take_now(ask).map(Ok)
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        self.0.lender.refund(ask).await?;
        let now_us = self.0.now_us();
        self.0.slots.find(&ask, |slot| {
            slot.at_desk(|desk, _| desk.admitted(&self.0.terms, 0, now_us));
        });
        Ok(())
    }
}
