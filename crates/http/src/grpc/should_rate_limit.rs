//! `RateLimitService/ShouldRateLimit`: takes the cost of every descriptor, or of none.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use metrics::{Unit, counter, describe_counter};
use std::sync::Arc;

use stanchion_limiter::{Ask, Decision, Limit, LimiterError, Verdict};
use tonic::Status;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::messages::{Code, HeaderValue, RateLimitRequest, RateLimitResponse};
use super::question::{Bucket, Question, question, validate};
use super::{RateLimit, status};

pub(super) fn describe() {
    describe_counter!(
        "stanchion_rls_requests_total",
        Unit::Count,
        "Requests of Envoy, by what they were answered"
    );
    describe_counter!(
        "stanchion_rls_descriptors_total",
        Unit::Count,
        "Descriptors of answered requests, by outcome; no rule is for those that are unmatched"
    );
}

pub(super) async fn should_rate_limit(
    State(service): State<RateLimit>,
    request: Request,
) -> Response {
    let most = service.config().max_message_bytes;
    let codec = ProstCodec::<RateLimitResponse, RateLimitRequest>::default();
    let mut grpc = Grpc::new(codec).max_decoding_message_size(most);
    let call = service_fn(|request: tonic::Request<RateLimitRequest>| {
        let service = service.clone();
        async move {
            let answered = answer(&service, &request.into_inner()).await;
            counter!("stanchion_rls_requests_total", "outcome" => outcome(&answered)).increment(1);
            answered.map(tonic::Response::new)
        }
    });
    grpc.unary(call, request).await.map(Body::new)
}

async fn answer(
    service: &RateLimit,
    request: &RateLimitRequest,
) -> Result<RateLimitResponse, Status> {
    validate(request, service.config())?;
    let limiter = service.limiter();
    let question = question(request, service.rules(), |name| limiter.limit(name))?;
    let decisions = decide(service, &question.buckets).await?;
    Ok(response(&question, &decisions))
}

/// One decision for each bucket.
async fn decide(service: &RateLimit, buckets: &[Bucket]) -> Result<Vec<Decision>, Status> {
    if buckets.is_empty() {
        return Ok(Vec::new());
    }
    // A cost that no bucket ever holds refuses the whole request, and nothing may be taken for it: the buckets are looked
    // at only. A limit in shadow refuses nothing, and is looked at beside the others.
    let refused = |bucket: &Bucket| bucket.is_hopeless() && !bucket.limit.is_shadow();
    let is_refused = buckets.iter().any(refused);
    let mut asks = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let looks = is_refused || bucket.is_hopeless();
        let cost = if looks { 0 } else { bucket.cost };
        asks.push(Ask::new(&bucket.limit, &bucket.key, cost).map_err(|error| failed(&error))?);
    }
    let checked = service.limiter().check(&asks).await;
    let mut decisions = checked.map_err(|error| failed(&error))?;
    if decisions.len() != buckets.len() {
        return Err(Status::internal("not every bucket was answered for"));
    }
    if is_refused {
        for (bucket, decision) in buckets.iter().zip(&mut decisions) {
            decision.allowed = bucket.limit.is_shadow();
        }
    }
    Ok(decisions)
}

fn response(question: &Question, decisions: &[Decision]) -> RateLimitResponse {
    let answers: Vec<_> = question.buckets.iter().zip(decisions).collect();
    let code = |(bucket, decision): (&Bucket, &Decision)| {
        let lacks = decision.is_violated() || decision.remaining < bucket.cost;
        if !decision.allowed && lacks {
            Code::OverLimit
        } else {
            Code::Ok
        }
    };
    let mut statuses = Vec::with_capacity(question.places.len());
    for place in &question.places {
        let Some(answer) = place.and_then(|place| answers.get(place)) else {
            count_descriptor("unmatched");
            statuses.push(status::unlimited());
            continue;
        };
        let (bucket, decision) = *answer;
        let code = code((bucket, decision));
        count_descriptor(if code == Code::Ok { "ok" } else { "over_limit" });
        statuses.push(status::limited(&bucket.limit, decision, code));
    }
    let is_allowed = decisions.iter().all(|decision| decision.allowed);
    let overall = if is_allowed {
        Code::Ok
    } else {
        Code::OverLimit
    };
    RateLimitResponse {
        overall_code: overall.into(),
        statuses,
        response_headers_to_add: headers(&answers),
    }
}

/// Of several buckets of one limit, the emptiest one is told.
fn headers(answers: &[(&Bucket, &Decision)]) -> Vec<HeaderValue> {
    let mut told: Vec<(Arc<Limit>, Decision)> = Vec::with_capacity(answers.len());
    for (bucket, decision) in answers {
        let same = |(limit, _): &&mut (Arc<Limit>, Decision)| limit.name() == bucket.limit.name();
        match told.iter_mut().find(same) {
            None => told.push((Arc::clone(&bucket.limit), **decision)),
            Some((_, before)) => {
                before.remaining = before.remaining.min(decision.remaining);
                before.retry_after = before.retry_after.max(decision.retry_after);
                before.reset_after = before.reset_after.max(decision.reset_after);
            }
        }
    }
    let verdict = Verdict::new(told);
    let state = verdict.state_field();
    if state.is_empty() {
        return Vec::new();
    }
    let header = |key: &str, value: String| HeaderValue {
        key: key.to_owned(),
        value,
    };
    let mut headers = vec![
        header("ratelimit-policy", verdict.policy_field()),
        header("ratelimit", state),
    ];
    if let Some(seconds) = verdict
        .retry_after_seconds()
        .filter(|_| !verdict.is_allowed())
    {
        headers.push(header("retry-after", seconds.to_string()));
    }
    headers
}

fn outcome(answered: &Result<RateLimitResponse, Status>) -> &'static str {
    match answered {
        Ok(response) if response.overall_code() == Code::OverLimit => "over_limit",
        Ok(_) => "ok",
        Err(status) if status.code() == tonic::Code::InvalidArgument => "invalid",
        Err(_) => "failed",
    }
}

fn count_descriptor(outcome: &'static str) {
    counter!("stanchion_rls_descriptors_total", "outcome" => outcome).increment(1);
}

/// What the proxy is told; it has its own mind about what then becomes of the request.
fn failed(error: &LimiterError) -> Status {
    let what = error.to_string();
    let status = match error {
        LimiterError::Unavailable(_) => Status::unavailable(what),
        LimiterError::Crowded => Status::resource_exhausted(what),
        LimiterError::Config(_) => Status::failed_precondition(what),
        _ => Status::internal(what),
    };
    tracing::warn!(%error, "a rate limit could not be asked");
    status
}
