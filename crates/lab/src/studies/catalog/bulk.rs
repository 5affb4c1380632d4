//! Import and export: how fast, and whether memory stays the same whatever the size.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use stanchion_kernel::Clock;

use super::{Bench, Database};
use crate::server::memory_mib;

const HOUR: Duration = Duration::from_secs(3_600);

pub(super) async fn measure(
    bench: &mut Bench,
    products: usize,
    lines: usize,
) -> anyhow::Result<()> {
    let (small, large) = (bench.path("small.ndjson"), bench.path("large.ndjson"));
    generate(&small, products)?;
    generate(&large, lines)?;
    let targets = [20_000.0, 10_000.0];
    for (database, target) in bench.databases().iter().zip(targets) {
        let (rate, memory) = import(bench, database, &small, products).await?;
        bench.report.row(
            &format!("import into {}", database.name),
            format!("{rate:.0} products/s"),
            format!("{products} products, {memory:.0} MiB at most"),
            &format!("≥ {target:.0}/s"),
            Some(rate >= target),
        );
    }
    let elsewhere = Database {
        name: "SQLite",
        url: format!("sqlite:{}", bench.path("large.db").display()),
    };
    let (rate, memory) = import(bench, &elsewhere, &large, lines).await?;
    let (out_rate, out_memory) = export(bench, &elsewhere, lines).await?;
    bench.report.row(
        &format!(
            "memory of an import of {lines} lines into {}",
            elsewhere.name
        ),
        format!("{memory:.0} MiB at most"),
        format!("{rate:.0} products/s"),
        "as with fewer lines",
        None,
    );
    bench.report.row(
        &format!(
            "memory of an export of {lines} lines from {}",
            elsewhere.name
        ),
        format!("{out_memory:.0} MiB at most"),
        format!("{out_rate:.0} products/s"),
        "as with fewer lines",
        None,
    );
    Ok(())
}

fn generate(path: &Path, count: usize) -> anyhow::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for product in stanchion::demo::products(stanchion::demo::SEED, count) {
        serde_json::to_writer(&mut out, &product)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

async fn import(
    bench: &Bench,
    database: &Database,
    file: &Path,
    lines: usize,
) -> anyhow::Result<(f64, f64)> {
    let path = file.to_string_lossy();
    command(bench, database, &["import", &path], lines).await
}

async fn export(bench: &Bench, database: &Database, lines: usize) -> anyhow::Result<(f64, f64)> {
    command(bench, database, &["export"], lines).await
}

/// Lines per second, and the most memory in MiB, of a command that runs to its end.
async fn command(
    bench: &Bench,
    database: &Database,
    arguments: &[&str],
    lines: usize,
) -> anyhow::Result<(f64, f64)> {
    let clock = Clock::system();
    let started = clock.monotonic();
    let running = bench.binary.command(&database.url, arguments).start();
    let mut most: f64 = 0.0;
    let watch = async {
        loop {
            if let Some((_, peak)) = memory_mib(running.pid()) {
                most = most.max(peak);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let status = tokio::select! {
        status = running.wait(HOUR) => status,
        () = watch => unreachable!("the watch does not end"),
    };
    ensure!(status.success(), "{arguments:?}: {}", running.stderr());
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of lines, far below 2^52"
    )]
    let rate = lines as f64 / (clock.monotonic() - started).as_secs_f64();
    Ok((rate, most))
}
