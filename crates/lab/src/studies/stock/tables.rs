//! All cells, as Markdown.

use std::fmt::Write as _;

use stanchion_stock::Strategy;

use super::cells::{CLIENTS, Cell, Cells, Measured, Method, Spread};
use crate::database::Database;

const HEAD: &str = "\
Rates are reservations per second, times are milliseconds. Retries are attempts that another call outpaced, failures are
calls that ended without a reservation, both per second. Each client has a connection. Of pgbench the mean stands for p50.
";

pub(super) fn text(cells: &Cells) -> String {
    let mut text = HEAD.to_owned();
    for database in Database::ALL {
        for spread in Spread::ALL {
            let table = table(cells, database, spread);
            if !table.is_empty() {
                let (database, spread) = (database.title(), spread.title());
                let _ = write!(text, "\n### {database}, {spread}\n\n{TABLE}{table}");
            }
        }
    }
    text
}

const TABLE: &str = "\
| method | clients | rate | p50 | p99 | retries | failures |
|---|---|---|---|---|---|---|
";

fn table(cells: &Cells, database: Database, spread: Spread) -> String {
    let ours = Strategy::ALL.map(Method::Ours).into_iter();
    let methods = ours.chain([Method::Immediate, Method::Update, Method::Cte]);
    let all = methods.flat_map(|method| {
        CLIENTS.map(|clients| Cell {
            database,
            spread,
            clients,
            method,
        })
    });
    let lines = all.filter_map(|cell| Some(line(cell, cells.get(cell)?)));
    lines.collect()
}

fn line(cell: Cell, measured: &Measured) -> String {
    let (name, clients) = (cell.method.title(), cell.clients);
    let Measured {
        per_second,
        p50_ms,
        p99_ms,
        retries_per_second,
        failures_per_second,
    } = measured;
    let start = format!("| {name} | {clients} | {per_second:.0} | {p50_ms:.2} |");
    match cell.method {
        Method::Update | Method::Cte => start + " | | |\n",
        Method::Ours(_) | Method::Immediate => {
            format!("{start} {p99_ms:.2} | {retries_per_second:.0} | {failures_per_second:.0} |\n")
        }
    }
}
