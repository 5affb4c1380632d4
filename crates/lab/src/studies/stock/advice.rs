//! What to choose when, derived from the cells.

use std::fmt::Write as _;

use stanchion_stock::Strategy;

use super::cells::{CLIENTS, Cell, Cells, FIXED, Method, Spread};
use crate::database::Database;

/// A strategy this near to the best is as good.
const AS_GOOD: f64 = 0.9;

pub(super) fn text(cells: &Cells) -> String {
    let mut text = HEAD.to_owned();
    for place in places() {
        if let Some(line) = winners(cells, place) {
            text += &line;
        }
    }
    text.push('\n');
    for strategy in FIXED {
        text += &strengths(cells, strategy);
    }
    text.push('\n');
    for place in places() {
        if let Some(line) = crossing(cells, place) {
            text += &line;
        }
    }
    text
}

const HEAD: &str = "\
The quickest fixed strategy of each cell, and how it compares to the next.

| database | SKUs | 1 client | 8 | 32 | 64 |
|---|---|---|---|---|---|
";

/// One cell of each table; its clients and its method are yet to be said.
fn places() -> impl Iterator<Item = Cell> {
    let databases = Database::ALL.into_iter();
    let places = databases.flat_map(|database| Spread::ALL.map(|spread| (database, spread)));
    places.map(|(database, spread)| Cell {
        database,
        spread,
        clients: 1,
        method: Method::Update,
    })
}

fn name(place: Cell) -> String {
    format!("{}, {}", place.database.title(), place.spread.title())
}

fn winners(cells: &Cells, place: Cell) -> Option<String> {
    let at = |clients| {
        let ranking = cells.ranking(Cell { clients, ..place });
        match ranking.as_slice() {
            [(best, rate), (next, slower), ..] => {
                format!("{best}, {:.1} × {next}", rate / slower)
            }
            [(best, _)] => best.to_string(),
            [] => String::new(),
        }
    };
    let columns = CLIENTS.map(at);
    let (database, spread) = (place.database.title(), place.spread.title());
    let is_empty = columns.iter().all(String::is_empty);
    (!is_empty).then(|| format!("| {database} | {spread} | {} |\n", columns.join(" | ")))
}

/// Where a strategy is the best, or as good.
fn strengths(cells: &Cells, strategy: Strategy) -> String {
    let all = places().flat_map(|place| CLIENTS.map(|clients| Cell { clients, ..place }));
    let mut where_good: Vec<(String, Vec<String>)> = Vec::new();
    for cell in all.filter(|cell| is_good(cells, *cell, strategy)) {
        let clients = cell.clients.to_string();
        match where_good.last_mut() {
            Some((place, clients_there)) if *place == name(cell) => clients_there.push(clients),
            _ => where_good.push((name(cell), vec![clients])),
        }
    }
    let phrase = |(place, clients): &(String, Vec<String>)| {
        format!("{place} (clients: {})", clients.join(", "))
    };
    let phrases: Vec<String> = where_good.iter().map(phrase).collect();
    if phrases.is_empty() {
        format!("* **{strategy}** is within 10 % of the best in no cell.\n")
    } else {
        let phrases = phrases.join("; ");
        format!("* **{strategy}** is within 10 % of the best in: {phrases}.\n")
    }
}

fn is_good(cells: &Cells, cell: Cell, strategy: Strategy) -> bool {
    let rate = cells.rate(cell, Method::Ours(strategy));
    let best = cells.ranking(cell).first().map(|(_, rate)| *rate);
    rate.zip(best)
        .is_some_and(|(rate, best)| rate >= AS_GOOD * best)
}

/// Where pessimistic overtakes optimistic, or the other way around.
fn crossing(cells: &Cells, place: Cell) -> Option<String> {
    let lead = |clients: usize| {
        let rate = |strategy| cells.rate(Cell { clients, ..place }, Method::Ours(strategy));
        let ratio = rate(Strategy::Pessimistic)? / rate(Strategy::Optimistic)?;
        Some((f64::from(u32::try_from(clients).ok()?), ratio))
    };
    let leads: Vec<(f64, f64)> = CLIENTS.into_iter().filter_map(lead).collect();
    let (first, last) = (leads.first()?, leads.last()?);
    let mut line = format!(
        "* {}: pessimistic is {:.2} × optimistic at {} and {:.2} × at {} clients",
        name(place),
        first.1,
        first.0,
        last.1,
        last.0
    );
    let crossings = crossings(&leads);
    if crossings.is_empty() {
        line += "; they do not cross";
    }
    for at in crossings {
        let _ = write!(line, "; they cross at about {at:.0}");
    }
    Some(line + ".\n")
}

/// Where the ratio passes 1, on logarithmic axes.
fn crossings(leads: &[(f64, f64)]) -> Vec<f64> {
    let pairs = leads.windows(2).filter_map(|pair| match pair {
        [(from, before), (to, after)] => {
            let (before, after) = (before.ln(), after.ln());
            let crosses = (before < 0.0) != (after < 0.0);
            let share = before / (before - after);
            crosses.then(|| from * (to / from).powf(share))
        }
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::super::cells::Measured;
    use super::*;

    fn cells(rates: &[(usize, Strategy, f64)]) -> Cells {
        let mut cells = Cells::default();
        for (clients, strategy, per_second) in rates {
            let cell = Cell {
                database: Database::Postgresql,
                spread: Spread::Hot,
                clients: *clients,
                method: Method::Ours(*strategy),
            };
            let measured = Measured {
                per_second: *per_second,
                ..Measured::default()
            };
            cells.add(cell, measured);
        }
        cells
    }

    #[test]
    fn advice_follows_from_what_was_measured() {
        use Strategy::{Batched, Optimistic, Pessimistic};
        let text = text(&cells(&[
            (1, Optimistic, 200.0),
            (1, Pessimistic, 100.0),
            (1, Batched, 95.0),
            (8, Optimistic, 100.0),
            (8, Pessimistic, 200.0),
            (8, Batched, 800.0),
        ]));
        for line in [
            "| PostgreSQL | one hot SKU | optimistic, 2.0 × pessimistic | batched, 4.0 × pessimistic |  |  |",
            "* **batched** is within 10 % of the best in: PostgreSQL, one hot SKU (clients: 8).",
            "* **atomic** is within 10 % of the best in no cell.",
            "pessimistic is 0.50 × optimistic at 1 and 2.00 × at 8 clients; they cross at about 3.",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn lines_that_do_not_meet_do_not_cross() {
        assert_eq!(crossings(&[(1.0, 0.5), (8.0, 0.9)]), [0.0; 0]);
    }
}
