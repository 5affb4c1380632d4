//! A closed loop: each client calls again as soon as it is answered.

use std::fmt::Display;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use stanchion_kernel::{Clock, Entropy};

/// How long a load lasts.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub warm_up: Duration,
    pub seconds: u32,
}

/// What came of a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    /// Calls that succeeded.
    pub calls: u64,
    /// Calls that did not.
    pub failures: u64,
    /// How long was counted, in seconds.
    pub took: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Loaded {
    /// Calls that succeeded, per second.
    pub(crate) fn per_second(&self) -> f64 {
        number(self.calls) / self.took
    }

    /// Calls that did not, per second.
    pub(crate) fn failures_per_second(&self) -> f64 {
        number(self.failures) / self.took
    }
}

impl Window {
    /// Connections, caches and the adaptive strategy have a moment to find themselves before anything counts.
    pub(crate) fn of(seconds: u32) -> Self {
        let warm_up = Duration::from_millis(500);
        Self { warm_up, seconds }
    }
}

const WARM: u8 = 0;
const COUNTED: u8 = 1;
const OVER: u8 = 2;
/// The longest call that is told apart, in microseconds.
const LONGEST_US: u64 = 60_000_000;

/// What the clients share.
struct Shared {
    phase: AtomicU8,
    tally: Mutex<Tally>,
    clock: Clock,
}

struct Tally {
    micros: Histogram<u64>,
    failures: u64,
    /// Why the first one failed.
    why: Option<String>,
}

/// Keeps `clients` calls under way. Each gets a random share from 0 to 1.
pub(crate) async fn run<F, R, E>(clients: usize, window: Window, call: F) -> anyhow::Result<Loaded>
where
    F: Fn(f64) -> R + Clone + Send + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send + 'static,
{
    let (loaded, _) = run_counting(clients, window, || 0.0, call).await?;
    Ok(loaded)
}

/// As [`run`], and how much a counter has grown in the counted phase.
pub(crate) async fn run_counting<F, R, E>(
    clients: usize,
    window: Window,
    count: impl Fn() -> f64,
    call: F,
) -> anyhow::Result<(Loaded, f64)>
where
    F: Fn(f64) -> R + Clone + Send + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send + 'static,
{
    let shared = Arc::new(Shared::new()?);
    let client = |seed: usize| tokio::spawn(client(Arc::clone(&shared), seed, call.clone()));
    let clients: Vec<_> = (0..clients).map(client).collect();
    tokio::time::sleep(window.warm_up).await;
    let (began, before) = (shared.enter(COUNTED), count());
    tokio::time::sleep(Duration::from_secs(window.seconds.into())).await;
    let took = (shared.enter(OVER) - began).as_secs_f64();
    let grown = count() - before;
    for client in clients {
        client.await?;
    }
    Ok((shared.loaded(took), grown))
}

async fn client<F, R, E>(shared: Arc<Shared>, seed: usize, call: F)
where
    F: Fn(f64) -> R,
    R: Future<Output = Result<(), E>>,
    E: Display,
{
    let random = Entropy::seeded(u64::try_from(seed).unwrap_or_default());
    while shared.phase.load(Ordering::Relaxed) != OVER {
        let share = f64::from(u32::from_le_bytes(random.bytes())) / f64::from(u32::MAX);
        let began = shared.clock.monotonic();
        let answer = call(share).await;
        shared.record(shared.clock.monotonic() - began, answer);
    }
}

impl Shared {
    fn new() -> anyhow::Result<Self> {
        let tally = Tally {
            micros: Histogram::new_with_bounds(1, LONGEST_US, 3)?,
            failures: 0,
            why: None,
        };
        Ok(Self {
            phase: AtomicU8::new(WARM),
            tally: Mutex::new(tally),
            clock: Clock::system(),
        })
    }

    /// The moment at which a phase begins.
    fn enter(&self, phase: u8) -> Duration {
        self.phase.store(phase, Ordering::Relaxed);
        self.clock.monotonic()
    }

    /// Counts a call that ends in the counted phase.
    fn record<E: Display>(&self, took: Duration, answer: Result<(), E>) {
        if self.phase.load(Ordering::Relaxed) != COUNTED {
            return;
        }
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(()) => {
                let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                tally.micros.saturating_record(micros);
            }
            Err(error) => {
                tally.failures += 1;
                tally.why.get_or_insert_with(|| error.to_string());
            }
        }
    }

    fn loaded(&self, took: f64) -> Loaded {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = &tally.why {
            eprintln!("{} calls failed, the first: {why}", tally.failures);
        }
        let ms = |quantile| number(tally.micros.value_at_quantile(quantile)) / 1e3;
        Loaded {
            calls: tally.micros.len(),
            failures: tally.failures,
            took,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and microseconds of seconds, far below 2^52"
)]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}
