use std::time::Duration;

use super::Split;

/// What a node believes that another one's share holds: what it last heard, filled since.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    level: u64,
    heard_us: u64,
}

impl Belief {
    /// What was heard at a moment.
    #[must_use]
    pub fn new(level: u64, heard_us: u64) -> Self {
        Self { level, heard_us }
    }

    /// Units that `node` should have by now if it did not spend them.
    #[must_use]
    pub fn level(self, split: Split, node: u16, now_us: u64) -> u64 {
        let elapsed = now_us.saturating_sub(self.heard_us);
        let filled = split.fill(node).saturating_mul(elapsed);
        self.level.saturating_add(filled).min(split.cap(node))
    }

    /// How old it is, in microseconds.
    #[must_use]
    pub fn age_us(self, now_us: u64) -> u64 {
        now_us.saturating_sub(self.heard_us)
    }
}

/// The time until all shares with these levels, by node, are full.
#[must_use]
pub fn until_full(split: Split, levels: &[(u16, u64)]) -> Duration {
    let times = levels.iter().map(|(node, level)| {
        let missing = split.cap(*node).saturating_sub(*level);
        missing.div_ceil(split.fill(*node).max(1))
    });
    Duration::from_micros(times.max().unwrap_or_default())
}

/// The time until the shares with these levels, by node, hold `units` together; `None` when they never do.
#[must_use]
pub fn time_until(split: Split, levels: &[(u16, u64)], units: u64) -> Option<Duration> {
    let at = |micros: u64| -> u64 {
        let grown = levels.iter().map(|(node, level)| {
            let filled = split.fill(*node).saturating_mul(micros);
            level.saturating_add(filled).min(split.cap(*node))
        });
        grown.sum()
    };
    let (mut low, mut high) = (0, u64::MAX);
    if at(high) < units {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if at(middle) >= units {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(Duration::from_micros(low))
}
