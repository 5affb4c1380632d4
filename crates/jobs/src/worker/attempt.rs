//! One attempt, from its beginning to what became of it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::settler::Ended;
use super::shared::{Place, Shared};
use crate::beat::Beat;
use crate::context::Context;
use crate::ending::{End, outcome};
use crate::handler::Attempt;
use crate::model::Claimed;

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
        let outcome = outcome(
            &self.claimed,
            end,
            self.beat.asked(),
            shared.config.rules,
            shared.random(),
        );
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
        let end =
            match shared
                .handlers
                .begin(&self.claimed.kind, &self.claimed.args, context.clone())
            {
                None => End::UnknownKind,
                Some(Err(error)) => End::Arguments(error.to_string()),
                Some(Ok(attempt)) => self.race(attempt, shared.config.cancel_grace).await,
            };
        let ran = shared.clock.monotonic().saturating_sub(began);
        let asked = self.beat.asked();
        let outcome = outcome(
            &self.claimed,
            end,
            asked,
            shared.config.rules,
            shared.random(),
        );
        tracing::Span::current().record("outcome", outcome.event().as_str());
        tracing::debug!(
            ran_ms = ran.as_secs_f64() * 1e3,
            ?asked,
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

    /// The handler, against its time and against those who ask it to end.
    async fn race(&self, attempt: Attempt, cancel_grace: Duration) -> End {
        let asked = async {
            self.beat.ended().await;
            tokio::time::sleep(cancel_grace).await;
        };
        tokio::select! {
            biased;
            answer = AssertUnwindSafe(attempt).catch_unwind() => match answer {
                Ok(answer) => End::Answered(answer),
                Err(panic) => End::Panicked(message(&*panic)),
            },
            () = tokio::time::sleep(self.claimed.policy.timeout) => End::TimedOut,
            () = asked => End::Dropped,
        }
    }
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it panicked".to_owned())
}
