//! Every way with a growing number of servers, each a process of its own.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use stanchion_kernel::Clock;
use stanchion_limiter::Ask;

use super::Bench;
use super::fleet::{Done, Fleet};
use super::keepers::Keepers;
use super::plan::{Demand, KEY, Plan, Treatment};
use super::ways::{PARTS, Way};
use crate::load::number;

pub(super) const SERVERS: [u16; 4] = [1, 2, 4, 8];
pub(super) const RATE: u64 = 10_000;
/// 200 for each of 10 servers: the limit is leased by all.
pub(super) const BURST: u64 = 2_000;
/// How many callers all servers of a flood have together.
pub(super) const CALLERS: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Load {
    /// As much as can be asked.
    Flood,
    /// Twice the rate.
    Above,
    /// Four fifths of the rate.
    Below,
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cell {
    pub way: Way,
    pub servers: u16,
    pub load: Load,
}

/// What was measured in a cell.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Measured {
    /// Checks that were answered, per second.
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub commands_per_check: f64,
    /// What was admitted, of what the limit allows in that time from a full bucket.
    pub utilisation: f64,
    /// Which part of the answers was a denial.
    pub denied: f64,
    /// Questions without an answer.
    pub failed: u64,
    /// Tokens beyond the limit in the worst window.
    pub over_admitted: u64,
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

impl Load {
    pub(super) const ALL: [Self; 3] = [Self::Flood, Self::Above, Self::Below];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Flood => "as much as can be asked",
            Self::Above => "twice the rate",
            Self::Below => "four fifths of the rate",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::Above => "above",
            Self::Below => "below",
        }
    }

    fn demand(self, servers: u16) -> Demand {
        let paced = |all: u64| Demand::Paced {
            per_second: all / u64::from(servers),
        };
        match self {
            Self::Flood => Demand::Flood {
                callers: CALLERS / usize::from(servers),
            },
            Self::Above => paced(2 * RATE),
            Self::Below => paced(RATE * 4 / 5),
        }
    }
}

/// The name by which `--only` chooses.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.way, self.servers, self.load.name())
    }
}

impl Cells {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, cell: Cell, measured: Measured) {
        eprintln!("{cell}: {measured:?}");
        self.0.push(Entry { cell, measured });
    }

    pub(super) fn get(&self, cell: Cell) -> Option<&Measured> {
        let found = self.0.iter().find(|entry| entry.cell == cell);
        found.map(|entry| &entry.measured)
    }

    /// Those of a way and a load, by the number of servers.
    pub(super) fn row(&self, way: Way, load: Load) -> Vec<(u16, &Measured)> {
        let cells = SERVERS.map(|servers| Cell { way, servers, load });
        let measured = cells
            .into_iter()
            .map(|cell| Some((cell.servers, self.get(cell)?)));
        measured.flatten().collect()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    for way in Way::ALL {
        let all = Load::ALL.into_iter();
        let cells = all.flat_map(|load| SERVERS.map(|servers| Cell { way, servers, load }));
        let cells: Vec<Cell> = cells
            .filter(|cell| bench.wants(&cell.to_string()))
            .collect();
        if cells.is_empty() {
            continue;
        }
        let keepers = Keepers::start(way).await;
        for cell in cells {
            let measured = run(bench, &keepers, cell).await?;
            bench.cells.add(cell, measured);
        }
    }
    targets(bench);
    Ok(())
}

async fn run(bench: &Bench, keepers: &Keepers, cell: Cell) -> anyhow::Result<Measured> {
    let plan = Plan {
        keeper: keepers.keeper(),
        prefix: cell.to_string(),
        servers: cell.servers,
        peers: (0..cell.servers)
            .map(|_| SocketAddr::from(([127, 0, 0, 1], stanchion_testkit::free_port())))
            .collect(),
        rate: RATE,
        burst: BURST,
        demand: cell.load.demand(cell.servers),
        lasts: Duration::from_secs(bench.window.seconds.into()),
        ..Plan::of(cell.way, Treatment::Fenced)
    };
    begin_epoch(&plan).await?;
    let fleet = Fleet::start(vec![plan.clone(); cell.servers.into()])?;
    let clock = Clock::system();
    tokio::time::sleep(fleet.begins().saturating_sub(clock.boot())).await;
    let before = keepers.commands().await;
    let done = fleet.done().await?;
    let commands = keepers.commands().await - before;
    if let Some(why) = &done.counted.why {
        eprintln!("{} failed, the first: {why}", done.counted.failed);
    }
    Ok(measured(&plan, &done, commands))
}

/// Has the buckets begin to fill: they are full when the workers begin. Where the workers keep them they fill from their start.
async fn begin_epoch(plan: &Plan) -> anyhow::Result<()> {
    let Some(way) = plan.way.beneath() else {
        return Ok(());
    };
    let limit = plan.limit()?;
    let backend = way.open(plan, &Clock::system()).await?;
    // In turns, and so each part of the bucket.
    for _ in 0..PARTS {
        backend.check(&[Ask::new(&limit, KEY, 0)?]).await?;
    }
    Ok(())
}

fn measured(plan: &Plan, done: &Done, commands: u64) -> Measured {
    let counted = &done.counted;
    let answered = number((counted.admitted + counted.denied).max(1));
    let seconds = plan.lasts.as_secs_f64();
    Measured {
        per_second: answered / seconds,
        p50_us: done.micros(0.5),
        p99_us: done.micros(0.99),
        p999_us: done.micros(0.999),
        commands_per_check: number(commands) / answered,
        utilisation: number(done.in_time) / (number(plan.burst) + number(plan.rate) * seconds),
        denied: number(counted.denied) / answered,
        failed: counted.failed,
        over_admitted: done.excess,
    }
}

fn targets(bench: &mut Bench) {
    let Bench { cells, report, .. } = bench;
    let below = cells.row(Way::Leases, Load::Below);
    let most = below
        .iter()
        .map(|(servers, measured)| (measured.commands_per_check, *servers))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    if let Some((commands, servers)) = most {
        let fewer = 1.0 / commands;
        report.row(
            "leases below the rate, checks for each command of Redis, the worst number of servers",
            format!("{fewer:.0}"),
            format!("{servers} servers, looks at the settings among the commands"),
            "≥ 50",
            Some(fewer >= 50.0),
        );
    }
    let least = cells
        .row(Way::Leases, Load::Above)
        .into_iter()
        .min_by(|(_, one), (_, other)| one.utilisation.total_cmp(&other.utilisation));
    if let Some((servers, measured)) = least {
        report.row(
            "leases at twice the rate, utilisation, the worst number of servers",
            format!("{:.1} %", 100.0 * measured.utilisation),
            format!("{servers} servers, burst {BURST}, rate {RATE}/s"),
            "≥ 95 %",
            Some(measured.utilisation >= 0.95),
        );
    }
    for way in Way::ALL {
        let all = Load::ALL.into_iter().flat_map(|load| cells.row(way, load));
        let worst = all.map(|(_, measured)| measured.over_admitted).max();
        if let Some(tokens) = worst {
            report.row(
                &format!("{way}, the most beyond the limit in any window of any cell"),
                format!("{tokens} tokens"),
                String::new(),
                if way.is_exact() { "0" } else { "" },
                way.is_exact().then_some(tokens == 0),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_cells_that_were_measured() {
        let mut cells = Cells::default();
        let cell = |servers| Cell {
            way: Way::Leases,
            servers,
            load: Load::Below,
        };
        for servers in [4, 1] {
            cells.add(cell(servers), Measured::default());
        }
        assert_eq!(cell(4).to_string(), "leases/4/below");
        let row = cells.row(Way::Leases, Load::Below);
        let servers: Vec<u16> = row.iter().map(|(servers, _)| *servers).collect();
        assert_eq!(servers, [1, 4]);
        assert!(cells.row(Way::Central, Load::Below).is_empty());
        let json = serde_json::to_value(&cells).unwrap();
        assert_eq!(json[0]["way"], "leases");
    }
}
