//! The best that one statement can do, by hand: pgbench on the same server, with tables that check nothing.

use stanchion_kernel::{Clock, Entropy};
use stanchion_store::{Backend, Store, StoreConfig};
use stanchion_testkit::Postgres;

use super::Bench;
use super::cells::{CLIENTS, Cell, Database, Measured, Method, Spread};
use super::load;
use crate::peers::pgbench;

const TABLE: &str = include_str!("peer_table.sql");
const UPDATE: &str = include_str!("update.sql");
const UPDATE_SCRIPT: &str = include_str!("update.pgbench.sql");
const CTE_SCRIPT: &str = include_str!("cte.pgbench.sql");

pub(super) async fn prepare(server: &Postgres) {
    server.psql(TABLE).await;
}

pub(super) fn measure(bench: &mut Bench, spread: Spread) -> anyhow::Result<()> {
    for clients in CLIENTS {
        for method in [Method::Update, Method::Cte] {
            let cell = Cell {
                database: Database::Postgresql,
                spread,
                clients,
                method,
            };
            if bench.wants(&cell.to_string()) {
                let measured = run(bench, cell)?;
                bench.cells.add(cell, measured);
            }
        }
    }
    Ok(())
}

/// One run of pgbench.
pub(super) fn run(bench: &Bench, cell: Cell) -> anyhow::Result<Measured> {
    let script = match cell.method {
        Method::Cte => CTE_SCRIPT,
        _ => UPDATE_SCRIPT,
    };
    let random = match cell.spread {
        Spread::Hot => "1",
        Spread::Zipf => "random_zipfian(1, 100, 1.01)",
        Spread::Uniform => "random(1, 10000)",
    };
    let rate = pgbench::script(
        &bench.postgres,
        &script.replace("RANDOM", random),
        &["--protocol", "prepared"],
        u32::try_from(cell.clients)?,
        bench.window.seconds,
    )?;
    Ok(Measured {
        per_second: rate.per_second,
        p50_ms: rate.latency_ms,
        ..Measured::default()
    })
}

/// The plain statement through the same driver and pool as ours, one call at a time.
pub(super) async fn plain(bench: &Bench) -> anyhow::Result<Measured> {
    let config = StoreConfig::new(bench.postgres.url());
    let store = Store::open(config, Clock::system(), Entropy::system()).await?;
    let Backend::Postgres(postgres) = store.backend() else {
        anyhow::bail!("the peer is on PostgreSQL");
    };
    let pool = postgres.pool().clone();
    let call = move |_| {
        let pool = pool.clone();
        async move {
            let update = sqlx::query(UPDATE).bind("LAB-1");
            update.execute(&pool).await.map(drop)
        }
    };
    load::run(&bench.meter, 1, bench.window, call).await
}
