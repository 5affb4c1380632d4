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
    /// may not have happened. Takes n·log n for n admissions.
    #[must_use]
    pub fn excess(&self, limit: &Limit) -> Excess {
        let mut all = self.admissions();
        all.sort_by_key(|one| one.decided);
        let period = nanos(limit.rate().period());
        let rate = i128::from(limit.rate().tokens());
        // In units of which a token has as many as the period has nanoseconds.
        let promised = i128::from(limit.burst()) * period;
        let mut gone = Sums::of(gaps(&all).map(|gap| -rate * gap));
        let mut latest_first: Vec<usize> = (0..all.len()).collect();
        latest_first.sort_by_key(|at| std::cmp::Reverse(all[*at].sent));
        let mut worst = Excess::default();
        for at in latest_first {
            let one = all[at];
            gone.add(at, i128::from(one.cost) * period);
            // What was decided before this one was sent is in no window that begins with it.
            let first = all.partition_point(|other| other.decided < one.sent);
            let before = first.checked_sub(1).map(|before| all[before].decided);
            let unused = nanos(one.sent) - nanos(before.unwrap_or_default());
            let (most, until) = gone.most_from(first);
            let beyond = (most + rate * unused - promised).div_euclid(period);
            let tokens = u64::try_from(beyond).unwrap_or_default();
            if tokens > worst.tokens {
                worst = Excess {
                    tokens,
                    since: one.sent,
                    until: all[until].decided,
                };
            }
        }
        worst
    }
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

/// The time from each answer to the one before.
fn gaps(all: &[Admission]) -> impl Iterator<Item = i128> {
    let before = std::iter::once(Duration::ZERO).chain(all.iter().map(|one| one.decided));
    all.iter()
        .zip(before)
        .map(|(one, before)| nanos(one.decided - before))
}

/// A row of numbers that knows the greatest sum that begins at a place: a tree over it.
struct Sums {
    leaves: usize,
    parts: Vec<Part>,
}

/// A part of the row: its sum, and its greatest sum from its beginning on with the place where that ends.
#[derive(Clone, Copy)]
struct Part {
    sum: i128,
    most: i128,
    until: usize,
}

impl Part {
    fn one(number: i128, at: usize) -> Self {
        Self {
            sum: number,
            most: number,
            until: at,
        }
    }

    fn then(self, next: Self) -> Self {
        let sum = self.sum + next.sum;
        let longer = self.sum + next.most;
        let (most, until) = if longer > self.most {
            (longer, next.until)
        } else {
            (self.most, self.until)
        };
        Self { sum, most, until }
    }
}

impl Sums {
    fn of(row: impl Iterator<Item = i128>) -> Self {
        let row: Vec<Part> = row
            .enumerate()
            .map(|(at, number)| Part::one(number, at))
            .collect();
        let leaves = row.len().next_power_of_two();
        // What is beyond the row adds nothing, and so never ends the greatest sum.
        let mut parts = vec![Part::one(0, 0); 2 * leaves];
        parts[leaves..leaves + row.len()].copy_from_slice(&row);
        for at in (1..leaves).rev() {
            parts[at] = parts[2 * at].then(parts[2 * at + 1]);
        }
        Self { leaves, parts }
    }

    fn add(&mut self, at: usize, number: i128) {
        let mut place = self.leaves + at;
        self.parts[place] = Part::one(self.parts[place].sum + number, at);
        while place > 1 {
            place /= 2;
            self.parts[place] = self.parts[2 * place].then(self.parts[2 * place + 1]);
        }
    }

    /// The greatest sum of the numbers from `at` on, one or more, and where it ends.
    fn most_from(&self, at: usize) -> (i128, usize) {
        let mut place = self.leaves + at;
        let mut part = self.parts[place];
        while place > 1 {
            if place.is_multiple_of(2) {
                part = part.then(self.parts[place + 1]);
            }
            place /= 2;
        }
        (part.most, part.until)
    }
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

    /// All windows, one by one.
    fn slowly(history: &History, limit: &Limit) -> u64 {
        let all = history.admissions();
        let windows = all
            .iter()
            .flat_map(|first| all.iter().map(|last| (first.sent, last.decided)));
        let excess = windows
            .filter(|(since, until)| since <= until)
            .map(|(since, until)| {
                let inside = all
                    .iter()
                    .filter(|one| one.sent >= since && one.decided <= until);
                let sum: u64 = inside.map(|one| one.cost).sum();
                sum.saturating_sub(limit.burst() + limit.rate().given_in(until - since))
            });
        excess.max().unwrap_or_default()
    }

    proptest::proptest! {
        #[test]
        fn the_worst_window_is_that_of_all(
            all in proptest::collection::vec((0_u64..3_000, 0_u64..300, 0_u64..9), 0..40),
            rate in 1_u64..30,
        ) {
            let limit = Limit::new("limit", Rate::per_second(rate), 7).expect("a limit");
            let all: Vec<_> = all.iter().map(|(sent, took, cost)| (*sent, sent + took, *cost)).collect();
            let history = history(&all);
            proptest::prop_assert_eq!(history.excess(&limit).tokens, slowly(&history, &limit));
        }
    }
}
