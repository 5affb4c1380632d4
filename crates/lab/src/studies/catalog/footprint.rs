//! How soon the server serves, and how much memory it takes at rest.

use std::time::Duration;

use anyhow::Context as _;
use stanchion_kernel::Clock;

use super::Bench;
use crate::server::{memory_mib, wait_until_up};

const START_TARGET_MS: f64 = 300.0;
const MEMORY_TARGET_MIB: f64 = 60.0;

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let url = format!("sqlite:{}", bench.path("demo.db").display());
    let clock = Clock::system();
    let first = start(bench, &clock, &url).await?;
    let again = start(bench, &clock, &url).await?;
    bench.report.row(
        "from the start of the binary to the first answer, existing database",
        format!("{:.0} ms", again.0),
        format!("a new demo catalogue: {:.0} ms", first.0),
        "≤ 300 ms",
        Some(again.0 <= START_TARGET_MS),
    );
    bench.report.row(
        "resident memory at rest with the demo",
        format!("{:.1} MiB", again.1),
        String::new(),
        "< 60 MB",
        Some(again.1 < MEMORY_TARGET_MIB),
    );
    Ok(())
}

/// Milliseconds to the first answer, MiB some seconds later.
async fn start(bench: &Bench, clock: &Clock, url: &str) -> anyhow::Result<(f64, f64)> {
    let listen = format!("127.0.0.1:{}", stanchion_testkit::free_port());
    let started = clock.monotonic();
    let running = bench
        .binary
        .command(url, &["serve", "--demo", "--listen", &listen])
        .start();
    wait_until_up(&listen).await?;
    let ms = (clock.monotonic() - started).as_secs_f64() * 1e3;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (resident, _) = memory_mib(running.pid()).context("the server ended")?;
    running.terminate();
    running.wait(Duration::from_secs(20)).await;
    Ok((ms, resident))
}
