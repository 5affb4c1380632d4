//! What a check costs that a lease answers, beside the limiter of crate governor with a key, in one run on one machine.
//!
//! `cargo run --release -p stanchion-limiter --example local_check`

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{Quota, RateLimiter};
use stanchion_kernel::{Clock, Entropy, Ids, Timestamp};
use stanchion_limiter::port::{Backend as _, Leased, LeasedConfig, Memory, MemoryConfig};
use stanchion_limiter::{Ask, Limit, Rate};
use tokio::runtime::Handle;

/// Checks of one sample, so that looking at the clock is no part of it worth speaking of.
const SAMPLE: u32 = 1_000;
const SAMPLES: usize = 501;
/// How long a throughput is measured.
const RUN: Duration = Duration::from_millis(500);
const KEYS: usize = 64;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = Clock::system();
    let limit = Limit::new("searches", Rate::per_second(1_000_000_000), 4_000_000_000)?;
    let leased = full(&clock)?;
    let keys: Vec<String> = (0..KEYS).map(|n| format!("203.0.113.{n}")).collect();
    for key in &keys {
        // The first makes the demand known, the second borrows.
        for _ in 0..2 {
            leased.check(&[Ask::new(&limit, key, 100_000)?]).await?;
        }
    }
    let quota = NonZeroU32::new(1_000_000_000).ok_or("a quota")?;
    let peer = Arc::new(RateLimiter::dashmap(Quota::per_second(quota)));

    let ours = |n: usize| {
        let asked = Ask::new(&limit, &keys[n % KEYS], 1).map(|ask| leased.check_now(&ask));
        matches!(asked, Ok(Some(Ok(decision))) if decision.allowed)
    };
    let theirs = |n: usize| peer.check_key(&keys[n % KEYS]).is_ok();
    println!("median of {SAMPLES} samples of {SAMPLE} checks of {KEYS} keys");
    for _ in 0..2 {
        print_median(&clock, "leased", &ours);
        print_median(&clock, "governor", &theirs);
    }
    println!(
        "boot clock alone {} ns",
        median(&clock, &|_| clock.boot() > Duration::ZERO).0
    );
    let runtime = Handle::current();
    let served = |n: usize| {
        // Whoever is quicker than the next lease waits for it.
        let wait = || {
            Ask::new(&limit, &keys[n % KEYS], 1).map(|ask| runtime.block_on(leased.check(&[ask])))
        };
        ours(n) || matches!(wait(), Ok(Ok(decisions)) if decisions[0].allowed)
    };
    for threads in [1, 2] {
        let rate = throughput(&clock, threads, &served);
        println!("leased, {threads} threads, {KEYS} keys: {rate} checks/s");
        let rate = throughput(&clock, threads, &|_| served(0));
        println!("leased, {threads} threads, one key: {rate} checks/s");
        let rate = throughput(&clock, threads, &theirs);
        println!("governor, {threads} threads, {KEYS} keys: {rate} checks/s");
    }
    Ok(())
}

/// Leases of a keeper whose buckets are full: it began an hour ago by its own clock.
fn full(clock: &Clock) -> Result<Leased, Box<dyn std::error::Error>> {
    let (keepers, hand) = Clock::manual(Timestamp::default());
    let keeper = Memory::new(MemoryConfig::default(), keepers);
    hand.advance(Duration::from_hours(1));
    let mut config = LeasedConfig::default();
    config.terms.lifetime = Duration::from_secs(60);
    config.terms.horizon = Duration::from_secs(30);
    let ids = Ids::new(clock.clone(), Entropy::system());
    Ok(Leased::new(Arc::new(keeper), config, clock.clone(), ids)?)
}

/// Nanoseconds of a check, and which part of the checks was allowed at once, in percent.
fn median(clock: &Clock, check: &dyn Fn(usize) -> bool) -> (u128, usize) {
    let mut times = Vec::with_capacity(SAMPLES);
    let mut allowed = 0;
    for _ in 0..SAMPLES {
        let start = clock.monotonic();
        for n in 0..SAMPLE as usize {
            allowed += usize::from(black_box(check(black_box(n))));
        }
        times.push((clock.monotonic() - start).as_nanos() / u128::from(SAMPLE));
    }
    times.sort_unstable();
    (
        times[SAMPLES / 2],
        100 * allowed / (SAMPLES * SAMPLE as usize),
    )
}

fn print_median(clock: &Clock, name: &str, check: &dyn Fn(usize) -> bool) {
    let (ns, allowed) = median(clock, check);
    println!("{name} {ns} ns, {allowed} % allowed at once");
}

fn throughput(clock: &Clock, threads: usize, check: &(dyn Fn(usize) -> bool + Sync)) -> u128 {
    let start = clock.monotonic();
    let runtime = Handle::current();
    let run = |first: usize| {
        // The next lease is asked for in a task.
        let _entered = runtime.enter();
        let mut done = 0;
        while clock.monotonic() - start < RUN {
            for n in 0..SAMPLE as usize {
                done += u128::from(black_box(check(black_box(first + n))));
            }
        }
        done
    };
    let total: u128 = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|thread| {
                let run = &run;
                scope.spawn(move || run(thread * KEYS / 2))
            })
            .collect();
        let done = runs.into_iter().map(|run| run.join().unwrap_or_default());
        done.sum()
    });
    total * 1_000 / RUN.as_millis()
}
