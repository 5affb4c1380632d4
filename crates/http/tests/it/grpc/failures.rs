//! What is answered when the limiter cannot.

use std::sync::Arc;

use stanchion_http::grpc::RateLimitConfig;
use stanchion_limiter::port::Backend;
use stanchion_limiter::{Ask, Decision, LimiterError};
use tonic::Code;

use super::service::{Service, address, ask, descriptor, request};

/// Buckets out of reach, in one way or another.
#[derive(Debug)]
enum Lost {
    /// Every question has this error.
    Error(LimiterError),
    /// No question is ever answered.
    Silent,
}

#[async_trait::async_trait]
impl Backend for Lost {
    async fn check(&self, _: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        match self {
            Self::Error(error) => Err(error.clone()),
            Self::Silent => std::future::pending().await,
        }
    }

    async fn refund(&self, _: Ask<'_>) -> Result<(), LimiterError> {
        unreachable!("the service puts nothing back")
    }
}

async fn over(lost: Lost, config: RateLimitConfig) -> Service {
    Service::over(Arc::new(lost), config).await
}

#[tokio::test]
async fn an_unreachable_backend_is_an_error_that_the_proxy_decides_about() {
    for (error, code) in [
        (
            LimiterError::Unavailable("redis".to_owned()),
            Code::Unavailable,
        ),
        (LimiterError::Crowded, Code::ResourceExhausted),
        (
            LimiterError::Config("gone".to_owned()),
            Code::FailedPrecondition,
        ),
    ] {
        let service = over(Lost::Error(error), RateLimitConfig::default()).await;
        assert_eq!(service.refusal(request(vec![address("a")])).await, code);
        // What needs no bucket needs no backend.
        let unlimited = request(vec![descriptor(&[("unknown", "a")])]);
        assert!(service.ask(unlimited).await.is_ok());
    }
}

#[tokio::test]
async fn a_rule_whose_limit_is_not_there_is_an_error_that_names_it() {
    let service = Service::start().await;
    let asked = request(vec![address("a"), descriptor(&[("gone", "x")])]);
    let status = service.ask(asked).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("no-such-limit"), "{status}");
    let answer = service.ask(request(vec![address("a")])).await.unwrap();
    assert_eq!(answer.statuses[0].limit_remaining, 2, "nothing was taken");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let config = RateLimitConfig {
        timeout_ms: 50,
        ..RateLimitConfig::default()
    };
    let service = over(Lost::Silent, config).await;
    let code = service.refusal(request(vec![address("a")])).await;
    assert_eq!(code, Code::DeadlineExceeded);
}

#[tokio::test]
async fn one_call_more_than_may_be_answered_at_a_time_is_refused_at_once() {
    let config = RateLimitConfig {
        max_in_flight: 2,
        timeout_ms: 60_000,
        ..RateLimitConfig::default()
    };
    let service = over(Lost::Silent, config).await;
    let channel = service.channel().await;
    let stuck = || {
        let asked = ask(channel.clone(), request(vec![address("a")]));
        tokio::spawn(asked)
    };
    let calls = [stuck(), stuck(), stuck()];
    let (first, ..) = futures_util::future::select_all(calls).await;
    let code = first.unwrap().unwrap_err().code();
    assert_eq!(code, Code::ResourceExhausted);
}
