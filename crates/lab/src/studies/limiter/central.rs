//! Checks by one Redis, beside redis-benchmark that runs the same script with the words of one check.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use stanchion_kernel::{Clock, Entropy};
use stanchion_limiter::port::{Backend as _, Place, Redis, RedisConfig};
use stanchion_limiter::{Ask, Limit, LimiterError, Rate};
use stanchion_testkit::{Redis as Server, RedisOptions};

use super::Bench;
use super::fleet::Fleet;
use super::plan::{Demand, KEY, Keeper, Plan, Treatment};
use super::ways::Way;
use crate::load::{self, number};
use crate::meter::{between, histogram};
use crate::peers::redis_benchmark::{self, Shape};

const OUTSTANDING: [usize; 2] = [64, 1_024];
/// Both are measured so often, in turns.
const ROUNDS: usize = 3;
/// More than anybody asks for.
const RATE: u64 = 1_000_000_000;
const BURST: u64 = 4_000_000_000;

/// What was measured with so many calls outstanding, the medians of the rounds.
#[derive(Serialize)]
struct Measured {
    outstanding: usize,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    redis_us_per_check: f64,
    peer_per_second: f64,
}

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    if !bench.wants("one-redis") {
        return Ok(());
    }
    let server = Server::start(RedisOptions::default()).await;
    let config = RedisConfig {
        quarantine: Some(Duration::ZERO),
        ..RedisConfig::new(Place::Single(server.url()))
    };
    let connections = config.connections;
    let redis = Redis::connect(config, Clock::system(), &Entropy::system()).await?;
    let check = Check::new(redis)?;
    // The script is known from here on.
    check.ask().await?;
    let words = redis_benchmark::overhear(server.port(), check.ask()).await?;
    let mut all = Vec::new();
    for outstanding in OUTSTANDING {
        let before = bench.meter.sizes();
        let shape = Shape {
            connections,
            pipelined: outstanding / connections,
        };
        let measured = rounds(bench, &server, &check, &words, (outstanding, shape)).await?;
        row(bench, &measured, shape);
        let sizes = between(&before, &bench.meter.sizes());
        bench.report.section(
            &format!("Batches of {outstanding} outstanding checks"),
            &histogram(&sizes, "checks"),
        );
        all.push(measured);
    }
    if let Some(first) = all.first() {
        at_half(bench, &server, first.peer_per_second).await?;
    }
    bench.report.data("central", &all)
}

/// A check of the one bucket.
#[derive(Clone)]
struct Check {
    redis: Arc<Redis>,
    limit: Arc<Limit>,
    calls: Arc<AtomicU64>,
}

impl Check {
    fn new(redis: Redis) -> anyhow::Result<Self> {
        let limit = Limit::new("lab", Rate::per_second(RATE), BURST)?;
        Ok(Self {
            redis: Arc::new(redis),
            limit: Arc::new(limit),
            calls: Arc::default(),
        })
    }

    async fn ask(&self) -> Result<(), LimiterError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let ask = Ask::new(&self.limit, KEY, 1)?;
        self.redis.check(&[ask]).await.map(drop)
    }
}

async fn rounds(
    bench: &Bench,
    server: &Server,
    check: &Check,
    words: &[String],
    (outstanding, shape): (usize, Shape),
) -> anyhow::Result<Measured> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (cpu, calls) = (cpu_us(server).await?, check.calls.load(Ordering::Relaxed));
        let asked = check.clone();
        let call = move |_| {
            let check = asked.clone();
            async move { check.ask().await }
        };
        let loaded = load::run(outstanding, bench.window, call).await?;
        let calls = check.calls.load(Ordering::Relaxed) - calls;
        let cpu = (cpu_us(server).await? - cpu) / number(calls.max(1));
        ours.push((loaded, cpu));
        let rate = redis_benchmark::run(server.port(), shape, words, bench.window.seconds)?;
        theirs.push(rate);
    }
    ours.sort_by(|(one, _), (other, _)| one.per_second().total_cmp(&other.per_second()));
    theirs.sort_by(f64::total_cmp);
    let (loaded, cpu) = ours[ROUNDS / 2];
    Ok(Measured {
        outstanding,
        per_second: loaded.per_second(),
        p50_ms: loaded.p50_ms,
        p99_ms: loaded.p99_ms,
        redis_us_per_check: cpu,
        peer_per_second: theirs[ROUNDS / 2],
    })
}

/// The processor time that a server has used, in microseconds.
async fn cpu_us(server: &Server) -> anyhow::Result<f64> {
    let info = server.command(&["INFO", "cpu"]).await;
    let field = |name: &str| -> anyhow::Result<f64> {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        Ok(line.context("Redis tells its time")?.trim().parse()?)
    };
    Ok((field("used_cpu_sys:")? + field("used_cpu_user:")?) * 1e6)
}

fn row(bench: &mut Bench, measured: &Measured, shape: Shape) {
    let ratio = measured.per_second / measured.peer_per_second;
    bench.report.row(
        &format!(
            "one Redis, {} outstanding, checks beside the same script for one check a command",
            measured.outstanding
        ),
        format!("{:.0}/s", measured.per_second),
        format!(
            "{ratio:.2} × {:.0}/s of redis-benchmark, {} connections, pipeline {}",
            measured.peer_per_second, shape.connections, shape.pipelined
        ),
        "≥ 0.8 ×",
        Some(ratio >= 0.8),
    );
    bench.report.row(
        "the same, latency and processor time of Redis",
        format!("{:.1} µs of Redis a check", measured.redis_us_per_check),
        format!(
            "p50 {:.2} ms, p99 {:.2} ms",
            measured.p50_ms, measured.p99_ms
        ),
        "",
        None,
    );
}

/// What a check takes when half of what redis-benchmark reaches is asked for.
async fn at_half(bench: &mut Bench, server: &Server, peer: f64) -> anyhow::Result<()> {
    // A rate of checks, positive and far below 2^52.
    let per_second = format!("{:.0}", peer / 2.0).parse()?;
    let plan = Plan {
        keeper: Keeper::Single(server.url()),
        prefix: "half".to_owned(),
        rate: RATE,
        burst: BURST,
        demand: Demand::Paced { per_second },
        lasts: Duration::from_secs(bench.window.seconds.into()),
        ..Plan::of(Way::Central, Treatment::Fenced)
    };
    let done = Fleet::start(vec![plan])?.done().await?;
    let p99_ms = done.micros(0.99) / 1e3;
    bench.report.row(
        "one Redis, half of the rate of redis-benchmark at 64, p99 of a check",
        format!("{p99_ms:.2} ms"),
        format!(
            "{per_second}/s asked; p50 {:.2} ms, {} failed",
            done.micros(0.5) / 1e3,
            done.counted.failed
        ),
        "≤ 1 ms",
        Some(p99_ms <= 1.0 && done.counted.failed == 0),
    );
    Ok(())
}
