//! Which places of a fleet have a worker, and which are to get or lose one. Pure.

use std::cmp::Reverse;
use std::time::Duration;

use stanchion_kernel::{Backoff, Jitter};

use super::Restarts;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Start a worker in this place.
    Start(u32),
    /// Tell the worker in this place to stop.
    Drain(u32),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Member {
    #[default]
    Nobody,
    Running {
        since: Duration,
    },
    Draining,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    member: Member,
    /// How many workers in a row died here before they were well.
    deaths: u32,
    /// Nobody starts here before.
    rests_until: Duration,
}

/// The places of a fleet, as many as there may be processes.
#[derive(Clone, Debug)]
pub(super) struct Roster {
    places: Vec<Place>,
    restarts: Restarts,
}

impl Roster {
    pub(super) fn new(places: u32, restarts: Restarts) -> Self {
        Self {
            places: vec![Place::default(); places as usize],
            restarts,
        }
    }

    /// How many workers run, and how many were told to stop and have not ended.
    pub(super) fn counts(&self) -> (u32, u32) {
        let count = |is_it: fn(&Member) -> bool| {
            let members = self.places.iter().filter(|place| is_it(&place.member));
            u32::try_from(members.count()).unwrap_or(u32::MAX)
        };
        (
            count(|member| matches!(member, Member::Running { .. })),
            count(|member| *member == Member::Draining),
        )
    }

    /// How many running workers are too many.
    pub(super) fn surplus(&self, wanted: u32) -> u32 {
        self.counts().0.saturating_sub(wanted)
    }

    /// Tells those who have the least to do to stop, and the youngest of those that have as little as each other. `busy` says how
    /// many jobs the worker of a place holds.
    pub(super) fn shrink(&mut self, wanted: u32, busy: impl Fn(u32) -> u64) -> Vec<Order> {
        let mut running: Vec<(u64, Reverse<Duration>, u32)> = Vec::new();
        for (at, place) in numbered(&self.places) {
            if let Member::Running { since } = place.member {
                running.push((busy(at), Reverse(since), at));
            }
        }
        running.sort_unstable();
        let surplus = self.surplus(wanted) as usize;
        let drained: Vec<u32> = running.iter().take(surplus).map(|(_, _, at)| *at).collect();
        for at in &drained {
            self.places[*at as usize].member = Member::Draining;
        }
        drained.into_iter().map(Order::Drain).collect()
    }

    /// Starts what is missing, in the first places where nobody is. One whose worker has died counts as taken while it
    /// rests: nobody starts elsewhere in its stead.
    pub(super) fn grow(&mut self, wanted: u32, now: Duration) -> Vec<Order> {
        let missing = wanted.saturating_sub(self.counts().0) as usize;
        let mut started = Vec::new();
        let empty = (0..).zip(&mut self.places);
        let empty = empty.filter(|(_, place)| place.member == Member::Nobody);
        for (at, place) in empty.take(missing) {
            if place.rests_until <= now {
                place.member = Member::Running { since: now };
                started.push(Order::Start(at));
            }
        }
        started
    }

    /// When the next place has rested, if one rests.
    pub(super) fn rested_at(&self, now: Duration) -> Option<Duration> {
        let resting = self
            .places
            .iter()
            .filter(|place| place.member == Member::Nobody && place.rests_until > now);
        resting.map(|place| place.rests_until).min()
    }

    /// The worker of a place has ended. Answers for how long nobody starts there when nobody had told it to.
    pub(super) fn ended(&mut self, at: u32, now: Duration) -> Option<Duration> {
        let place = self.places.get_mut(at as usize)?;
        let member = std::mem::take(&mut place.member);
        let Member::Running { since } = member else {
            place.deaths = 0;
            return None;
        };
        if now.saturating_sub(since) >= self.restarts.well_after {
            place.deaths = 0;
        }
        let pauses = Backoff {
            base: self.restarts.first_pause,
            cap: self.restarts.longest_pause,
            jitter: Jitter::None,
        };
        let pause = pauses.pause(place.deaths, 0);
        place.deaths = place.deaths.saturating_add(1);
        place.rests_until = now + pause;
        Some(pause)
    }
}

fn numbered(places: &[Place]) -> impl Iterator<Item = (u32, &Place)> {
    (0..).zip(places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn restarts() -> Restarts {
        Restarts {
            first_pause: SECOND,
            longest_pause: 8 * SECOND,
            well_after: 60 * SECOND,
        }
    }

    fn roster(places: u32) -> Roster {
        Roster::new(places, restarts())
    }

    #[test]
    fn what_is_missing_starts_in_the_first_empty_places() {
        let mut roster = roster(4);
        let started = roster.grow(2, SECOND);
        assert_eq!(started, [Order::Start(0), Order::Start(1)]);
        assert_eq!(roster.grow(2, SECOND), []);
        assert_eq!(
            roster.grow(9, SECOND),
            [Order::Start(2), Order::Start(3)],
            "no more than there are places"
        );
        assert_eq!(roster.counts(), (4, 0));
    }

    #[test]
    fn the_least_busy_are_drained_and_of_equals_the_youngest() {
        let mut roster = roster(4);
        roster.grow(2, SECOND);
        roster.grow(4, 2 * SECOND);
        let busy = |at: u32| u64::from(at == 3);
        let drained = roster.shrink(2, busy);
        assert_eq!(drained, [Order::Drain(2), Order::Drain(0)]);
        assert_eq!(roster.counts(), (2, 2));
        assert_eq!(roster.shrink(2, busy), []);
    }

    #[test]
    fn who_drains_keeps_its_place_until_it_has_ended() {
        let mut roster = roster(2);
        roster.grow(2, SECOND);
        roster.shrink(1, |_| 0);
        assert_eq!(roster.grow(2, SECOND), []);
        assert_eq!(roster.ended(0, SECOND), None);
        assert_eq!(roster.grow(2, SECOND), [Order::Start(0)]);
    }

    #[test]
    fn who_dies_again_and_again_is_restarted_ever_more_rarely() {
        let mut roster = roster(2);
        let mut now = SECOND;
        let mut pauses = Vec::new();
        for _ in 0..6 {
            assert_eq!(roster.grow(1, now), [Order::Start(0)]);
            let pause = roster.ended(0, now).unwrap();
            pauses.push(pause.as_secs());
            // Nobody starts in its stead, and it rests to the end.
            assert_eq!(roster.grow(1, now + pause / 2), []);
            assert_eq!(roster.rested_at(now), Some(now + pause));
            now += pause;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 8, 8]);
        // After a life that went well the next death is a new trouble.
        roster.grow(1, now);
        assert_eq!(roster.ended(0, now + 60 * SECOND), Some(SECOND));
    }

    proptest! {
        #[test]
        fn there_are_never_more_processes_than_places_and_in_the_end_as_many_as_wanted(
            steps in proptest::collection::vec((0..8_u32, 0..6_u32, 0..3_u32), 1..200),
        ) {
            let mut roster = roster(6);
            let mut alive = [false; 6];
            let mut now = Duration::ZERO;
            for (wanted, place, what) in steps {
                now += SECOND / 3;
                match what {
                    // It ends, whether it was told to or not.
                    0 if alive[place as usize] => {
                        alive[place as usize] = false;
                        roster.ended(place, now);
                    }
                    _ => {
                        for order in roster.shrink(wanted, |at| u64::from(at % 3)) {
                            let Order::Drain(at) = order else { panic!("{order:?}") };
                            prop_assert!(alive[at as usize]);
                        }
                        for order in roster.grow(wanted, now) {
                            let Order::Start(at) = order else { panic!("{order:?}") };
                            prop_assert!(!std::mem::replace(&mut alive[at as usize], true));
                        }
                        prop_assert!(roster.counts().0 <= wanted);
                    }
                }
                let (running, draining) = roster.counts();
                let living = alive.iter().filter(|alive| **alive).count();
                prop_assert_eq!((running + draining) as usize, living);
            }
            now += 60 * SECOND;
            for (place, alive) in (0..).zip(alive) {
                if alive {
                    roster.ended(place, now);
                }
            }
            roster.grow(3, now + 60 * SECOND);
            prop_assert_eq!(roster.counts(), (3, 0));
        }
    }
}
