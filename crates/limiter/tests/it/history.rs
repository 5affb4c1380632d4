use std::time::Duration;

use stanchion_limiter::Limit;

/// What a node admitted: tokens, at some moment between the question and the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    pub(crate) node: usize,
    pub(crate) asked: Duration,
    pub(crate) answered: Duration,
    pub(crate) tokens: u64,
}

/// The most tokens that were admitted beyond the limit in any window, rounded up; what lies wholly inside counts.
pub(crate) fn extra(limit: &Limit, admitted: &[Admitted]) -> u64 {
    let tokens = i128::from(limit.rate().tokens());
    let period_us = i128::try_from(limit.rate().period().as_micros()).expect("a period");
    let mut by_answer = admitted.to_vec();
    by_answer.sort_by_key(|one| one.answered);
    let mut most = 0;
    for first in admitted {
        let mut sum = 0;
        for one in by_answer.iter().filter(|one| one.asked >= first.asked) {
            sum += i128::from(one.tokens);
            let window = one.answered.saturating_sub(first.asked);
            let window_us = i128::try_from(window.as_micros()).expect("a window");
            let allowed = i128::from(limit.burst()) * period_us + tokens * window_us;
            most = most.max(sum * period_us - allowed);
        }
    }
    u64::try_from(most)
        .expect("not negative")
        .div_ceil(u64::try_from(period_us).expect("a period"))
}

/// The most tokens that one node admitted within so long.
pub(crate) fn most_within(admitted: &[Admitted], node: usize, time: Duration) -> u64 {
    let own: Vec<_> = admitted.iter().filter(|one| one.node == node).collect();
    let within = |first: &Admitted| -> u64 {
        let end = first.answered + time;
        let inside = own
            .iter()
            .filter(|one| one.asked <= end && one.answered >= first.asked);
        inside.map(|one| one.tokens).sum()
    };
    own.iter()
        .map(|first| within(first))
        .max()
        .unwrap_or_default()
}

#[test]
fn extra_is_seen_in_the_window_where_it_is() {
    use stanchion_limiter::Rate;

    let limit = Limit::new("limit", Rate::per_second(10), 5).unwrap();
    let at = |ms, tokens| Admitted {
        node: 0,
        asked: Duration::from_millis(ms),
        answered: Duration::from_millis(ms),
        tokens,
    };
    assert_eq!(extra(&limit, &[at(0, 5), at(500, 5), at(5000, 5)]), 0);
    assert_eq!(extra(&limit, &[at(0, 5), at(500, 8), at(5000, 5)]), 3);
    assert_eq!(extra(&limit, &[at(0, 1), at(9000, 5), at(9100, 3)]), 2);
}
