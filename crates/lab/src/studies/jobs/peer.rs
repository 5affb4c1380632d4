//! The floor: the plainest queue there is, by hand. pgbench takes and deletes one row a transaction.

use anyhow::{Context as _, ensure};

use super::{Bench, Floor};
use crate::peers::pgbench;

const TABLE: &str = include_str!("peer_table.sql");
const LEFT: &str = include_str!("peer_left.sql");
const SCRIPT: &str = include_str!("peer.pgbench.sql");
const CLIENTS: [u32; 3] = [8, 32, 64];
/// More than it takes.
const ROWS_PER_SECOND: u32 = 100_000;

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    if !bench.wants("peer") {
        return Ok(());
    }
    let rows = ROWS_PER_SECOND * bench.seconds;
    let table = TABLE.replace("ROWS", &rows.to_string());
    bench.postgres.psql(&table).await;
    let mut floors = Vec::with_capacity(CLIENTS.len());
    for clients in CLIENTS {
        let options = ["--protocol", "prepared"];
        let rate = pgbench::script(&bench.postgres, SCRIPT, &options, clients, bench.seconds)?;
        floors.push(Floor {
            per_second: rate.per_second,
            clients,
        });
    }
    ensure!(
        bench.postgres.psql(LEFT).await.trim() == "t",
        "pgbench had nothing left to take"
    );
    let best = floors
        .iter()
        .copied()
        .max_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let best = best.context("pgbench ran")?;
    let rate = |floor: &Floor| format!("{:.0}/s at {} clients", floor.per_second, floor.clients);
    let all: Vec<String> = floors.iter().map(rate).collect();
    bench.report.row(
        "PostgreSQL, pgbench takes and deletes one row a transaction",
        rate(&best),
        all.join(", "),
        "",
        None,
    );
    bench.floor = Some(best);
    Ok(())
}
