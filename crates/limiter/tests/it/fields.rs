//! The fields of HTTP, read by a parser that is not ours.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sfv::{BareItem, List, ListEntry, Parser};
use stanchion_kernel::{Clock, ManualClock, Timestamp};
use stanchion_limiter::port::{Memory, MemoryConfig, Shadow};
use stanchion_limiter::{Limit, Limiter, Question, Rate, Verdict};

/// Members of a field, each with its name and parameters.
pub(crate) fn members(field: &str) -> Vec<(String, Vec<(String, i64)>)> {
    let list: List = Parser::new(field).parse().expect("a list by RFC 9651");
    let member = |entry: ListEntry| {
        let ListEntry::Item(item) = entry else {
            panic!("an inner list")
        };
        let BareItem::String(name) = item.bare_item else {
            panic!("not a string")
        };
        let parameters = item.params.into_iter().map(|(key, value)| {
            let BareItem::Integer(number) = value else {
                panic!("not an integer")
            };
            (key.to_string(), i64::from(number))
        });
        (name.to_string(), parameters.collect())
    };
    list.into_iter().map(member).collect()
}

fn limiter() -> (Limiter, ManualClock) {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let buckets = Arc::new(Memory::new(MemoryConfig::default(), clock));
    let limiter = Limiter::new(Arc::new(Shadow::new(buckets)));
    hand.advance(Duration::from_hours(24));
    (limiter, hand)
}

fn limit(name: &str, rate: Rate, burst: u64) -> Arc<Limit> {
    Arc::new(Limit::new(name, rate, burst).expect("a limit"))
}

async fn judge(limiter: &Limiter, limits: &[&Arc<Limit>], cost: u64) -> Verdict {
    let questions = limits
        .iter()
        .map(|limit| Question::new(limit, "k").costing(cost));
    limiter.judge(questions.collect()).await.expect("a verdict")
}

fn pair(name: &str, value: i64) -> (String, i64) {
    (name.to_owned(), value)
}

#[tokio::test]
async fn an_allowed_call_is_told_what_is_left_of_each_limit() {
    let (limiter, _hand) = limiter();
    let burst = limit("burst", Rate::per_second(10), 100);
    let day = limit("day.all", Rate::new(1, Duration::from_hours(24)), 1);
    let verdict = judge(&limiter, &[&burst, &day], 1).await;
    assert!(verdict.is_allowed() && verdict.violated().count() == 0);
    assert_eq!(verdict.retry_after_seconds(), None);
    assert_eq!(
        verdict.policy_field(),
        r#""burst";q=100;w=10, "day.all";q=1;w=86400"#
    );
    assert_eq!(
        members(&verdict.state_field()),
        [
            ("burst".to_owned(), vec![pair("r", 99), pair("t", 1)]),
            ("day.all".to_owned(), vec![pair("r", 0), pair("t", 86_400)]),
        ]
    );
}

#[tokio::test]
async fn a_refused_call_is_told_who_refused_it_and_when_to_come_again() {
    let (limiter, hand) = limiter();
    let slow = limit("slow", Rate::new(1, Duration::from_millis(2_500)), 2);
    let wide = limit("wide", Rate::new(1, Duration::from_hours(1)), 50);
    assert!(judge(&limiter, &[&slow, &wide], 2).await.is_allowed());
    let refused = judge(&limiter, &[&slow, &wide], 1).await;
    assert!(!refused.is_allowed());
    let violated: Vec<_> = refused.violated().map(ToString::to_string).collect();
    assert_eq!(violated, ["slow"]);
    assert_eq!(refused.retry_after_seconds(), Some(3), "rounded up");
    assert_eq!(
        members(&refused.state_field()),
        [("slow".to_owned(), vec![pair("r", 0), pair("t", 3)])]
    );
    hand.advance(Duration::from_secs(3));
    assert!(judge(&limiter, &[&slow, &wide], 1).await.is_allowed());
}

#[tokio::test]
async fn a_limit_in_shadow_is_told_to_nobody() {
    let (limiter, _hand) = limiter();
    let shadow = Limit::new("shadow", Rate::per_second(1), 1).expect("a limit");
    let shadow = Arc::new(shadow.in_shadow(true));
    for _ in 0..3 {
        let verdict = judge(&limiter, &[&shadow], 1).await;
        assert!(verdict.is_allowed() && verdict.violated().count() == 0);
        assert_eq!(verdict.policy_field() + &verdict.state_field(), "");
        assert_eq!(verdict.retry_after_seconds(), None);
    }
}

proptest! {
    #[test]
    fn every_field_is_a_list_by_the_standard(
        name in "[a-z0-9._-]{1,64}",
        tokens in 1_u64..1 << 40,
        period_us in 1_u64..1 << 40,
        burst in 1_u64..1 << 53,
    ) {
        let rate = Rate::new(tokens, Duration::from_micros(period_us));
        let Ok(limit) = Limit::new(&name, rate, burst) else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (limiter, _hand) = limiter();
        let verdict = runtime.block_on(judge(&limiter, &[&Arc::new(limit)], 1));
        let policy = members(&verdict.policy_field());
        prop_assert_eq!(policy.len(), 1);
        prop_assert_eq!(&policy[0].0, &name);
        prop_assert!(policy[0].1.iter().all(|(_, value)| *value >= 1));
        let state = members(&verdict.state_field());
        prop_assert_eq!(&state[0].0, &name);
        prop_assert!(state[0].1.iter().all(|(_, value)| *value >= 0));
        let latest = state[0].1[1].1;
        if let Some(wait) = verdict.retry_after_seconds() {
            prop_assert!(i64::try_from(wait).unwrap() >= latest);
        }
    }
}
