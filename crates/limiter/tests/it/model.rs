use std::time::Duration;

use stanchion_limiter::port::MAX_ASKS;
use stanchion_limiter::{
    Ask, InvalidLimit, Limit, LimiterError, MAX_FILL, MAX_KEY, MAX_NAME, Rate,
};

use crate::memory;

fn limit(rate: Rate, burst: u64) -> Result<Limit, InvalidLimit> {
    Limit::new("limit", rate, burst)
}

#[test]
fn a_limit_out_of_bounds_is_refused_with_what_is_wrong() {
    let refused = |rate, burst| limit(rate, burst).expect_err("a refusal");
    assert_eq!(refused(Rate::per_second(0), 1), InvalidLimit::Zero);
    assert_eq!(refused(Rate::per_second(1), 0), InvalidLimit::Zero);
    assert_eq!(refused(Rate::new(1, Duration::ZERO), 1), InvalidLimit::Zero);
    let odd = Duration::from_nanos(1_500);
    assert_eq!(refused(Rate::new(1, odd), 1), InvalidLimit::Period);
    assert_eq!(
        refused(Rate::new(1, Duration::MAX), 1),
        InvalidLimit::Period
    );
    assert_eq!(
        refused(Rate::per_second(1), u64::MAX),
        InvalidLimit::Resolution
    );
    assert_eq!(
        refused(Rate::new(u64::MAX, Duration::from_micros(1)), 1),
        InvalidLimit::Resolution
    );
    assert_eq!(refused(Rate::new(1, MAX_FILL), 2), InvalidLimit::Fill);
    for name in ["", "A", "a b", "a\0", &"a".repeat(MAX_NAME + 1)] {
        let refused = Limit::new(name, Rate::per_second(1), 1);
        assert_eq!(
            refused.expect_err("a refusal"),
            InvalidLimit::Name,
            "{name:?}"
        );
    }
    for (tokens, period) in [(1, 86_400), (10_000_000, 1)] {
        limit(Rate::new(tokens, Duration::from_secs(period)), 1_000).expect("a limit");
    }
}

#[tokio::test]
async fn a_question_out_of_bounds_is_refused() {
    let limit = limit(Rate::per_second(1), 10).expect("a limit");
    for key in ["", &"k".repeat(MAX_KEY + 1)] {
        assert_eq!(
            Ask::new(&limit, key, 1).expect_err("a refusal"),
            LimiterError::Key
        );
    }
    for cost in [11, u64::MAX] {
        let refused = Ask::new(&limit, "k", cost).expect_err("a refusal");
        assert_eq!(refused, LimiterError::Cost { cost, burst: 10 });
    }
    let keys: Vec<String> = (0..=MAX_ASKS).map(|n| n.to_string()).collect();
    let asks = keys
        .iter()
        .map(|key| Ask::new(&limit, key, 1).expect("a question"));
    let asks: Vec<_> = asks.collect();
    let backend = memory::subject().backend;
    assert_eq!(backend.check(&asks).await, Err(LimiterError::Many));
    let peek = Ask::new(&limit, "0", 0).expect("a question");
    assert_eq!(
        backend.check(&[peek]).await.expect("an answer")[0].remaining,
        10
    );
}
