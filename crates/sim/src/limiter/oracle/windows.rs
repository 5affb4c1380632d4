//! All windows at once: a tree over their beginnings, to which each admission is added where it lies inside.

use std::time::Duration;

use crate::limiter::history::Rule;
use crate::time::TRUE_SPEED;

/// An admission happened somewhere between two moments of true time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admission {
    /// The number of its event.
    pub(super) at: usize,
    pub(super) sent: Duration,
    pub(super) decided: Duration,
    pub(super) cost: u64,
}

/// The window that holds the most beyond the promise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The number of the event that it ends with.
    pub(super) at: usize,
    /// How many tokens too many, rounded up.
    pub(super) tokens: i64,
    pub(super) since: Duration,
    pub(super) until: Duration,
}

/// What a bucket gives: what comes in between two moments, in millionths of a token, and its burst.
///
/// The rate counts on a node's clock. One that is fast gives more; one that is stepped forward gives at once what would
/// have come in that time, and forgets leases so much earlier than their holders do.
#[derive(Debug)]
pub(super) struct Given {
    rule: Rule,
    fastest: u64,
    /// When a clock was stepped forward, and by how many microseconds.
    steps: Vec<(Duration, u64)>,
}

/// Millionths of a token.
const TOKEN: i64 = 1_000_000;

impl Given {
    pub(super) fn new(
        rule: Rule,
        fastest: u64,
        steps: impl Iterator<Item = (Duration, i64)>,
    ) -> Self {
        let forward = |(at, by_us): (Duration, i64)| {
            let by_us = u64::try_from(by_us).ok()?;
            Some((at, by_us))
        };
        Self {
            rule,
            fastest,
            steps: steps.filter_map(forward).collect(),
        }
    }

    fn come(&self, us: u64) -> i64 {
        i64::try_from(us * self.rule.rate).unwrap_or(i64::MAX)
    }

    fn passed(&self, moment: Duration) -> u64 {
        let us = u64::try_from(moment.as_micros()).unwrap_or(u64::MAX);
        (us * self.fastest).div_ceil(TRUE_SPEED)
    }

    /// What has come in before a window that begins here.
    fn before(&self, since: Duration) -> i64 {
        let over = |(at, by_us): &&(Duration, u64)| *at + Duration::from_micros(*by_us) < since;
        let stepped: u64 = self.steps.iter().filter(over).map(|(_, by_us)| by_us).sum();
        self.come((self.passed(since) + 2 * stepped).saturating_sub(1))
    }

    /// What has come in before a window that ends here is over.
    fn until(&self, until: Duration) -> i64 {
        let begun = |(at, _): &&(Duration, u64)| *at <= until;
        let stepped: u64 = self
            .steps
            .iter()
            .filter(begun)
            .map(|(_, by_us)| by_us)
            .sum();
        self.come(self.passed(until) + 2 * stepped)
    }
}

/// The worst window, if any holds more than the promise. An admission counts for a window only when it lies wholly inside,
/// so that nothing is found that may not have happened.
pub(super) fn worst(mut all: Vec<Admission>, given: &Given) -> Option<Window> {
    all.sort_by_key(|one| one.decided);
    let mut begins: Vec<Duration> = all.iter().map(|one| one.sent).collect();
    begins.sort_unstable();
    begins.dedup();
    let mut tree = Tree::new(begins.len());
    let mut begun = 0;
    let burst = i64::try_from(given.rule.burst).unwrap_or(i64::MAX) * TOKEN;
    let mut worst: Option<Window> = None;
    for one in &all {
        while let Some(since) = begins.get(begun).filter(|since| **since <= one.decided) {
            tree.set(begun, given.before(*since));
            begun += 1;
        }
        let inside = begins.partition_point(|since| *since <= one.sent);
        tree.add(inside, i64::try_from(one.cost).unwrap_or(i64::MAX) * TOKEN);
        let (most, place) = tree.most();
        let excess = most - given.until(one.decided) - burst;
        let tokens = excess.max(0).unsigned_abs().div_ceil(TOKEN.unsigned_abs());
        let tokens = i64::try_from(tokens).unwrap_or(i64::MAX);
        if tokens > worst.map_or(0, |worst| worst.tokens) {
            worst = Some(Window {
                at: one.at,
                tokens,
                since: begins[place],
                until: one.decided,
            });
        }
    }
    worst
}

/// Numbers, of which a run from the first can be raised together, and the greatest be found.
struct Tree {
    /// Half of it, and the first leaf.
    leaves: usize,
    /// The greatest below each, without what was added above it.
    most: Vec<i64>,
    /// What was added to all below.
    added: Vec<i64>,
}

impl Tree {
    /// So many numbers, each lower than any that is set.
    fn new(count: usize) -> Self {
        let leaves = count.next_power_of_two();
        Self {
            leaves,
            most: vec![i64::MIN / 2; 2 * leaves],
            added: vec![0; 2 * leaves],
        }
    }

    /// Sets a number, of which nothing was raised before.
    fn set(&mut self, place: usize, number: i64) {
        let mut node = self.leaves + place;
        self.most[node] = number;
        while node > 1 {
            node /= 2;
            self.renew(node);
        }
    }

    fn renew(&mut self, node: usize) {
        let below = self.most[2 * node].max(self.most[2 * node + 1]);
        self.most[node] = below + self.added[node];
    }

    /// Raises the first so many.
    fn add(&mut self, count: usize, by: i64) {
        // What is left of the run's end hangs at the left of the way up from it.
        let mut node = self.leaves + count;
        if count == self.leaves {
            self.most[1] += by;
            self.added[1] += by;
            return;
        }
        while node > 1 {
            if node % 2 == 1 {
                self.most[node - 1] += by;
                self.added[node - 1] += by;
            }
            node /= 2;
            self.renew(node);
        }
    }

    /// The greatest, and its place.
    fn most(&self) -> (i64, usize) {
        let mut node = 1;
        while node < self.leaves {
            node *= 2;
            if self.most[node] < self.most[node + 1] {
                node += 1;
            }
        }
        (self.most[1], node - self.leaves)
    }
}
