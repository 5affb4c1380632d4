//! The cells of the study, and what was measured in them.

use std::fmt;

use serde::Serialize;
use stanchion_stock::Strategy;

use crate::database::Database;

/// How the calls are spread over SKUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Spread {
    Hot,
    Zipf,
    Uniform,
}

/// Who decides the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Method {
    /// Optimistic without any pause between attempts.
    Immediate,
    /// pgbench, with the plain conditional UPDATE.
    Update,
    /// pgbench, with one statement that writes a reservation and a movement too.
    Cte,
    /// The library, in this process.
    #[serde(untagged)]
    Ours(Strategy),
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cell {
    pub database: Database,
    pub spread: Spread,
    pub clients: usize,
    pub method: Method,
}

/// What was measured in a cell.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Measured {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Attempts that somebody outpaced, per second.
    pub retries_per_second: f64,
    /// Calls that ended without a reservation, per second.
    pub failures_per_second: f64,
}

pub(super) const CLIENTS: [usize; 4] = [1, 8, 32, 64];

/// The strategies that do not choose by themselves.
pub(super) const FIXED: [Strategy; 4] = [
    Strategy::Optimistic,
    Strategy::Pessimistic,
    Strategy::Atomic,
    Strategy::Batched,
];

impl Spread {
    pub(super) const ALL: [Self; 3] = [Self::Hot, Self::Zipf, Self::Uniform];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Hot => "one hot SKU",
            Self::Zipf => "100 SKUs, zipf",
            Self::Uniform => "10,000 SKUs, uniform",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Zipf => "zipf",
            Self::Uniform => "uniform",
        }
    }
}

impl Method {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Ours(strategy) => strategy.as_str(),
            Self::Immediate => "immediate",
            Self::Update => "pgbench-update",
            Self::Cte => "pgbench-cte",
        }
    }
}

/// The name by which `--only` chooses.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.database.title().to_lowercase();
        let (spread, method) = (self.spread.name(), self.method.title());
        write!(f, "{database}/{spread}/{}/{method}", self.clients)
    }
}

/// All that was measured.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(super) struct Cells(Vec<Entry>);

#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    cell: Cell,
    #[serde(flatten)]
    measured: Measured,
}

impl Cells {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, cell: Cell, measured: Measured) {
        let Measured {
            per_second, p99_ms, ..
        } = measured;
        eprintln!("{cell}: {per_second:.0}/s, p99 {p99_ms:.2} ms");
        self.0.push(Entry { cell, measured });
    }

    pub(super) fn get(&self, cell: Cell) -> Option<&Measured> {
        let found = self.0.iter().find(|entry| entry.cell == cell);
        found.map(|entry| &entry.measured)
    }

    /// The rate of a method in the place of a cell.
    pub(super) fn rate(&self, place: Cell, method: Method) -> Option<f64> {
        let found = self.get(Cell { method, ..place })?;
        Some(found.per_second)
    }

    /// The fixed strategies in the place of a cell, the quickest first.
    pub(super) fn ranking(&self, place: Cell) -> Vec<(Strategy, f64)> {
        let rate = |strategy| Some((strategy, self.rate(place, Method::Ours(strategy))?));
        let mut ranking: Vec<_> = FIXED.into_iter().filter_map(rate).collect();
        ranking.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        ranking
    }

    /// The better of the single statements that pgbench runs in the place of a cell.
    pub(super) fn best_statement(&self, place: Cell) -> Option<(Method, f64)> {
        let rate = |method| Some((method, self.rate(place, method)?));
        let rates = [Method::Update, Method::Cte].into_iter().filter_map(rate);
        rates.max_by(|(_, a), (_, b)| a.total_cmp(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_named_and_the_quickest_is_found() {
        let place = Cell {
            database: Database::Postgresql,
            spread: Spread::Hot,
            clients: 8,
            method: Method::Ours(Strategy::Atomic),
        };
        assert_eq!(place.to_string(), "postgresql/hot/8/atomic");
        let mut cells = Cells::default();
        for (method, per_second) in [
            (Method::Ours(Strategy::Atomic), 10.0),
            (Method::Ours(Strategy::Batched), 30.0),
            (Method::Ours(Strategy::Adaptive), 40.0),
            (Method::Update, 12.0),
            (Method::Cte, 7.0),
        ] {
            let measured = Measured {
                per_second,
                ..Measured::default()
            };
            cells.add(Cell { method, ..place }, measured);
        }
        let ranking = cells.ranking(place);
        assert_eq!(
            ranking,
            [(Strategy::Batched, 30.0), (Strategy::Atomic, 10.0)]
        );
        assert_eq!(cells.best_statement(place), Some((Method::Update, 12.0)));
        let json = serde_json::to_value(&cells).unwrap();
        assert_eq!(json[1]["method"], "batched");
        assert_eq!(json[3]["method"], "update");
    }
}
