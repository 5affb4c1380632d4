//! What lies before the floors, looked at in parts.
//!
//! Beside an old snapshot a walk from the beginning of an index may take minutes. A part gets a second; one that the database cancels
//! then is divided, until each is walked within its time; where two in a row take little of it, they become one again.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use stanchion_kernel::Timestamp;

use super::sweeps::{Pace, Share};

/// The most places at which an index is divided; a part that would need more is left out.
const CUTS: usize = 1024;
/// The first part that is cut off before the end is so long, and the next ones always twice as long.
const SHORTEST: Duration = Duration::from_mins(1);
/// While parts are divided, their walks take a sixth of the time.
const CANCELLED_PAUSE: u32 = 5;
/// Later a fiftieth,
const PAUSE: u32 = 50;
/// or up to a twentieth, so that
const LEAST_PAUSE: u32 = 20;
/// all parts are walked about this often.
const ROUND: Duration = Duration::from_mins(5);

/// A part of an index by moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Timestamp,
    /// The end of what is looked at, if there is none.
    pub(crate) to: Option<Timestamp>,
}

/// The parts of an index, walked in turn.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    cuts: BTreeSet<Timestamp>,
    /// Where the next one begins.
    from: Timestamp,
    /// What the one before it took.
    before: Duration,
    /// What one may take, since one was cancelled.
    allowed: Duration,
    pace: Pace,
}

impl Windows {
    /// The next part, when it is time for it.
    pub(crate) fn due(&self, now: Duration) -> Option<Window> {
        let behind = (Bound::Excluded(self.from), Bound::Unbounded);
        let window = Window {
            from: self.from,
            to: self.cuts.range(behind).next().copied(),
        };
        self.pace.is_due(now).then_some(window)
    }

    /// A part was walked to its end.
    pub(crate) fn walked(&mut self, window: Window, began: Duration, ended: Duration) {
        let took = ended.saturating_sub(began);
        let together = self.before.saturating_add(took);
        let is_little = together < self.allowed / 2;
        self.before = if is_little && self.cuts.remove(&window.from) {
            together
        } else {
            took
        };
        self.go_on(window);
        let parts = u32::try_from(self.cuts.len() + 1).unwrap_or(u32::MAX);
        let share = Share {
            pause: PAUSE,
            longest: (ROUND / parts).max(took.saturating_mul(LEAST_PAUSE)),
        };
        self.pace.ran(&share, began, ended);
    }

    /// The database cancelled the walk of a part; what is looked at ends at `end`.
    pub(crate) fn cancelled(
        &mut self,
        window: Window,
        end: Timestamp,
        began: Duration,
        ended: Duration,
    ) {
        self.allowed = ended.saturating_sub(began);
        let (from, to) = (window.from, window.to.unwrap_or(end));
        let cut = if from == Timestamp::default() {
            to.saturating_sub(end.since(to).max(SHORTEST))
        } else {
            to.saturating_sub(to.since(from) / 2)
        };
        if from < cut && cut < to && self.cuts.len() < CUTS {
            self.cuts.insert(cut);
        } else {
            self.go_on(window);
        }
        let share = Share {
            pause: CANCELLED_PAUSE,
            longest: ROUND,
        };
        self.pace.ran(&share, began, ended);
    }

    fn go_on(&mut self, window: Window) {
        self.from = window.to.unwrap_or_default();
        if window.to.is_none() {
            self.before = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;
    const ALLOWED: Duration = Duration::from_secs(1);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_micros(minutes * MINUTE)
    }

    /// A database whose index has dead entries, walked by a clock of its own.
    struct Walker {
        windows: Windows,
        /// What walking what lies between two moments takes, in microseconds.
        walk_us: fn(i64, i64) -> i64,
        end: i64,
        now: Duration,
    }

    impl Walker {
        fn new(walk_us: fn(i64, i64) -> i64) -> Self {
            Self {
                windows: Windows::default(),
                walk_us,
                end: 10_000,
                now: Duration::ZERO,
            }
        }

        /// Walks the next part as soon as it is due; answers it, with its end, if it was not cancelled.
        fn walk(&mut self) -> Option<(Timestamp, Timestamp)> {
            let began = self.windows.pace.due().max(self.now);
            let window = self.windows.due(began).unwrap();
            let (from, to) = (window.from, window.to.unwrap_or(at(self.end)));
            let took_us = (self.walk_us)(from.as_micros(), to.as_micros());
            let took = Duration::from_micros(took_us.unsigned_abs());
            self.now = began + took.min(ALLOWED);
            if took > ALLOWED {
                let end = at(self.end);
                self.windows.cancelled(window, end, began, self.now);
                return None;
            }
            self.windows.walked(window, began, self.now);
            Some((from, to))
        }

        /// Walks until all of it was, part by part.
        fn round(&mut self) -> Vec<(Timestamp, Timestamp)> {
            let mut parts = Vec::new();
            loop {
                if let Some((from, to)) = self.walk() {
                    parts.push((from, to));
                    if to == at(self.end) {
                        return parts;
                    }
                }
            }
        }
    }

    fn is_whole(parts: &[(Timestamp, Timestamp)], end: i64) -> bool {
        let joined = parts.windows(2).all(|pair| pair[0].1 == pair[1].0);
        joined && parts[0].0 == Timestamp::default() && parts[parts.len() - 1].1 == at(end)
    }

    /// A tenth of a second for every minute of the last two hours.
    fn busy(from: i64, to: i64) -> i64 {
        (to - from.max(9_880 * MINUTE)).max(0) / 600
    }

    /// A minute for one moment.
    fn crowded(from: i64, to: i64) -> i64 {
        let moment = 9_000 * MINUTE + 7;
        if (from..to).contains(&moment) {
            MINUTE
        } else {
            0
        }
    }

    #[test]
    fn what_is_walked_within_its_time_is_one_part() {
        let mut walker = Walker::new(|_, _| 0);
        assert_eq!(walker.round(), [(at(0), at(10_000))]);
        assert_eq!(walker.round(), [(at(0), at(10_000))]);
    }

    #[test]
    fn what_takes_too_long_is_divided_until_each_part_is_walked() {
        let mut walker = Walker::new(busy);
        let parts = walker.round();
        assert!(is_whole(&parts, 10_000), "{parts:?}");
        let took = walker.now;
        assert!(took < Duration::from_mins(15), "{took:?}");
        // The parts stay, and grow where work goes on.
        walker.end += 15;
        let parts = walker.round();
        assert!(is_whole(&parts, 10_015), "{parts:?}");
        assert!(parts.len() < 40, "{parts:?}");
        let began = walker.now;
        walker.round();
        let took = walker.now - began;
        let walked = Duration::from_millis(13_500);
        assert!(took < ROUND + (LEAST_PAUSE + 2) * walked, "{took:?}");
    }

    #[test]
    fn what_takes_little_time_is_walked_within_minutes() {
        let mut walker = Walker::new(|from, to| busy(from, to) / 10);
        let first = walker.round();
        assert!(first.len() > 1, "{first:?}");
        let began = walker.now;
        walker.round();
        let took = walker.now - began;
        assert!(took < 2 * ROUND, "{took:?}");
    }

    #[test]
    fn parts_become_one_again_when_the_snapshot_has_ended() {
        let mut walker = Walker::new(busy);
        walker.round();
        walker.walk_us = |_, _| 0;
        walker.round();
        assert_eq!(walker.round(), [(at(0), at(10_000))]);
    }

    #[test]
    fn what_cannot_be_divided_any_more_is_left_out() {
        let mut walker = Walker::new(crowded);
        let parts = walker.round();
        let gaps = parts.windows(2).map(|pair| pair[1].0.since(pair[0].1));
        let gaps: Vec<Duration> = gaps.filter(|gap| !gap.is_zero()).collect();
        assert_eq!(gaps, [Duration::from_micros(1)]);
        assert_eq!(parts[parts.len() - 1].1, at(10_000));
    }
}
