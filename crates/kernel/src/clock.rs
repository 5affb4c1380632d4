use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Timestamp;

/// Wall, monotonic and boot time, either the machine's or one that a test moves by hand.
///
/// Cheap to clone; all clones of a manual clock show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { origin: Instant },
    Manual(Arc<Hand>),
}

#[derive(Debug)]
struct Hand {
    wall_us: AtomicI64,
    monotonic_us: AtomicU64,
    suspended_us: AtomicU64,
}

/// The hand of a manual [`Clock`]: moves it forward, or steps its wall time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Hand>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the seat of time")]
    pub fn system() -> Self {
        Self(Source::System {
            origin: Instant::now(),
        })
    }

    /// A clock that stands at `start` until its hand moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let hand = Arc::new(Hand {
            wall_us: AtomicI64::new(start.as_micros()),
            monotonic_us: AtomicU64::new(0),
            suspended_us: AtomicU64::new(0),
        });
        (Self(Source::Manual(Arc::clone(&hand))), ManualClock(hand))
    }

    /// The wall time, UTC. It may step back; never measure a duration with it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the seat of time")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => {
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
            }
            Source::Manual(hand) => Timestamp::from_micros(hand.wall_us.load(Ordering::SeqCst)),
        }
    }

    /// The time since some fixed moment before now. It never goes back; only differences mean anything.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System { origin } => origin.elapsed(),
            Source::Manual(hand) => Duration::from_micros(hand.monotonic_us.load(Ordering::SeqCst)),
        }
    }

    /// Like [`Clock::monotonic`], and it goes on while the machine is suspended: for what must be over when it wakes.
    /// Its differences are not those of the monotonic clock. Where the system has no such clock it is the monotonic one.
    #[must_use]
    pub fn boot(&self) -> Duration {
        match &self.0 {
            Source::System { origin } => since_boot(*origin),
            Source::Manual(hand) => {
                let awake = Duration::from_micros(hand.monotonic_us.load(Ordering::SeqCst));
                awake + Duration::from_micros(hand.suspended_us.load(Ordering::SeqCst))
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn since_boot(_origin: Instant) -> Duration {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(
        u64::try_from(at.tv_sec).unwrap_or_default(),
        u32::try_from(at.tv_nsec).unwrap_or_default(),
    )
}

#[cfg(not(target_os = "linux"))]
fn since_boot(origin: Instant) -> Duration {
    origin.elapsed()
}

impl ManualClock {
    /// Moves wall, monotonic and boot time forward together.
    pub fn advance(&self, by: Duration) {
        let us = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.0.monotonic_us.fetch_add(us, Ordering::SeqCst);
        self.0
            .wall_us
            .fetch_add(i64::try_from(us).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Lets time pass as on a machine that is suspended: wall and boot time go on, monotonic time stands still.
    pub fn suspend(&self, by: Duration) {
        let us = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.0.suspended_us.fetch_add(us, Ordering::SeqCst);
        self.0
            .wall_us
            .fetch_add(i64::try_from(us).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Steps the wall time alone, as an administrator or NTP does; it may go back.
    pub fn step_wall(&self, to: Timestamp) {
        self.0.wall_us.store(to.as_micros(), Ordering::SeqCst);
    }
}
