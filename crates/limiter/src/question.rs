use std::sync::Arc;
use std::time::Duration;

use crate::{Ask, Decision, Limit, LimitName, Limiter, LimiterError};

/// The largest whole number of a structured field (RFC 9651).
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// A question that owns what it is about, for a layer that finds it in a request.
#[derive(Clone, Debug)]
pub struct Question {
    /// The limit.
    pub limit: Arc<Limit>,
    /// Whose bucket; 1 to [`MAX_KEY`](crate::MAX_KEY) bytes.
    pub key: Arc<str>,
    /// How many tokens.
    pub cost: u64,
}

impl Question {
    /// Asks for a token of the bucket of `key`.
    pub fn new(limit: &Arc<Limit>, key: impl Into<Arc<str>>) -> Self {
        Self {
            limit: Arc::clone(limit),
            key: key.into(),
            cost: 1,
        }
    }

    /// Asks for so many tokens.
    #[must_use]
    pub fn costing(mut self, cost: u64) -> Self {
        self.cost = cost;
        self
    }
}

/// What the limits of one call said, and how that is told to a client of HTTP.
///
/// The fields are those of the IETF draft *RateLimit header fields for HTTP*, structured by RFC 9651. A limit in shadow is
/// not told to anybody.
#[derive(Clone, Debug)]
pub struct Verdict {
    said: Vec<(Arc<Limit>, Decision)>,
}

impl Limiter {
    /// Takes the cost of every question, or of none, as [`Limiter::check`] does.
    ///
    /// # Errors
    /// As for [`Ask::new`] and [`Limiter::check`].
    pub async fn judge(&self, questions: Vec<Question>) -> Result<Verdict, LimiterError> {
        let asks = questions
            .iter()
            .map(|question| Ask::new(&question.limit, &question.key, question.cost));
        let asks = asks.collect::<Result<Vec<_>, _>>()?;
        let decisions = self.check(&asks).await?;
        let limits = questions.into_iter().map(|question| question.limit);
        Ok(Verdict {
            said: limits.zip(decisions).collect(),
        })
    }
}

impl Verdict {
    /// What limits said to a call that was checked by [`Limiter::check`].
    #[must_use]
    pub fn new(said: Vec<(Arc<Limit>, Decision)>) -> Self {
        Self { said }
    }

    /// What each limit said, in the order of the questions.
    #[must_use]
    pub fn said(&self) -> &[(Arc<Limit>, Decision)] {
        &self.said
    }

    /// Whether the call may go on.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.said.iter().all(|(_, decision)| decision.allowed)
    }

    /// The limits that refused the call.
    pub fn violated(&self) -> impl Iterator<Item = &LimitName> {
        let said = self.told().filter(|(_, decision)| decision.is_violated());
        said.map(|(limit, _)| limit.name())
    }

    /// The value of `Retry-After`: whole seconds, 1 or more, not earlier than any `t` of [`Verdict::state_field`]. `None`
    /// when the call may go on.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let waits = self.told().map(|(_, decision)| decision.retry_after);
        waits.max().filter(|wait| !wait.is_zero()).map(seconds)
    }

    /// The value of `RateLimit-Policy`; empty when there is nothing to tell. `q` is the burst, `w` the whole seconds in
    /// which an empty bucket fills.
    #[must_use]
    pub fn policy_field(&self) -> String {
        policy_field(self.told().map(|(limit, _)| &**limit))
    }

    /// The value of `RateLimit`; empty when there is nothing to tell. `r` is what is left. `t` is until the bucket is full,
    /// or, when the call was refused, until a limit that refused it lets it through; those that did not are left out, and
    /// so is a limit that admits everything since its buckets cannot be reached.
    #[must_use]
    pub fn state_field(&self) -> String {
        // A call that no limit refused, since its cost is more than any bucket holds, has nothing to wait for.
        let is_refused = !self.is_allowed() && self.violated().next().is_some();
        let mut field = String::with_capacity(32 * self.said.len());
        for (limit, decision) in self.told() {
            if decision.bound == u64::MAX {
                continue;
            }
            let wait = match is_refused {
                true if decision.is_violated() => decision.retry_after,
                true => continue,
                false => decision.reset_after,
            };
            item(&mut field, limit.name());
            parameter(&mut field, ";r=", decision.remaining);
            parameter(&mut field, ";t=", seconds(wait));
        }
        field
    }

    fn told(&self) -> impl Iterator<Item = &(Arc<Limit>, Decision)> {
        self.said.iter().filter(|(limit, _)| !limit.is_shadow())
    }
}

/// The value of `RateLimit-Policy` for these limits, as [`Verdict::policy_field`] tells it.
#[must_use]
pub fn policy_field<'a>(limits: impl IntoIterator<Item = &'a Limit>) -> String {
    let mut field = String::new();
    for limit in limits {
        item(&mut field, limit.name());
        parameter(&mut field, ";q=", limit.burst());
        parameter(&mut field, ";w=", window_seconds(limit));
    }
    field
}

/// How long an empty bucket takes to fill, in whole seconds.
fn window_seconds(limit: &Limit) -> u64 {
    let whole = u128::from(limit.burst()) * limit.rate().period().as_micros();
    let window_us = whole.div_ceil(u128::from(limit.rate().tokens().max(1)));
    u64::try_from(window_us.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// One member of a list. A limit's name has no character that a quoted string must escape.
fn item(field: &mut String, name: &LimitName) {
    if !field.is_empty() {
        field.push_str(", ");
    }
    field.push('"');
    field.push_str(name.as_str());
    field.push('"');
}

fn parameter(field: &mut String, name: &str, value: u64) {
    use std::fmt::Write as _;
    let value = value.min(MAX_INTEGER);
    let _never_fails = write!(field, "{name}{value}");
}
