use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use stanchion_limiter::conformance::{CASES, Subject};
use stanchion_limiter::port::Backend;
use stanchion_limiter::{Ask, Decision, LimiterError};

use crate::memory;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    CheckThenDebit,
    DebitsBeforeItRefuses,
    PeekTakes,
    OneBucketForAllKeys,
    StartsFull,
    RefundRunsOver,
    TooEarly,
    CountsTheSameBucketTwice,
}

#[derive(Debug)]
struct Broken {
    inner: Arc<dyn Backend>,
    wrong: Wrong,
    /// Tokens that were put back, by key.
    back: Mutex<HashMap<String, u64>>,
}

impl Broken {
    async fn one_by_one(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        let mut decisions = Vec::new();
        for ask in asks {
            decisions.extend(self.inner.check(std::slice::from_ref(ask)).await?);
        }
        let allowed = decisions.iter().all(|decision| decision.allowed);
        for decision in &mut decisions {
            decision.allowed = allowed;
        }
        Ok(decisions)
    }

    async fn check_then_debit(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        let peeks: Result<Vec<_>, _> = asks
            .iter()
            .map(|ask| Ask::new(ask.limit(), ask.key(), 0))
            .collect();
        let mut seen = self.inner.check(&peeks?).await?;
        tokio::task::yield_now().await;
        let enough = |(ask, seen): (&Ask<'_>, &Decision)| seen.remaining >= ask.cost();
        if !asks.iter().zip(&seen).all(enough) {
            return self.inner.check(asks).await;
        }
        self.inner.check(asks).await?;
        for (ask, seen) in asks.iter().zip(&mut seen) {
            seen.remaining -= ask.cost();
        }
        Ok(seen)
    }
}

#[async_trait]
impl Backend for Broken {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        match self.wrong {
            Wrong::CheckThenDebit => self.check_then_debit(asks).await,
            Wrong::DebitsBeforeItRefuses => self.one_by_one(asks).await,
            Wrong::CountsTheSameBucketTwice if asks.len() > 1 => {
                let mut decisions = self.inner.check(&asks[..1]).await?;
                decisions.extend(self.inner.check(&asks[1..]).await?);
                Ok(decisions)
            }
            Wrong::PeekTakes => self.inner.check(&changed(asks, None, 1)?).await,
            Wrong::OneBucketForAllKeys => self.inner.check(&changed(asks, Some("all"), 0)?).await,
            Wrong::TooEarly => {
                let mut decisions = self.inner.check(asks).await?;
                for decision in &mut decisions {
                    decision.retry_after /= 2;
                }
                Ok(decisions)
            }
            Wrong::RefundRunsOver => {
                let mut decisions = self.inner.check(asks).await?;
                let mut back = self.back.lock().expect("no panic");
                for (ask, decision) in asks.iter().zip(&mut decisions) {
                    let back = back.entry(ask.key().to_owned()).or_default();
                    if !decision.allowed && *back >= ask.cost() {
                        *back -= ask.cost();
                        decision.allowed = true;
                    }
                }
                Ok(decisions)
            }
            Wrong::StartsFull | Wrong::CountsTheSameBucketTwice => self.inner.check(asks).await,
        }
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        let key = ask.key().to_owned();
        *self.back.lock().expect("no panic").entry(key).or_default() += ask.cost();
        self.inner.refund(ask).await
    }
}

/// The questions with another key, and with a cost of no less than `least`.
fn changed<'a>(
    asks: &[Ask<'a>],
    key: Option<&'a str>,
    least: u64,
) -> Result<Vec<Ask<'a>>, LimiterError> {
    let change = |ask: &Ask<'a>| {
        let cost = ask.cost().max(least);
        Ask::new(ask.limit(), key.unwrap_or(ask.key()), cost)
    };
    asks.iter().map(change).collect()
}

async fn rejects(wrong: Wrong, name: &str) -> bool {
    let sound = memory::subject();
    let broken = |inner: &Arc<dyn Backend>| -> Arc<dyn Backend> {
        Arc::new(Broken {
            inner: Arc::clone(inner),
            wrong,
            back: Mutex::default(),
        })
    };
    let newborn = if wrong == Wrong::StartsFull {
        &sound.backend
    } else {
        &sound.newborn
    };
    let subject = Subject {
        backend: broken(&sound.backend),
        other: broken(&sound.other),
        newborn: broken(newborn),
        pass: Arc::clone(&sound.pass),
        sharing: sound.sharing.clone(),
    };
    let case = CASES.iter().find(|case| case.name == name).expect("a case");
    let examination = std::panic::AssertUnwindSafe((case.examine)(subject));
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
    check_then_debit: CheckThenDebit by concurrent_calls_on_two_servers_get_no_more_than_the_burst,
    a_refusal_that_debits: DebitsBeforeItRefuses by several_limits_give_all_or_nothing,
    a_peek_that_takes: PeekTakes by a_cost_of_nothing_takes_nothing,
    one_bucket_for_all_keys: OneBucketForAllKeys by keys_and_limits_have_buckets_of_their_own,
    a_start_with_full_buckets: StartsFull by a_bucket_that_is_not_known_was_empty_at_the_start,
    a_refund_that_runs_over: RefundRunsOver by what_is_put_back_is_there_again_and_never_more_than_the_burst,
    a_wait_that_is_too_short: TooEarly by whoever_waits_as_long_as_told_is_served,
    the_same_bucket_twice: CountsTheSameBucketTwice by a_bucket_cannot_be_asked_twice_in_one_call,
}
