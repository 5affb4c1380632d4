//! The layer, around a service of axum.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use stanchion_kernel::{Clock, ManualClock, Timestamp};
use stanchion_limiter::port::{Memory, MemoryConfig, WithFallback};
use stanchion_limiter::tower::{LimitLayer, POLICY, Refusal, STATE};
use stanchion_limiter::{Fallback, Limit, Limiter, Question, Rate};
use tower::ServiceExt as _;

use crate::fields::members;

/// An application whose callers name themselves, each with two requests, and room for so many callers.
fn app(fallback: Fallback, buckets: usize) -> (Router, ManualClock) {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let config = MemoryConfig { buckets, shards: 1 };
    let memory = Arc::new(Memory::new(config, clock.clone()));
    let limiter = Limiter::new(Arc::new(WithFallback::new(memory, config, clock)));
    hand.advance(Duration::from_hours(24));
    let limit = Limit::new("caller", Rate::new(1, Duration::from_secs(5)), 2).expect("a limit");
    let limit = Arc::new(limit.with_fallback(fallback));
    let extract = move |request: &Request| {
        let caller = request.headers().get("caller");
        let caller = caller.and_then(|value| value.to_str().ok());
        let question = caller.map(|caller| Question::new(&limit, caller));
        question.into_iter().collect()
    };
    let hello = get(async || "hello");
    let app = Router::new()
        .route("/", hello)
        .layer(LimitLayer::new(limiter, extract));
    (app, hand)
}

async fn call(app: &Router, fields: &[(&str, &str)]) -> Response {
    let request = fields.iter().fold(Request::builder(), |request, field| {
        request.header(field.0, field.1)
    });
    let request = request.body(Body::empty()).expect("a request");
    app.clone().oneshot(request).await.expect("an answer")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().expect("text")
}

#[tokio::test]
async fn requests_beyond_a_limit_are_refused_with_fields_that_say_when_to_come_again() {
    let (app, hand) = app(Fallback::Deny, 100);
    for left in [1, 0] {
        let answer = call(&app, &[("caller", "a")]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(
            text(answer.headers(), POLICY.as_str()),
            r#""caller";q=2;w=10"#
        );
        let state = members(text(answer.headers(), STATE.as_str()));
        assert_eq!(state[0].1[0], ("r".to_owned(), left));
    }
    let refused = call(&app, &[("caller", "a")]).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(text(refused.headers(), "retry-after"), "5");
    assert_eq!(
        text(refused.headers(), STATE.as_str()),
        r#""caller";r=0;t=5"#
    );
    let refusal = refused.extensions().get::<Refusal>();
    assert!(matches!(refusal, Some(Refusal::Limits(_))));
    assert_eq!(
        call(&app, &[("caller", "b")]).await.status(),
        StatusCode::OK
    );
    hand.advance(Duration::from_secs(5));
    assert_eq!(
        call(&app, &[("caller", "a")]).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_request_without_a_question_is_not_limited() {
    let (app, _hand) = app(Fallback::Deny, 100);
    for _ in 0..5 {
        let answer = call(&app, &[]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(!answer.headers().contains_key(&POLICY));
    }
}

#[tokio::test]
async fn a_call_of_grpc_is_refused_in_its_own_words() {
    let (app, _hand) = app(Fallback::Deny, 100);
    let call = async || {
        call(
            &app,
            &[("caller", "a"), ("content-type", "application/grpc")],
        )
        .await
    };
    call().await;
    call().await;
    let refused = call().await;
    assert_eq!(refused.status(), StatusCode::OK);
    assert_eq!(text(refused.headers(), "grpc-status"), "8");
    assert_eq!(text(refused.headers(), "content-type"), "application/grpc");
}

#[tokio::test]
async fn a_limit_that_cannot_be_asked_refuses_unless_it_falls_back_to_allow() {
    for (fallback, expected) in [
        (Fallback::Deny, StatusCode::SERVICE_UNAVAILABLE),
        (Fallback::Allow, StatusCode::OK),
    ] {
        // There is room for one bucket only.
        let (app, _hand) = app(fallback, 1);
        assert_eq!(
            call(&app, &[("caller", "a")]).await.status(),
            StatusCode::OK
        );
        let answer = call(&app, &[("caller", "b")]).await;
        assert_eq!(answer.status(), expected);
        // A limit that admits everything has nothing left to tell of.
        assert!(!answer.headers().contains_key(&STATE));
    }
}

#[tokio::test]
async fn a_key_that_a_client_made_too_long_is_its_own_fault() {
    let (app, _hand) = app(Fallback::Allow, 100);
    let answer = call(&app, &[("caller", &"a".repeat(257))]).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}
