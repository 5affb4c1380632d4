//! The limits in front of the routes: which of them bind a request, and by which key.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Response};
use stanchion_limiter::tower::{POLICY, STATE};
use stanchion_limiter::{Limit, Limiter, MAX_KEY, Question, Verdict, policy_field};

use crate::auth::{Caller, Identity};
use crate::problem::Problem;

/// A limit in front of routes.
#[derive(Clone, Debug)]
pub struct RouteLimit {
    /// The limit.
    pub limit: Arc<Limit>,
    /// Who has a bucket of their own.
    pub per: Per,
    /// Whom it binds.
    pub callers: Callers,
    /// The routes that it binds, each as in `GET /v1/products`; all of them when there are none here.
    pub routes: Vec<String>,
}

/// Who has a bucket of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Each address; of IPv6 each network of 64 bits, since one client has all addresses of its own.
    Client,
    /// Each credential. Who has none is not bound.
    Key,
    /// Each route.
    Route,
    /// Nobody: all share one.
    Global,
}

/// Whom a limit binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Whoever has no valid credential.
    Anonymous,
    /// Whoever has one.
    Authenticated,
    /// Both.
    All,
}

/// The limits of one route.
pub(crate) struct Bound {
    route: Arc<str>,
    anonymous: Class,
    authenticated: Class,
}

/// The limits that bind one kind of caller.
#[derive(Default)]
struct Class {
    limits: Vec<(Arc<Limit>, Per)>,
    policy: Option<HeaderValue>,
}

/// What the limits said to a request.
pub(crate) enum Said {
    /// It goes on; the fields go into its answer.
    Go(Fields),
    /// It does not. The fields go into the problem.
    Stop(Problem, Fields),
}

/// The fields of an answer, as far as there are any.
#[derive(Default)]
pub(crate) struct Fields {
    policy: Option<HeaderValue>,
    state: Option<HeaderValue>,
}

impl Bound {
    /// Those of `limits` that bind a route.
    pub(crate) fn new(limits: &[RouteLimit], method: &str, path: &str) -> Self {
        let route = format!("{method} {path}");
        let class = |without: Callers| {
            let bound = limits.iter().filter(|limit| {
                limit.callers != without
                    && (limit.routes.is_empty() || limit.routes.contains(&route))
            });
            Class::new(bound.map(|limit| (Arc::clone(&limit.limit), limit.per)))
        };
        Self {
            anonymous: class(Callers::Authenticated),
            authenticated: class(Callers::Anonymous),
            route: route.into(),
        }
    }

    /// Asks all limits that bind this request, all or nothing.
    pub(crate) async fn ask(&self, limiter: &Limiter, caller: &Caller) -> Said {
        let class = match caller.identity {
            Identity::Anonymous => &self.anonymous,
            Identity::Key(_) | Identity::Token(_) => &self.authenticated,
        };
        let asked = class.limits.iter().filter_map(|(limit, per)| {
            let key = self.key(*per, caller)?;
            Some(Question::new(limit, key))
        });
        let questions: Vec<Question> = asked.collect();
        if questions.is_empty() {
            return Said::Go(Fields::default());
        }
        // A class has a question for each of its limits, unless one is per key and the caller has none.
        let is_whole = questions.len() == class.limits.len();
        match limiter.judge(questions).await {
            Ok(verdict) => {
                let known = class.policy.as_ref().filter(|_| is_whole);
                let fields = Fields::of(&verdict, known);
                if verdict.is_allowed() {
                    Said::Go(fields)
                } else {
                    Said::Stop(Problem::from_verdict(&verdict), fields)
                }
            }
            Err(error) => Said::Stop(error.into(), Fields::default()),
        }
    }

    /// The key of a caller's bucket, `None` when it has none.
    fn key(&self, per: Per, caller: &Caller) -> Option<Arc<str>> {
        match per {
            Per::Client => Some(network(caller.client).into()),
            Per::Key if caller.identity == Identity::Anonymous => None,
            Per::Key => Some(fitting(caller.key()).into()),
            Per::Route => Some(Arc::clone(&self.route)),
            Per::Global => Some("global".into()),
        }
    }
}

impl Class {
    fn new(limits: impl Iterator<Item = (Arc<Limit>, Per)>) -> Self {
        let limits: Vec<_> = limits.collect();
        let told = limits.iter().map(|(limit, _)| &**limit);
        let policy = field(policy_field(told.filter(|limit| !limit.is_shadow())));
        Self { limits, policy }
    }
}

impl Fields {
    /// The fields of a verdict.
    pub(crate) fn new(verdict: &Verdict) -> Self {
        Self::of(verdict, None)
    }

    /// With the policy that is known already.
    fn of(verdict: &Verdict, policy: Option<&HeaderValue>) -> Self {
        Self {
            policy: policy.cloned().or_else(|| field(verdict.policy_field())),
            state: field(verdict.state_field()),
        }
    }

    /// Adds them behind those that are there.
    pub(crate) fn add<B>(self, response: &mut Response<B>) {
        let headers: &mut HeaderMap = response.headers_mut();
        if let Some(policy) = self.policy {
            headers.append(POLICY, policy);
        }
        if let Some(state) = self.state {
            headers.append(STATE, state);
        }
    }
}

fn field(value: String) -> Option<HeaderValue> {
    if value.is_empty() {
        return None;
    }
    HeaderValue::try_from(value).ok()
}

/// The address, or the network of an IPv6 address that one client has to itself.
fn network(client: IpAddr) -> String {
    match client {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// A key that is as long as may be; the name in a token may be longer.
fn fitting(key: String) -> String {
    if key.len() <= MAX_KEY {
        return key;
    }
    format!("hash:{}", blake3::hash(key.as_bytes()).to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_ipv6_has_one_bucket_for_all_its_addresses() {
        let key = |text: &str| network(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("203.0.113.7"), "203.0.113.7");
    }

    #[test]
    fn long_names_of_tokens_have_buckets_of_their_own() {
        let long = |last: char| fitting(format!("token:{}{last}", "a".repeat(MAX_KEY)));
        assert!(long('a').len() <= MAX_KEY);
        assert_ne!(long('a'), long('b'));
        assert_eq!(fitting("key:1".to_owned()), "key:1");
    }
}
