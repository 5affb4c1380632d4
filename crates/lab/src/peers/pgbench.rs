use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use stanchion_testkit::Postgres;

const WRITE: &str = include_str!("write.pgbench.sql");
const TABLE: &str = include_str!("write_table.sql");
/// 100,000 rows a unit, as many as the study has products.
const SCALE: &str = "1";

/// Transactions per second of `pgbench --select-only` at this many clients.
pub(crate) async fn select_only(
    server: &Postgres,
    clients: u32,
    seconds: u32,
) -> anyhow::Result<f64> {
    Ok(run(server, &["--select-only"], clients, seconds)?.per_second)
}

/// Durable inserts per second of one row of a product's size, one transaction each.
pub(crate) async fn inserts(server: &Postgres, clients: u32, seconds: u32) -> anyhow::Result<f64> {
    server.psql(TABLE).await;
    Ok(script(server, WRITE, &[], clients, seconds)?.per_second)
}

/// What pgbench measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub per_second: f64,
    /// The mean.
    pub latency_ms: f64,
}

/// Transactions of a script, with more options of pgbench's.
pub(crate) fn script(
    server: &Postgres,
    sql: &str,
    more: &[&str],
    clients: u32,
    seconds: u32,
) -> anyhow::Result<Rate> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("script.sql");
    std::fs::write(&script, sql)?;
    let script = script.to_string_lossy();
    let what = [&["--no-vacuum", "--file", &script], more].concat();
    run(server, &what, clients, seconds)
}

/// Makes pgbench's own tables.
pub(crate) fn initialise(server: &Postgres) -> anyhow::Result<()> {
    let made = pgbench(server)?
        .args(["--initialize", "--quiet", "--scale", SCALE, "postgres"])
        .output()?;
    ensure!(
        made.status.success(),
        "pgbench: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    Ok(())
}

fn run(server: &Postgres, what: &[&str], clients: u32, seconds: u32) -> anyhow::Result<Rate> {
    let output = pgbench(server)?
        .args(what)
        .args([
            "--client",
            &clients.to_string(),
            "--jobs",
            "2",
            "--time",
            &seconds.to_string(),
        ])
        .arg("postgres")
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).with_context(|| format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)))
}

fn parse(text: &str) -> Option<Rate> {
    let number = |start: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(start))?;
        rest.split(' ').next()?.parse().ok()
    };
    Some(Rate {
        per_second: number("tps = ")?,
        latency_ms: number("latency average = ")?,
    })
}

fn pgbench(server: &Postgres) -> anyhow::Result<Command> {
    let mut command = Command::new(program()?);
    command.args([
        "--host",
        "127.0.0.1",
        "--username",
        "postgres",
        "--port",
        &server.port().to_string(),
    ]);
    Ok(command)
}

/// Debian keeps it beside the server, out of the path.
fn program() -> anyhow::Result<PathBuf> {
    let debian = Path::new("/usr/lib/postgresql");
    let versions = std::fs::read_dir(debian).into_iter().flatten().flatten();
    let beside = versions
        .map(|version| version.path().join("bin/pgbench"))
        .find(|path| path.exists());
    let in_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|folder| folder.join("pgbench"))
            .find(|path| path.exists())
    });
    beside
        .or(in_path)
        .context("pgbench is missing: apt-get install -y --no-install-recommends postgresql")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_and_the_mean_latency_are_read() {
        let text = "latency average = 0.735 ms\ninitial connection time = 3.1 ms\ntps = 1360.25 (without it)\n";
        let rate = parse(text).unwrap();
        assert_eq!((rate.per_second, rate.latency_ms), (1360.25, 0.735));
        assert!(parse("pgbench: error").is_none());
    }
}
