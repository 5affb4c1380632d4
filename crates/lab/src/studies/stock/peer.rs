//! The best that one statement can do, by hand: pgbench on the same server, with tables that check nothing.

use std::sync::Arc;

use stanchion_kernel::{Clock, Entropy};
use stanchion_store::{Backend, Store, StoreConfig};
use stanchion_testkit::Postgres;

use super::Bench;
use super::cells::{CLIENTS, Cell, Measured, Method, Spread};
use crate::database::Database;
use crate::peers::pgbench;

const TABLE: &str = include_str!("peer_table.sql");
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
    let script = script(cell.method);
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

fn script(method: Method) -> &'static str {
    match method {
        Method::Cte => CTE_SCRIPT,
        _ => UPDATE_SCRIPT,
    }
}

/// A script without the line that draws a number, for one parameter: the SKU.
fn statement(method: Method) -> String {
    let statement = script(method).split_once('\n').map_or("", |(_, rest)| rest);
    statement.replace("'LAB-' || :n::text", "$1")
}

/// The statement of a script through the same driver and pool as ours, one call at a time.
pub(super) async fn alone(bench: &Bench, method: Method) -> anyhow::Result<Measured> {
    let config = StoreConfig::new(bench.postgres.url());
    let store = Store::open(config, Clock::system(), Entropy::system()).await?;
    let Backend::Postgres(postgres) = store.backend() else {
        anyhow::bail!("the peer is on PostgreSQL");
    };
    let pool = postgres.pool().clone();
    let statement: Arc<str> = statement(method).into();
    let call = move |_| {
        let (pool, statement) = (pool.clone(), Arc::clone(&statement));
        async move {
            // One of two texts that are part of this program.
            let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind("LAB-1");
            query.execute(&pool).await.map(drop)
        }
    };
    bench.load(1, call).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_becomes_a_statement_of_one_parameter() {
        for method in [Method::Update, Method::Cte] {
            let statement = statement(method);
            assert_eq!(statement.matches("$1").count(), 1, "{statement}");
            assert!(
                !statement.contains(":n") && !statement.contains("RANDOM"),
                "{statement}"
            );
        }
    }
}
