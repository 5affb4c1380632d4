//! What requests are answered with.

use std::time::Duration;

use stanchion_http::grpc::RateLimitConfig;
use stanchion_http::grpc::messages::{
    Code, DescriptorStatus, RateLimitDescriptor, RateLimitRequest, RateLimitResponse, Unit,
};

use super::service::{Service, address, descriptor, request};

fn codes(response: &RateLimitResponse) -> (Code, Vec<Code>) {
    let each = response.statuses.iter().map(DescriptorStatus::code);
    (response.overall_code(), each.collect())
}

fn headers(response: &RateLimitResponse) -> Vec<(&str, &str)> {
    let headers = response.response_headers_to_add.iter();
    headers
        .map(|header| (header.key.as_str(), header.value.as_str()))
        .collect()
}

/// How many more requests of one token the bucket admits, of at most `most`.
async fn admitted(service: &Service, descriptor: &RateLimitDescriptor, most: usize) -> usize {
    for count in 0..most {
        let answer = service.ask(request(vec![descriptor.clone()])).await;
        if answer.unwrap().overall_code() == Code::OverLimit {
            return count;
        }
    }
    most
}

#[tokio::test]
async fn requests_are_admitted_up_to_the_limit_and_told_when_to_come_back() {
    let service = Service::start().await;
    let ask = || service.ask(request(vec![address("192.0.2.1")]));
    for left in [2, 1, 0] {
        let answer = ask().await.unwrap();
        assert_eq!(codes(&answer), (Code::Ok, vec![Code::Ok]));
        let status = &answer.statuses[0];
        let limit = status.current_limit.as_ref().unwrap();
        assert_eq!((limit.requests_per_unit, limit.unit()), (3, Unit::Hour));
        assert_eq!(
            (limit.name.as_str(), status.limit_remaining),
            ("addresses", left)
        );
        let reset_s = status.duration_until_reset.unwrap().seconds;
        assert_eq!(reset_s, i64::from(3 - left) * 1_200);
        let state = format!("\"addresses\";r={left};t={reset_s}");
        let expected = [
            ("ratelimit-policy", "\"addresses\";q=3;w=3600"),
            ("ratelimit", &*state),
        ];
        assert_eq!(headers(&answer), expected);
    }
    let answer = ask().await.unwrap();
    assert_eq!(codes(&answer), (Code::OverLimit, vec![Code::OverLimit]));
    let expected = [
        ("ratelimit-policy", "\"addresses\";q=3;w=3600"),
        ("ratelimit", "\"addresses\";r=0;t=1200"),
        ("retry-after", "1200"),
    ];
    assert_eq!(headers(&answer), expected);
    assert_eq!(admitted(&service, &address("192.0.2.2"), 4).await, 3);
    let clock = service.clock.as_ref().unwrap();
    clock.advance(Duration::from_secs(1_200));
    assert_eq!(codes(&ask().await.unwrap()).0, Code::Ok);
    assert_eq!(codes(&ask().await.unwrap()).0, Code::OverLimit);
}

#[tokio::test]
async fn a_request_costs_its_hits_and_a_descriptor_its_own() {
    let service = Service::start().await;
    let costs = |value, of_request, of_descriptor| RateLimitRequest {
        hits_addend: of_request,
        ..request(vec![RateLimitDescriptor {
            hits_addend: of_descriptor,
            ..address(value)
        }])
    };
    for (value, of_request, of_descriptor, left) in [
        ("unset", 0, None, 2),
        ("of the request", 2, None, 1),
        ("of the descriptor", 1, Some(3), 0),
        ("asks only", 2, Some(0), 3),
    ] {
        let answer = service.ask(costs(value, of_request, of_descriptor)).await;
        let answer = answer.unwrap();
        assert_eq!(answer.overall_code(), Code::Ok, "{value}");
        assert_eq!(answer.statuses[0].limit_remaining, left, "{value}");
        assert_eq!(admitted(&service, &address(value), 4).await, left as usize);
    }
}

#[tokio::test]
async fn a_cost_beyond_the_burst_is_over_the_limit_and_takes_nothing() {
    let service = Service::start().await;
    for cost in [4, u64::MAX] {
        let large = RateLimitDescriptor {
            hits_addend: Some(cost),
            ..address("a")
        };
        let both = vec![large, address("b")];
        let answer = service.ask(request(both)).await.unwrap();
        let expected = (Code::OverLimit, vec![Code::OverLimit, Code::Ok]);
        assert_eq!(codes(&answer), expected);
        let names: Vec<_> = headers(&answer).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["ratelimit-policy", "ratelimit"], "no time will do");
    }
    assert_eq!(admitted(&service, &address("a"), 4).await, 3);
    assert_eq!(admitted(&service, &address("b"), 4).await, 3);
}

#[tokio::test]
async fn all_descriptors_of_a_request_are_admitted_or_none() {
    let service = Service::start().await;
    let user = || descriptor(&[("user", "u"), ("path", "/a")]);
    assert_eq!(admitted(&service, &address("full"), 4).await, 3);
    let answer = service.ask(request(vec![user(), address("full")])).await;
    let answer = answer.unwrap();
    let expected = (Code::OverLimit, vec![Code::Ok, Code::OverLimit]);
    assert_eq!(codes(&answer), expected);
    assert_eq!(
        headers(&answer)[1],
        ("ratelimit", "\"addresses\";r=0;t=1200")
    );
    let answer = service.ask(request(vec![user(), address("new")])).await;
    let answer = answer.unwrap();
    assert_eq!(codes(&answer), (Code::Ok, vec![Code::Ok, Code::Ok]));
    assert_eq!(
        answer.statuses[0].limit_remaining, 4,
        "the refusal took none"
    );
    assert_eq!(answer.statuses[1].limit_remaining, 2);
}

#[tokio::test]
async fn descriptors_of_one_bucket_cost_their_sum() {
    let service = Service::start().await;
    let path = |path| descriptor(&[("user", "u"), ("path", path)]);
    let three = |one| RateLimitDescriptor {
        hits_addend: Some(3),
        ..path(one)
    };
    let answer = service.ask(request(vec![three("/a"), three("/b")])).await;
    let expected = (Code::OverLimit, vec![Code::OverLimit, Code::OverLimit]);
    assert_eq!(codes(&answer.unwrap()), expected);
    let answer = service.ask(request(vec![three("/a"), path("/b")])).await;
    let answer = answer.unwrap();
    assert_eq!(codes(&answer), (Code::Ok, vec![Code::Ok, Code::Ok]));
    let left = answer.statuses.iter().map(|status| status.limit_remaining);
    assert_eq!(left.collect::<Vec<_>>(), [1, 1]);
    let sum = RateLimitDescriptor {
        hits_addend: Some(u64::MAX),
        ..path("/a")
    };
    let answer = service.ask(request(vec![sum.clone(), sum])).await.unwrap();
    assert_eq!(
        answer.overall_code(),
        Code::OverLimit,
        "the sum has no overflow"
    );
}

#[tokio::test]
async fn what_no_rule_is_for_is_not_limited() {
    let service = Service::start().await;
    let unknown = || descriptor(&[("unknown", "x")]);
    for _ in 0..5 {
        let answer = service.ask(request(vec![unknown()])).await.unwrap();
        assert_eq!(codes(&answer), (Code::Ok, vec![Code::Ok]));
        assert_eq!(answer.statuses[0].current_limit, None);
        assert_eq!(headers(&answer), []);
    }
    let elsewhere = RateLimitRequest {
        domain: "other".to_owned(),
        ..request(vec![address("a")])
    };
    for _ in 0..5 {
        let answer = service.ask(elsewhere.clone()).await.unwrap();
        assert_eq!(answer.overall_code(), Code::Ok);
    }
    let answer = service.ask(request(vec![unknown(), address("a"), unknown()]));
    let answer = answer.await.unwrap();
    assert_eq!(answer.statuses[1].limit_remaining, 2);
    assert_eq!(answer.statuses.len(), 3);
}

#[tokio::test]
async fn values_that_look_alike_have_buckets_of_their_own() {
    let service = Service::start().await;
    let long = "x".repeat(4_000);
    let longer = format!("{long}x");
    let values = [
        "", "\0", "\0\0", "a", "1:a", "a1:a", "a\r\nb", "{a}", "ä", &long, &longer,
    ];
    for value in values {
        let count = admitted(&service, &address(value), 4).await;
        assert_eq!(count, 3, "{value:?}");
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let service = Service::start().await;
    let many = |count| request(vec![address("a"); count]);
    let (long, limit) = (
        "x".repeat(4_097),
        RateLimitConfig::default().max_descriptors,
    );
    let of_domain = |domain: &str| RateLimitRequest {
        domain: domain.to_owned(),
        ..many(1)
    };
    let refilling = RateLimitDescriptor {
        is_negative_hits: true,
        ..address("a")
    };
    for (what, request) in [
        ("no domain", of_domain("")),
        ("a long domain", of_domain(&long)),
        ("no descriptors", many(0)),
        ("too many descriptors", many(limit + 1)),
        ("no entries", request(vec![descriptor(&[])])),
        (
            "too many entries",
            request(vec![descriptor(&[("a", "b"); 17])]),
        ),
        ("no key", request(vec![descriptor(&[("", "x")])])),
        ("a long key", request(vec![descriptor(&[(&long, "x")])])),
        ("a long value", request(vec![address("a"), address(&long)])),
        ("refilling", request(vec![refilling])),
    ] {
        let code = service.refusal(request).await;
        assert_eq!(code, tonic::Code::InvalidArgument, "{what}");
    }
    let huge = request(vec![address(&"x".repeat(70_000))]);
    assert_eq!(service.refusal(huge).await, tonic::Code::OutOfRange);
    assert_eq!(
        admitted(&service, &address("a"), 4).await,
        3,
        "none took any"
    );
    let most = RateLimitRequest {
        hits_addend: 1,
        ..many(limit)
    };
    let answer = service.ask(most).await.unwrap();
    assert_eq!(answer.statuses.len(), limit);
}
