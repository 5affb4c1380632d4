use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use stanchion_kernel::Uuid;
use stanchion_limiter::conformance::{LENDER_CASES, LenderSubject};
use stanchion_limiter::port::{Backend, Epoch, LeaseId, LeaseRequest, Lender, Lent, Settled};
use stanchion_limiter::{Ask, Decision, Limit, LimiterError};

use crate::memory;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    FillsBesideLeases,
    GrantsPart,
    GrantsAgain,
    ClockOfTheHolder,
    CreditsEndedLeases,
    ReturnsTwice,
    BelievesTheHolder,
    KnowsNoEpoch,
    SettlesAfterwards,
    EndsNoLease,
}

#[derive(Debug)]
struct Broken {
    inner: Arc<dyn Lender>,
    wrong: Wrong,
    /// What was lent, and whether it was given back.
    lent: Mutex<HashMap<LeaseId, (u64, bool)>>,
    epoch: Mutex<Option<Epoch>>,
}

#[async_trait]
impl Backend for Broken {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        self.inner.check(asks).await
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        self.inner.refund(ask).await
    }
}

impl Broken {
    /// A lease that is no more than tokens taken.
    async fn take(&self, request: &LeaseRequest<'_>) -> Result<Lent, LimiterError> {
        let ask = Ask::new(request.limit, request.key, request.tokens)?;
        let decision = self.inner.check(&[ask]).await?[0];
        let epoch = Epoch("only".into());
        Ok(if decision.allowed {
            Lent::Granted { epoch, decision }
        } else {
            Lent::Refused { decision }
        })
    }

    /// What is left, when that is less than what was asked for.
    async fn part(&self, request: &LeaseRequest<'_>) -> Result<Lent, LimiterError> {
        match self.inner.lend(request).await? {
            Lent::Refused { decision } if decision.remaining > 0 => {
                let tokens = decision.remaining;
                self.inner.lend(&LeaseRequest { tokens, ..*request }).await
            }
            lent => Ok(lent),
        }
    }

    async fn settle_one(
        &self,
        limit: &Limit,
        key: &str,
        settled: &Settled,
    ) -> Result<(), LimiterError> {
        let peek = Ask::new(limit, key, 0)?;
        let before = self.inner.check(&[peek]).await?[0].remaining;
        let known = self
            .lent
            .lock()
            .expect("no panic")
            .get(&settled.id)
            .copied();
        let mut one = settled.clone();
        if self.wrong == Wrong::KnowsNoEpoch {
            one.epoch = self
                .epoch
                .lock()
                .expect("no panic")
                .clone()
                .expect("an epoch");
        }
        self.inner.settle(limit, key, &[one]).await?;
        let after = self.inner.check(&[peek]).await?[0].remaining;
        let (lent, is_back) = known.unwrap_or_default();
        let again = match self.wrong {
            Wrong::FillsBesideLeases => settled.unspent,
            Wrong::CreditsEndedLeases if before == after && !is_back => settled.unspent,
            Wrong::ReturnsTwice if is_back => settled.unspent,
            Wrong::BelievesTheHolder => settled.unspent - lent.min(settled.unspent),
            _ => 0,
        };
        self.lent
            .lock()
            .expect("no panic")
            .insert(settled.id, (lent, true));
        let again = Ask::new(limit, key, again.min(limit.burst()))?;
        self.inner.refund(again).await
    }
}

#[async_trait]
impl Lender for Broken {
    async fn lend(&self, request: &LeaseRequest<'_>) -> Result<Lent, LimiterError> {
        let mut asked = *request;
        let lent = match self.wrong {
            Wrong::FillsBesideLeases => return self.take(request).await,
            Wrong::GrantsPart => return self.part(request).await,
            Wrong::GrantsAgain => {
                let known = self.lent.lock().expect("no panic").len();
                asked.id = LeaseId(Uuid::from_u128(1_000 + u128::try_from(known).expect("few")));
                self.lent
                    .lock()
                    .expect("no panic")
                    .insert(asked.id, (0, false));
                self.inner.lend(&asked).await
            }
            Wrong::ClockOfTheHolder => {
                // The holder's clock runs ahead.
                asked.lifetime /= 2;
                self.inner.lend(&asked).await
            }
            Wrong::EndsNoLease => {
                asked.lifetime = Duration::from_secs(60);
                self.inner.lend(&asked).await
            }
            Wrong::SettlesAfterwards => {
                asked.settled = &[];
                let lent = self.inner.lend(&asked).await;
                self.settle(request.limit, request.key, request.settled)
                    .await?;
                lent
            }
            _ => {
                self.settle(request.limit, request.key, request.settled)
                    .await?;
                asked.settled = &[];
                self.inner.lend(&asked).await
            }
        }?;
        if let Lent::Granted { epoch, .. } = &lent {
            *self.epoch.lock().expect("no panic") = Some(epoch.clone());
            let mut known = self.lent.lock().expect("no panic");
            known.insert(request.id, (request.tokens, false));
        }
        Ok(lent)
    }

    async fn settle(
        &self,
        limit: &Limit,
        key: &str,
        settled: &[Settled],
    ) -> Result<(), LimiterError> {
        for settled in settled {
            self.settle_one(limit, key, settled).await?;
        }
        Ok(())
    }
}

async fn rejects(wrong: Wrong, name: &str) -> bool {
    let sound = memory::lender();
    let subject = LenderSubject {
        lender: Arc::new(Broken {
            inner: sound.lender,
            wrong,
            lent: Mutex::default(),
            epoch: Mutex::default(),
        }),
        pass: sound.pass,
    };
    let case = LENDER_CASES.iter().find(|case| case.name == name);
    let examination = (case.expect("a case").examine)(subject);
    let examination = std::panic::AssertUnwindSafe(examination);
    let examined = tokio::time::timeout(Duration::from_secs(30), examination.catch_unwind());
    examined.await.is_ok_and(|examined| examined.is_err())
}

macro_rules! rejected {
    ($($test:ident: $wrong:ident by $case:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let case = stringify!($case);
            assert!(rejects(Wrong::$wrong, case).await, "{:?} was let through", Wrong::$wrong);
        })*
    };
}

rejected! {
    a_bucket_that_fills_beside_leases: FillsBesideLeases by a_bucket_does_not_fill_beside_what_is_lent,
    a_refund_beside_leases: FillsBesideLeases by what_is_put_back_has_no_room_beside_what_is_lent,
    a_grant_of_a_part: GrantsPart by a_chunk_is_granted_whole_or_not_at_all,
    a_grant_for_each_retry: GrantsAgain by a_grant_asked_again_is_the_same_lease,
    an_end_by_the_clock_of_the_holder: ClockOfTheHolder by a_lease_is_outstanding_for_all_of_its_life,
    a_lease_that_never_ends: EndsNoLease by a_lease_is_outstanding_for_all_of_its_life,
    a_credit_for_what_has_ended: CreditsEndedLeases by a_lease_that_has_ended_is_never_credited,
    a_return_for_each_retry: ReturnsTwice by a_return_counts_once,
    a_return_of_more_than_was_lent: BelievesTheHolder by no_more_comes_back_than_was_lent,
    a_return_from_another_epoch: KnowsNoEpoch by a_lease_of_another_epoch_is_not_credited,
    a_settlement_after_the_grant: SettlesAfterwards by a_request_settles_before_it_lends,
}
