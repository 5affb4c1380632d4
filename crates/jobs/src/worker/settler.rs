//! Tells the broker how attempts ended, many in one call.

use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Backoff, Jitter};
use stanchion_store::StoreError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use crate::model::{Claimed, Fence, Outcome, Settlement};
use crate::observe;
use crate::port::Verdict;

/// An attempt that is over.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) claimed: Claimed,
    pub(super) outcome: Outcome,
    /// When it was claimed, monotonic, and how long it ran; none for one that was not begun.
    pub(super) claimed_at: Duration,
    pub(super) ran: Option<Duration>,
    /// The job may have been completed by its handler already.
    pub(super) may_be_completed: bool,
}

/// The pauses between attempts to settle.
const PAUSES: Backoff = Backoff {
    base: Duration::from_millis(20),
    cap: Duration::from_secs(2),
    jitter: Jitter::Equal,
};

impl Ended {
    pub(super) fn fence(&self) -> Fence {
        self.claimed.fence
    }

    fn settlement(&self) -> Settlement {
        Settlement {
            fence: self.fence(),
            outcome: self.outcome.clone(),
        }
    }
}

/// How a settler comes to its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing {
    /// No attempt ends after this: what has come is settled.
    pub(super) last: CancellationToken,
    /// It has no time any more: what is not settled by now will be rescued.
    pub(super) give_up: CancellationToken,
}

pub(super) async fn run(shared: Arc<Shared>, mut ended: mpsc::Receiver<Ended>, closing: Closing) {
    let most = shared.config.settle_batch.max(1);
    let settling = async {
        let mut batch = Vec::with_capacity(most);
        loop {
            let came = closing
                .last
                .run_until_cancelled(ended.recv_many(&mut batch, most));
            if came.await.is_none() {
                ended.close();
                if ended.recv_many(&mut batch, most).await == 0 {
                    return;
                }
            }
            let verdicts = settle(&shared, &batch).await;
            for (ended, verdict) in batch.drain(..).zip(verdicts) {
                // Of whom nothing could be told the lease runs out.
                shared.beats.remove(&ended.fence());
                if let Some(verdict) = verdict {
                    told(&shared, &ended, verdict);
                }
            }
            shared.told.notify_one();
        }
    };
    closing.give_up.run_until_cancelled(settling).await;
}

/// Settles for as long as it takes: meanwhile the leases are renewed, and who lost one is told so in the end. None for
/// those that the broker refuses, of which each keeps no other from being told.
async fn settle(shared: &Shared, batch: &[Ended]) -> Vec<Option<Verdict>> {
    if let Ok(verdicts) = tell(shared, batch).await {
        return verdicts.into_iter().map(Some).collect();
    }
    let mut verdicts = Vec::with_capacity(batch.len());
    for one in batch {
        let told = tell(shared, std::slice::from_ref(one)).await;
        if let Err(error) = &told {
            tracing::error!(%error, job = %one.fence().job, "a job's end is not stored; it will be rescued");
        }
        verdicts.push(told.ok().and_then(|verdicts| verdicts.first().copied()));
    }
    verdicts
}

/// Tells until the broker has heard it, or refuses it.
async fn tell(shared: &Shared, batch: &[Ended]) -> Result<Vec<Verdict>, StoreError> {
    let settlements: Vec<_> = batch.iter().map(Ended::settlement).collect();
    let mut attempt = 0;
    loop {
        match shared.broker.port().settle(None, settlements.clone()).await {
            Ok(verdicts) => return Ok(verdicts),
            Err(error) => {
                observe::failed("settle");
                tracing::warn!(%error, jobs = batch.len(), "the ends of jobs were not stored");
                if !error.passes() {
                    return Err(error);
                }
                tokio::time::sleep(PAUSES.pause(attempt, shared.random())).await;
                attempt = attempt.saturating_add(1);
            }
        }
    }
}

fn told(shared: &Shared, ended: &Ended, verdict: Verdict) {
    let since = shared.clock.monotonic().saturating_sub(ended.claimed_at);
    match verdict {
        Verdict::Held => observe::settled(&ended.claimed, &ended.outcome, ended.ran, since),
        Verdict::Lost if ended.may_be_completed => {
            observe::settled(&ended.claimed, &Outcome::Completed, ended.ran, since);
        }
        Verdict::Lost => {
            observe::lost(&ended.claimed);
            tracing::warn!(job = %ended.fence().job, "the lease was lost before the job's end was told");
        }
    }
}
