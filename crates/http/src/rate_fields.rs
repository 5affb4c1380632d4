//! The header fields that tell a client of its limits: `RateLimit-Policy` and `RateLimit` in the IETF's structured form, and
//! `Retry-After`. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use stanchion_limiter::{Decision, Limit};

/// The largest integer of a structured field.
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// The values of the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RateFields {
    /// Of `RateLimit-Policy`: each limit with its burst and the seconds in which an empty bucket fills.
    pub(crate) policy: String,
    /// Of `RateLimit`: what is left, and in how many seconds there is more. Of several buckets of one limit it is the
    /// emptiest; in a refusal the limits that refuse.
    pub(crate) limit: String,
    /// Of `Retry-After`, in seconds, when the call was refused and may be allowed later: no earlier than every `t` in
    /// `limit`.
    pub(crate) retry_after_s: Option<u64>,
}

/// The fields for the answers of one call; `None` when it was under no limit.
pub(crate) fn rate_fields(answers: &[(&Limit, Decision)]) -> Option<RateFields> {
    if answers.is_empty() {
        return None;
    }
    let mut policies = BTreeMap::new();
    for (limit, _) in answers {
        policies.insert(limit.name(), (limit.burst(), fill_s(limit)));
    }
    let is_refused = answers.iter().any(|(_, decision)| !decision.allowed);
    let violated = answers.iter().filter(|(_, it)| it.is_violated());
    let is_violated = is_refused && violated.clone().next().is_some();
    let mut states = BTreeMap::new();
    let mut retry_after_s = None;
    for (limit, decision) in answers {
        if is_violated && !decision.is_violated() {
            continue;
        }
        let until = if is_violated {
            decision.retry_after
        } else {
            decision.reset_after
        };
        let until_s = whole_seconds(until);
        if is_violated {
            retry_after_s = retry_after_s.max(Some(until_s));
        }
        let state = states.entry(limit.name());
        let state = state.or_insert((decision.remaining, until_s));
        *state = (state.0.min(decision.remaining), state.1.max(until_s));
    }
    Some(RateFields {
        policy: list(policies.into_iter(), ["q", "w"]),
        limit: list(states.into_iter(), ["r", "t"]),
        retry_after_s,
    })
}

/// `"name";first=1;second=2`, separated by commas. A limit's name needs no escape.
fn list<N: std::fmt::Display>(
    items: impl Iterator<Item = (N, (u64, u64))>,
    [first, second]: [&str; 2],
) -> String {
    let mut text = String::new();
    for (name, (one, other)) in items {
        let comma = if text.is_empty() { "" } else { ", " };
        let (one, other) = (one.min(MAX_INTEGER), other.min(MAX_INTEGER));
        write!(text, "{comma}\"{name}\";{first}={one};{second}={other}")
            .expect("a string takes what is written");
    }
    text
}

/// In how many seconds an empty bucket fills, rounded up.
fn fill_s(limit: &Limit) -> u64 {
    let rate = limit.rate();
    let per_token = u128::from(rate.tokens()).max(1) * 1_000_000;
    let whole = u128::from(limit.burst()).saturating_mul(rate.period().as_micros());
    u64::try_from(whole.div_ceil(per_token)).unwrap_or(MAX_INTEGER)
}

/// Rounded up, so that nobody comes too early.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use stanchion_limiter::Rate;

    use super::*;

    fn limit(name: &str) -> Limit {
        Limit::new(name, Rate::new(100, Duration::from_secs(60)), 50).unwrap()
    }

    fn decision(allowed: bool, remaining: u64, retry_ms: u64, reset_ms: u64) -> Decision {
        Decision {
            allowed,
            burst: 50,
            remaining,
            retry_after: Duration::from_millis(retry_ms),
            reset_after: Duration::from_millis(reset_ms),
            bound: 0,
        }
    }

    #[test]
    fn an_allowed_call_is_told_what_is_left_and_when_all_is_back() {
        let (a, b) = (limit("a"), limit("b"));
        let answers = [
            (&a, decision(true, 7, 0, 25_001)),
            (&b, decision(true, 50, 0, 0)),
        ];
        let fields = rate_fields(&answers).unwrap();
        assert_eq!(fields.policy, r#""a";q=50;w=30, "b";q=50;w=30"#);
        assert_eq!(fields.limit, r#""a";r=7;t=26, "b";r=50;t=0"#);
        assert_eq!(fields.retry_after_s, None);
    }

    #[test]
    fn a_refused_call_is_told_who_refuses_and_when_to_come_back() {
        let (a, b, c) = (limit("a"), limit("b"), limit("c"));
        let answers = [
            (&a, decision(false, 0, 1, 30_000)),
            (&b, decision(false, 50, 0, 0)),
            (&c, decision(false, 1, 2_000, 29_000)),
        ];
        let fields = rate_fields(&answers).unwrap();
        assert_eq!(fields.limit, r#""a";r=0;t=1, "c";r=1;t=2"#);
        assert_eq!(fields.retry_after_s, Some(2));
    }

    #[test]
    fn a_call_that_is_never_allowed_is_not_told_to_come_back() {
        let a = limit("a");
        let fields = rate_fields(&[(&a, decision(false, 9, 0, 24_600))]).unwrap();
        assert_eq!(fields.limit, r#""a";r=9;t=25"#);
        assert_eq!(fields.retry_after_s, None);
    }

    #[test]
    fn of_two_buckets_of_a_limit_the_emptier_is_told() {
        let a = limit("a");
        let answers = [
            (&a, decision(true, 9, 0, 24_600)),
            (&a, decision(true, 3, 0, 28_200)),
        ];
        let fields = rate_fields(&answers).unwrap();
        assert_eq!(fields.policy, r#""a";q=50;w=30"#);
        assert_eq!(fields.limit, r#""a";r=3;t=29"#);
    }

    #[test]
    fn integers_stay_within_a_structured_field() {
        let large = Limit::new("a", Rate::per_second(1_000_000_000), 1 << 52).unwrap();
        let fields = rate_fields(&[(&large, decision(true, 1 << 52, 0, 0))]).unwrap();
        assert_eq!(fields.policy, r#""a";q=999999999999999;w=4503600"#);
        assert_eq!(fields.limit, r#""a";r=999999999999999;t=0"#);
    }
}
