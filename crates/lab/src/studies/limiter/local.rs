//! What a check costs that needs no network, beside governor with a key.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use governor::{Quota, RateLimiter};
use serde::Serialize;
use stanchion_kernel::{Clock, Entropy, Ids, Timestamp};
use stanchion_limiter::port::{Backend, Leased, LeasedConfig, Memory, MemoryConfig};
use stanchion_limiter::{Ask, Limit, Rate};
use tokio::runtime::Handle;

use super::Bench;
use crate::load::number;

/// Checks of one sample, so that looking at the clock is no part of it worth speaking of.
const SAMPLE: usize = 1_000;
const SAMPLES: usize = 501;
/// Each is measured so often, in turns.
const ROUNDS: usize = 3;
const RUN: Duration = Duration::from_millis(500);
const KEYS: usize = 64;
/// So many tokens are asked for at first, that what is lent lasts.
pub(super) const FIRST: u64 = 10_000_000;

/// One of those that are compared.
#[derive(Serialize)]
struct Measured {
    name: &'static str,
    ns: f64,
    /// Checks per second, by [`Hands::ALL`].
    rates: [f64; 3],
}

/// Who asks about which keys.
#[derive(Clone, Copy)]
enum Hands {
    One,
    /// Two threads, of which each has clients of its own.
    Apart,
    /// Two threads that ask about the same clients in turns, and so hand each bucket to and fro between the cores.
    Together,
}

impl Hands {
    const ALL: [Self; 3] = [Self::One, Self::Apart, Self::Together];

    fn threads(self) -> usize {
        match self {
            Self::One => 1,
            Self::Apart | Self::Together => 2,
        }
    }

    /// The key of a thread's check.
    fn key(self, thread: usize, n: usize) -> usize {
        match self {
            Self::One => n,
            Self::Apart => 2 * n + thread,
            Self::Together => n + thread * KEYS / 2,
        }
    }
}

type Check<'a> = &'a (dyn Fn(usize) -> bool + Sync);

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    if !bench.wants("local") {
        return Ok(());
    }
    let clock = Clock::system();
    let limit = Limit::new("searches", Rate::per_second(1_000_000_000), 4_000_000_000)?;
    let keys: Vec<String> = (0..KEYS).map(|n| format!("203.0.113.{n}")).collect();
    let memory = full();
    let leased = leased(&clock)?;
    for key in &keys {
        // The first makes the demand known, the second borrows.
        for _ in 0..2 {
            leased.check(&[Ask::new(&limit, key, FIRST)?]).await?;
        }
    }
    let quota = NonZeroU32::new(1_000_000_000).context("a quota")?;
    let peer = RateLimiter::dashmap(Quota::per_second(quota));
    let ours = |backend: &dyn Backend, n: usize| {
        let asked = Ask::new(&limit, &keys[n % KEYS], 1).map(|ask| backend.check_now(&ask));
        matches!(asked, Ok(Some(Ok(decision))) if decision.allowed)
    };
    let all: [(&str, Check<'_>); 3] = [
        ("leased", &|n| ours(&leased, n)),
        ("memory", &|n| ours(&memory, n)),
        ("governor", &|n| peer.check_key(&keys[n % KEYS]).is_ok()),
    ];
    let measured = tokio::task::block_in_place(|| in_turns(&clock, &all));
    rows(bench, &measured);
    bench.report.data("local", &measured)
}

fn rows(bench: &mut Bench, [leased, memory, governor]: &[Measured; 3]) {
    let mut one = |of: &Measured, target: &str, met: Option<bool>| {
        bench.report.row(
            &format!("local check, {}, one thread", of.name),
            format!("{:.1} ns", of.ns),
            format!(
                "{:.2} × {:.1} ns of governor",
                of.ns / governor.ns,
                governor.ns
            ),
            target,
            met,
        );
    };
    let is_quick = leased.ns <= 2.0 * governor.ns && leased.ns <= 100.0;
    one(leased, "≤ 2 × and ≤ 100 ns", Some(is_quick));
    one(memory, "", None);
    for (hands, what) in [
        (1, "each with clients of its own"),
        (2, "both with the same clients"),
    ] {
        let gain = |of: &Measured| of.rates[hands] / of.rates[0];
        for of in [leased, memory] {
            let is_judged = of.name == leased.name && hands == 1;
            bench.report.row(
                &format!("local check, {}, two threads beside one, {what}", of.name),
                format!("{:.2} × {:.1} million/s", gain(of), of.rates[0] / 1e6),
                format!(
                    "governor {:.2} × {:.1} million/s",
                    gain(governor),
                    governor.rates[0] / 1e6
                ),
                if is_judged { "≥ 1.6 ×" } else { "" },
                is_judged.then(|| gain(of) >= 1.6),
            );
        }
    }
}

/// Buckets that are full: they began an hour ago by their own clock.
fn full() -> Memory {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let memory = Memory::new(MemoryConfig::default(), clock);
    hand.advance(Duration::from_hours(1));
    memory
}

pub(super) fn leased(clock: &Clock) -> anyhow::Result<Leased> {
    let mut config = LeasedConfig::default();
    config.terms.lifetime = Duration::from_secs(60);
    config.terms.horizon = Duration::from_secs(30);
    let ids = Ids::new(clock.clone(), Entropy::system());
    Ok(Leased::new(Arc::new(full()), config, clock.clone(), ids)?)
}

fn in_turns(clock: &Clock, all: &[(&'static str, Check<'_>); 3]) -> [Measured; 3] {
    let mut times = [const { Vec::new() }; 3];
    let mut rates = [const { [const { Vec::new() }; 3] }; 3];
    for _ in 0..ROUNDS {
        for (n, (_, check)) in all.iter().enumerate() {
            times[n].push(median(clock, check));
            for (at, hands) in Hands::ALL.into_iter().enumerate() {
                rates[n][at].push(throughput(clock, hands, check));
            }
        }
    }
    std::array::from_fn(|n| Measured {
        name: all[n].0,
        ns: middle(&mut times[n]),
        rates: rates[n].each_mut().map(|rates| middle(rates)),
    })
}

pub(super) fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Nanoseconds of a check. One that was not allowed at once counts as endless: it is not what is measured.
fn median(clock: &Clock, check: Check<'_>) -> f64 {
    let sample = || {
        let start = clock.monotonic();
        let allowed = (0..SAMPLE).all(|n| black_box(check(black_box(n))));
        let took = clock.monotonic() - start;
        if allowed {
            took.as_secs_f64() * 1e9 / number(SAMPLE as u64)
        } else {
            f64::INFINITY
        }
    };
    let mut times: Vec<f64> = (0..SAMPLES).map(|_| sample()).collect();
    middle(&mut times)
}

/// Checks per second that were allowed.
fn throughput(clock: &Clock, hands: Hands, check: Check<'_>) -> f64 {
    let (start, runtime) = (clock.monotonic(), Handle::current());
    let run = |thread: usize| {
        // What is lent is renewed on it.
        let _entered = runtime.enter();
        let mut done = 0;
        while clock.monotonic() - start < RUN {
            for n in 0..SAMPLE {
                done += u64::from(black_box(check(black_box(hands.key(thread, n)))));
            }
        }
        done
    };
    let total: u64 = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..hands.threads())
            .map(|thread| scope.spawn(move || run(thread)))
            .collect();
        let done = runs.into_iter().map(|run| run.join().unwrap_or_default());
        done.sum()
    });
    number(total) / RUN.as_secs_f64()
}
