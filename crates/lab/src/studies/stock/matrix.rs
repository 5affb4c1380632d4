//! Every strategy in every cell.

use std::fmt::Write as _;

use stanchion_stock::Strategy;

use super::Bench;
use super::cells::{CLIENTS, Cell, Method, Spread};
use super::ledger::{Ledger, fixed, immediate};
use crate::database::Database;
use crate::spreading::median;

const PROMISED: f64 = 0.9;
/// How often a cell that breaks the promise at first is measured again.
const ROUNDS: usize = 3;

/// The cells of one ledger, strategies beside each other, so that they meet the same machine.
fn cells(database: Database, spread: Spread) -> impl Iterator<Item = Cell> {
    CLIENTS.into_iter().flat_map(move |clients| {
        let ours = Strategy::ALL.map(Method::Ours).into_iter();
        let is_immediate = spread == Spread::Hot && database == Database::Postgresql;
        let methods = ours.chain(is_immediate.then_some(Method::Immediate));
        methods.map(move |method| Cell {
            database,
            spread,
            clients,
            method,
        })
    })
}

fn places() -> impl Iterator<Item = (Database, Spread)> {
    let databases = Database::ALL.into_iter();
    databases.flat_map(|database| Spread::ALL.map(|spread| (database, spread)))
}

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    for (database, spread) in places() {
        let wanted = cells(database, spread).filter(|cell| bench.wants(&cell.to_string()));
        let wanted: Vec<Cell> = wanted.collect();
        if wanted.is_empty() {
            continue;
        }
        let ledger = Ledger::fill(bench, database, spread).await?;
        for cell in wanted {
            let config = match cell.method {
                Method::Ours(strategy) => fixed(strategy),
                _ => immediate(),
            };
            let measured = ledger.load(bench, cell.clients, config).await?;
            bench.cells.add(cell, measured);
        }
    }
    Ok(())
}

/// The adaptive strategy beside the best fixed one, in every cell.
pub(super) async fn judge_adaptive(bench: &mut Bench) -> anyhow::Result<()> {
    let mut worst: Option<(f64, String)> = None;
    let (mut count, mut table) = (0, HEAD.to_owned());
    for (database, spread) in places() {
        for clients in CLIENTS {
            let method = Method::Ours(Strategy::Adaptive);
            let cell = Cell {
                database,
                spread,
                clients,
                method,
            };
            let Some((best, ratio, rounds)) = ratio(bench, cell).await? else {
                continue;
            };
            count += 1;
            let (database, spread) = (database.title(), spread.title());
            let place = format!("{database}, {spread}, {clients} clients");
            let _ = writeln!(table, "| {place} | {ratio:.2} × {best} | {rounds} |");
            if worst.as_ref().is_none_or(|(least, _)| ratio < *least) {
                worst = Some((ratio, format!("{place}, beside {best}")));
            }
        }
    }
    if let Some((ratio, place)) = worst {
        bench.report.row(
            &format!("adaptive beside the best fixed strategy, the worst of {count} cells"),
            format!("{ratio:.2} ×"),
            place,
            "≥ 0.9 × in every cell",
            Some(ratio >= PROMISED),
        );
        bench.report.section("Adaptive beside the best", &table);
    }
    Ok(())
}

const HEAD: &str = "\
Where the table of all cells says less than 0.9, both are measured again in turns, and the medians of these rounds count:
the round that chose the best of four is kind to it.

| cell | adaptive | rounds again |
|---|---|---|
";

/// Which fixed strategy is best in the place of a cell, how the cell compares to it, and in how many rounds more.
async fn ratio(bench: &Bench, cell: Cell) -> anyhow::Result<Option<(Strategy, f64, usize)>> {
    let ours = bench.cells.get(cell).map(|found| found.per_second);
    let best = bench.cells.ranking(cell).into_iter().next();
    let (Some(ours), Some((best, theirs))) = (ours, best) else {
        return Ok(None);
    };
    if ours >= PROMISED * theirs {
        return Ok(Some((best, ours / theirs, 0)));
    }
    let ledger = Ledger::fill(bench, cell.database, cell.spread).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (strategy, rates) in [(best, &mut theirs), (Strategy::Adaptive, &mut ours)] {
            let measured = ledger.load(bench, cell.clients, fixed(strategy)).await?;
            rates.push(measured.per_second);
        }
    }
    Ok(Some((best, median(&ours) / median(&theirs), ROUNDS)))
}
