//! One attempt, from its beginning to what became of it.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::settler::Ended;
use super::shared::{Place, Shared};
use crate::beat::Beat;
use crate::context::Context;
use crate::ending::{End, outcome};
use crate::handler::Attempt;
use crate::model::{Claimed, Fence, Outcome};

/// A job that this worker holds.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) claimed: Claimed,
    pub(super) beat: Arc<Beat>,
    /// When it was claimed, monotonic.
    pub(super) claimed_at: Duration,
    /// The broker knows that it begins.
    pub(super) started: bool,
}

impl Held {
    /// Ends it without an attempt.
    pub(super) async fn end(self, shared: &Shared, end: End) {
        let outcome = self.outcome(shared, end);
        let ended = Ended {
            claimed: self.claimed,
            outcome,
            claimed_at: self.claimed_at,
            ran: None,
            may_be_completed: false,
        };
        shared.settle(ended).await;
    }

    /// Runs it in its place.
    pub(super) async fn run(self, shared: Arc<Shared>, place: Place) {
        let _lets_go = Unwound {
            shared: Arc::clone(&shared),
            fence: self.claimed.fence,
        };
        let span = tracing::info_span!(
            "job",
            otel.name = self.claimed.kind.as_str(),
            otel.kind = "consumer",
            job = %self.claimed.fence.job,
            attempt = self.claimed.fence.attempt,
            queue = self.claimed.queue.as_str(),
            priority = self.claimed.priority.level(),
            outcome = tracing::field::Empty,
        );
        if let (Some(adopt), Some(parent)) = (shared.config.adopt, &self.claimed.traceparent) {
            adopt(&span, parent);
        }
        self.attempt(&shared).instrument(span).await;
        drop(place);
    }

    async fn attempt(self, shared: &Arc<Shared>) {
        let port = Arc::clone(shared.broker.port());
        let context = Context::new(self.claimed.clone(), port, Arc::clone(&self.beat));
        let began = shared.clock.monotonic();
        self.beat
            .begin(began.saturating_add(self.claimed.policy.timeout));
        let end = match self.begin(shared, context.clone()) {
            Ok(attempt) => self.race(attempt, shared.config.cancel_grace).await,
            Err(end) => end,
        };
        let ran = shared.clock.monotonic().saturating_sub(began);
        let outcome = self.outcome(shared, end);
        tracing::Span::current().record("outcome", outcome.event().as_str());
        tracing::debug!(
            ran_ms = ran.as_secs_f64() * 1e3,
            asked = ?self.beat.asked(),
            "an attempt is over"
        );
        let ended = Ended {
            claimed: self.claimed,
            outcome,
            claimed_at: self.claimed_at,
            ran: Some(ran),
            may_be_completed: context.may_be_completed(),
        };
        shared.settle(ended).await;
    }

    /// Begins the attempt, unless that ends it: its arguments are read by code of the handler's, which may panic as well.
    fn begin(&self, shared: &Shared, context: Context) -> Result<Attempt, End> {
        let claimed = &self.claimed;
        let begin = || shared.handlers.begin(&claimed.kind, &claimed.args, context);
        match panic::catch_unwind(AssertUnwindSafe(begin)) {
            Ok(Some(Ok(attempt))) => Ok(attempt),
            Ok(Some(Err(error))) => Err(End::Arguments(error.to_string())),
            Ok(None) => Err(End::UnknownKind),
            Err(panicked) => Err(End::Panicked(message(&*panicked))),
        }
    }

    /// The handler, against its time and against those who ask it to end.
    async fn race(&self, mut attempt: Attempt, cancel_grace: Duration) -> End {
        let asked = async {
            self.beat.ended().await;
            tokio::time::sleep(cancel_grace).await;
        };
        let end = tokio::select! {
            biased;
            answer = AssertUnwindSafe(attempt.as_mut()).catch_unwind() => match answer {
                Ok(answer) => End::Answered(answer),
                Err(panicked) => End::Panicked(message(&*panicked)),
            },
            () = tokio::time::sleep(self.claimed.policy.timeout) => End::TimedOut,
            () = asked => End::Dropped,
        };
        // What it holds until then is the handler's, too. How it ended is known by now.
        let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(attempt)));
        if let Err(panicked) = dropped {
            let error = message(&*panicked);
            tracing::warn!(%error, "an attempt panicked when it was dropped");
        }
        end
    }

    /// Decides. What an error tells of itself is told by code of the handler's, too.
    fn outcome(&self, shared: &Shared, end: End) -> Outcome {
        let (asked, rules, random) = (self.beat.asked(), shared.config.rules, shared.random());
        let decide = |end| outcome(&self.claimed, end, asked, rules, random);
        let decided = panic::catch_unwind(AssertUnwindSafe(|| decide(end)));
        decided.unwrap_or_else(|panicked| decide(End::Panicked(message(&*panicked))))
    }
}

/// Lets go of a job whose task panics all the same: nobody tells how it ended, so nobody may keep its lease or wait for
/// its end.
struct Unwound {
    shared: Arc<Shared>,
    fence: Fence,
}

impl Drop for Unwound {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(job = %self.fence.job, "what runs a job panicked; the job will be rescued");
            self.shared.beats.remove(&self.fence);
            self.shared.told.notify_one();
        }
    }
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it panicked".to_owned())
}
