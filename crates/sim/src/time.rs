//! One time for all: tokio's paused one, which jumps to whatever is due next, and clocks that are kept in step with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stanchion_kernel::{Clock, ManualClock, Timestamp};
use tokio::time::Instant;

/// 2026-01-01, when every simulation begins.
const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// The time of a simulation.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    began: Instant,
    database: Clock,
    hands: Arc<Mutex<Hands>>,
}

#[derive(Debug)]
struct Hands {
    clocks: Vec<Hand>,
    shown: Duration,
}

/// What moves a clock, at its own speed.
#[derive(Debug)]
struct Hand {
    clock: ManualClock,
    /// Millionths of a microsecond in each microsecond.
    speed: u64,
    /// What has passed on it, in millionths of a microsecond.
    passed: u64,
}

/// A clock of a simulation that can be tampered with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandId(usize);

/// The speed of a clock that is right.
pub(crate) const TRUE_SPEED: u64 = 1_000_000;

impl Hand {
    fn new(clock: ManualClock, speed: u64) -> Self {
        Self {
            clock,
            speed,
            passed: 0,
        }
    }

    fn move_on(&mut self, by: Duration) {
        let before = self.passed / TRUE_SPEED;
        let by_us = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.passed += by_us * self.speed;
        let more = self.passed / TRUE_SPEED - before;
        self.clock.advance(Duration::from_micros(more));
    }
}

impl Time {
    /// Begins now, on a runtime whose time is paused.
    #[expect(clippy::disallowed_methods, reason = "the seat of simulated time")]
    pub(crate) fn begin() -> Self {
        let (database, hand) = Clock::manual(START);
        let hands = Hands {
            clocks: vec![Hand::new(hand, TRUE_SPEED)],
            shown: Duration::ZERO,
        };
        Self {
            began: Instant::now(),
            database,
            hands: Arc::new(Mutex::new(hands)),
        }
    }

    /// Another clock, which is ahead or behind by so many microseconds.
    pub(crate) fn clock(&self, ahead_us: i64) -> Clock {
        self.clock_at(ahead_us, TRUE_SPEED).0
    }

    /// Another clock, which is ahead or behind besides, and goes too fast or too slowly.
    pub(crate) fn clock_at(&self, ahead_us: i64, speed: u64) -> (Clock, HandId) {
        let start = self.now().as_micros() + ahead_us;
        let (clock, hand) = Clock::manual(Timestamp::from_micros(start));
        let mut hands = self.hands();
        hands.clocks.push(Hand::new(hand, speed));
        (clock, HandId(hands.clocks.len() - 1))
    }

    /// Steps the wall time of a clock.
    pub(crate) fn step(&self, clock: &Clock, hand: HandId, by_us: i64) {
        self.catch_up();
        let to = Timestamp::from_micros(clock.now().as_micros() + by_us);
        self.hands().clocks[hand.0].clock.step_wall(to);
    }

    /// What has passed since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The database's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.catch_up();
        self.database.now()
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, duration: Duration) {
        if !duration.is_zero() {
            tokio::time::sleep(duration).await;
        }
        self.catch_up();
    }

    /// Brings all clocks to the time that tokio has reached.
    pub(crate) fn catch_up(&self) {
        let elapsed = self.began.elapsed();
        let mut hands = self.hands();
        let behind = elapsed.saturating_sub(hands.shown);
        if !behind.is_zero() {
            hands.shown = elapsed;
            hands
                .clocks
                .iter_mut()
                .for_each(|hand| hand.move_on(behind));
        }
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
