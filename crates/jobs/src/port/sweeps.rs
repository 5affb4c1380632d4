//! How often an index is walked from further back than it need be, by what that takes.

use std::time::Duration;

use super::floor::Walk;

/// When something that may take long is done again.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    due: Duration,
}

/// How often something may be done.
pub(crate) struct Share {
    /// Not before this many times what it took the last time.
    pub(crate) pause: u32,
    /// But after this long, whatever it took.
    pub(crate) longest: Duration,
}

/// A sweep is not begun sooner after another.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

impl Pace {
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        now >= self.due
    }

    pub(crate) fn ran(&mut self, share: &Share, began: Duration, ended: Duration) {
        let pause = ended.saturating_sub(began).saturating_mul(share.pause);
        let longest = share.longest.max(SHORTEST_PAUSE);
        self.due = ended + pause.clamp(SHORTEST_PAUSE, longest);
    }

    #[cfg(test)]
    pub(crate) fn due(&self) -> Duration {
        self.due
    }
}

/// Walks from some seconds before a floor take a twentieth of the time at most.
const NEAR: Share = Share {
    pause: 20,
    longest: Duration::from_secs(30),
};
/// Where they are dear, a fiftieth.
const DEAR_NEAR: Share = Share { pause: 50, ..NEAR };
/// Those from the beginning, too.
const WHOLE: Share = Share {
    pause: 50,
    longest: Duration::from_mins(5),
};

/// A walk that takes longer is over much that is dead.
const DEAR: Duration = Duration::from_millis(100);

/// When walks begin shortly before a floor.
#[derive(Debug, Default)]
pub(crate) struct Near {
    pace: Pace,
    /// What the last one took.
    took: Duration,
}

impl Near {
    /// Where a walk begins now.
    pub(crate) fn walk(&self, now: Duration) -> Walk {
        if self.pace.is_due(now) {
            Walk::Near
        } else {
            Walk::On
        }
    }

    pub(crate) fn walked(&mut self, walk: Walk, began: Duration, ended: Duration) {
        if walk == Walk::Near {
            self.took = ended.saturating_sub(began);
            let share = if self.is_dear() { DEAR_NEAR } else { NEAR };
            self.pace.ran(&share, began, ended);
        }
    }

    /// The last one took so long that the next is not soon.
    pub(crate) fn is_dear(&self) -> bool {
        self.took > DEAR
    }
}

/// When walks begin at the beginning.
#[derive(Debug, Default)]
pub(crate) struct Whole(Pace);

impl Whole {
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.0.is_due(now)
    }

    pub(crate) fn walked(&mut self, began: Duration, ended: Duration) {
        self.0.ran(&WHOLE, began, ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dear_sweeps_are_rare_and_cheap_ones_frequent() {
        let (mut near, mut whole) = (Near::default(), Whole::default());
        let second = Duration::from_secs(1);
        assert_eq!(near.walk(Duration::ZERO), Walk::Near);
        near.walked(Walk::Near, second, second);
        assert_eq!(near.walk(second + Duration::from_millis(19)), Walk::On);
        assert_eq!(near.walk(second + Duration::from_millis(20)), Walk::Near);
        assert!(!near.is_dear());
        let (tenth, half) = (second / 10, second / 2);
        near.walked(Walk::Near, second, second + tenth);
        assert!(!near.is_dear());
        assert_eq!(near.walk(3 * second), Walk::On);
        assert_eq!(near.walk(3 * second + tenth), Walk::Near);
        near.walked(Walk::Near, second, second + half);
        near.walked(Walk::On, 3 * second, 3 * second);
        assert!(near.is_dear());
        assert_eq!(near.walk(26 * second), Walk::On);
        assert_eq!(near.walk(26 * second + half), Walk::Near);
        near.walked(Walk::Near, second, 100 * second);
        assert_eq!(near.walk(129 * second), Walk::On);
        assert_eq!(near.walk(130 * second), Walk::Near);
        assert!(whole.is_due(Duration::ZERO));
        whole.walked(second, 2 * second);
        assert!(!whole.is_due(51 * second));
        assert!(whole.is_due(52 * second));
        whole.walked(second, 100 * second);
        assert!(!whole.is_due(399 * second));
        assert!(whole.is_due(400 * second));
    }
}
