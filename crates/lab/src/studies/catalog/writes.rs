//! Durable writes of one product each, beside durable inserts of one row by pgbench on the same server.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::{Bench, Database};
use crate::peers::pgbench;
use crate::peers::wrk::{self, Plan};

const CLIENTS: u32 = 16;
const CREATE: &str = include_str!("create.lua");
const MINUTE: Duration = Duration::from_secs(60);

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let peer = pgbench::inserts(&bench.postgres, CLIENTS, bench.seconds).await?;
    for database in bench.databases() {
        let key = key(bench, &database).await?;
        let server = bench.binary.serve(&database.url, &[]).await?;
        let script = bench.path("create.lua");
        std::fs::write(&script, CREATE.replace("KEY", &key))?;
        let plan = Plan {
            url: &server.base,
            connections: CLIENTS,
            seconds: bench.seconds,
            script: Some(&script),
        };
        let load = wrk::run(&plan)?;
        ensure!(load.errors == 0, "{} writes failed", load.errors);
        bench.report.row(
            &format!("POST of a product, {}, {CLIENTS} clients", database.name),
            format!(
                "{:.0}/s durable, p99 {:.1} ms",
                load.requests_per_second, load.p99_ms
            ),
            format!("pgbench inserts {peer:.0} rows/s at {CLIENTS} clients"),
            "",
            None,
        );
    }
    Ok(())
}

async fn key(bench: &Bench, database: &Database) -> anyhow::Result<String> {
    let arguments = [
        "key",
        "create",
        "--name",
        "lab",
        "--scopes",
        "catalog:write",
        "--json",
    ];
    let running = bench.binary.command(&database.url, &arguments).start();
    let status = running.wait(MINUTE).await;
    ensure!(status.success(), "{}", running.stderr());
    let answer: serde_json::Value = serde_json::from_str(&running.stdout())?;
    Ok(answer["key"].as_str().context("a key")?.to_owned())
}
