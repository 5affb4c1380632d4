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
    clocks: Vec<ManualClock>,
    shown: Duration,
}

impl Time {
    /// Begins now, on a runtime whose time is paused.
    #[expect(clippy::disallowed_methods, reason = "the seat of simulated time")]
    pub(crate) fn begin() -> Self {
        let (database, hand) = Clock::manual(START);
        let hands = Hands {
            clocks: vec![hand],
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
        let start = self.now().as_micros() + ahead_us;
        let (clock, hand) = Clock::manual(Timestamp::from_micros(start));
        self.hands().clocks.push(hand);
        clock
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
            hands.clocks.iter().for_each(|clock| clock.advance(behind));
        }
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
