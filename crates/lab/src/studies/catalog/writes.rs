//! Durable writes of one product each, beside durable inserts of one row by pgbench on the same server.

use anyhow::ensure;

use super::Bench;
use crate::peers::pgbench;
use crate::peers::wrk::{self, Plan};

const CLIENTS: u32 = 16;
const CREATE: &str = include_str!("create.lua");

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let peer = pgbench::inserts(&bench.postgres, CLIENTS, bench.seconds).await?;
    for database in bench.databases() {
        let key = bench
            .binary
            .create_key(&database.url, "catalog:write")
            .await?;
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
