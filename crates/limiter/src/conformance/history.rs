use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Limit;

/// What was admitted of one bucket, by all servers, and when; judged against the promise over every window.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Admission>>);

/// An admission happened somewhere between two moments of one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Before it was asked for.
    pub sent: Duration,
    /// After the answer.
    pub decided: Duration,
    /// How many tokens.
    pub cost: u64,
}

/// The window that holds the most beyond the promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    /// Tokens beyond burst and rate, rounded up; 0 when the promise was kept.
    pub tokens: u64,
    /// Where it begins.
    pub since: Duration,
    /// Where it ends.
    pub until: Duration,
}

impl History {
    /// Adds what was admitted.
    pub fn add(&self, admission: Admission) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(admission);
    }

    /// All that was admitted.
    #[must_use]
    pub fn admissions(&self) -> Vec<Admission> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The sum of what was admitted.
    #[must_use]
    pub fn admitted(&self) -> u64 {
        self.admissions().iter().map(|one| one.cost).sum()
    }

    /// The worst window. An admission counts for a window only when it lies wholly inside, so that nothing is found that
    /// may not have happened.
    #[must_use]
    pub fn excess(&self, limit: &Limit) -> Excess {
        let mut all = self.admissions();
        all.sort_by_key(|one| one.decided);
        let since = all.iter().map(|one| one.sent);
        let worst = since.map(|since| worst_from(since, &all, limit));
        worst.max_by_key(|excess| excess.tokens).unwrap_or_default()
    }
}

/// The worst window that begins at a moment; `all` is in the order of the answers.
fn worst_from(since: Duration, all: &[Admission], limit: &Limit) -> Excess {
    let mut worst = Excess::default();
    let mut sum = 0;
    for one in all.iter().filter(|one| one.sent >= since) {
        sum += one.cost;
        let given = limit.rate().given_in(one.decided - since);
        let tokens = sum.saturating_sub(limit.burst().saturating_add(given));
        if tokens > worst.tokens {
            worst = Excess {
                tokens,
                since,
                until: one.decided,
            };
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;

    fn history(admissions: &[(u64, u64, u64)]) -> History {
        let history = History::default();
        for (sent, decided, cost) in admissions {
            history.add(Admission {
                sent: Duration::from_millis(*sent),
                decided: Duration::from_millis(*decided),
                cost: *cost,
            });
        }
        history
    }

    #[test]
    fn the_worst_window_is_found_wherever_it_is() {
        let limit = Limit::new("limit", Rate::per_second(10), 5).expect("a limit");
        let kept = history(&[(0, 1, 5), (100, 101, 1), (200, 201, 1), (700, 701, 5)]);
        assert_eq!(kept.excess(&limit).tokens, 0);
        // Six at once, long after a pause.
        let broken = history(&[(0, 1, 5), (9_000, 9_010, 3), (9_000, 9_020, 4)]);
        let excess = broken.excess(&limit);
        let (since, until) = (Duration::from_secs(9), Duration::from_millis(9_020));
        assert_eq!(
            (excess.tokens, excess.since, excess.until),
            (1, since, until)
        );
    }

    #[test]
    fn what_may_have_happened_outside_of_a_window_is_not_counted_in_it() {
        let limit = Limit::new("limit", Rate::per_second(1), 5).expect("a limit");
        let slow = history(&[(0, 5_000, 5), (4_900, 4_901, 5)]);
        assert_eq!(slow.excess(&limit).tokens, 0);
    }
}
