//! What to choose when, derived from what was measured.

use std::fmt::Write as _;

use super::faults::{End, Ends, Fault};
use super::matrix::{Cell, Cells, Load, Measured, SERVERS};
use super::plan::Treatment;
use super::ways::Way;

/// What is this near to the best is as good.
const AS_GOOD: f64 = 1.1;

pub(super) fn text(cells: &Cells, ends: &Ends) -> String {
    let mut text = String::new();
    if !cells.is_empty() {
        text += HEAD;
        for servers in SERVERS {
            text += &line(cells, servers);
        }
        text.push('\n');
        for way in Way::ALL {
            text += &strengths(cells, way);
        }
    }
    for fault in Fault::ALL {
        text += &survivors(ends, fault);
    }
    text + &exact(ends)
}

const HEAD: &str = "\
The best of the ways that admitted nothing beyond the limit, for each number of servers. What is within 10 % of the best is
named too.

| servers | most checks/s | least p99 below the rate | fewest commands below the rate | most used at twice the rate |
|---|---|---|---|---|
";

/// What is compared: the load in which it shows, and how good it is, less being better.
type Figure = (Load, fn(&Measured) -> f64);

const FIGURES: [Figure; 4] = [
    (Load::Flood, |measured| 1.0 / measured.per_second),
    (Load::Below, |measured| measured.p99_us),
    (Load::Below, |measured| measured.commands_per_check),
    (Load::Above, |measured| 1.0 / measured.utilisation),
];

fn line(cells: &Cells, servers: u16) -> String {
    let columns = FIGURES.map(|figure| {
        let best = best(cells, servers, figure);
        best.iter()
            .map(|way| way.title())
            .collect::<Vec<_>>()
            .join(", ")
    });
    if columns.iter().all(String::is_empty) {
        return String::new();
    }
    format!("| {servers} | {} |\n", columns.join(" | "))
}

/// The best ways, those that are as good included.
fn best(cells: &Cells, servers: u16, (load, cost): Figure) -> Vec<Way> {
    let costs = Way::ALL.into_iter().filter_map(|way| {
        let measured = cells.get(Cell { way, servers, load })?;
        (measured.over_admitted == 0).then(|| (way, cost(measured)))
    });
    let costs: Vec<(Way, f64)> = costs.collect();
    let least = costs
        .iter()
        .map(|(_, cost)| *cost)
        .fold(f64::INFINITY, f64::min);
    let good = costs
        .into_iter()
        .filter(|(_, cost)| *cost <= AS_GOOD * least);
    good.map(|(way, _)| way).collect()
}

/// In which numbers of servers a way is the best at what.
fn strengths(cells: &Cells, way: Way) -> String {
    let names = ["checks/s", "p99", "commands", "utilisation"];
    let mut phrases = Vec::new();
    for (figure, name) in FIGURES.into_iter().zip(names) {
        let servers = SERVERS.into_iter();
        let good = servers.filter(|servers| best(cells, *servers, figure).contains(&way));
        let good: Vec<String> = good.map(|servers| servers.to_string()).collect();
        if !good.is_empty() {
            phrases.push(format!("{name} (servers: {})", good.join(", ")));
        }
    }
    if Load::ALL
        .into_iter()
        .all(|load| cells.row(way, load).is_empty())
    {
        return String::new();
    }
    if phrases.is_empty() {
        return format!("* **{way}** is the best at nothing that was measured.\n");
    }
    format!(
        "* **{way}** is the best, or as good, at: {}.\n",
        phrases.join("; ")
    )
}

fn name(end: &End) -> String {
    format!("{}, {}", end.way, end.treatment.title())
}

/// What a fault did to those that kept the promise, the shortest outage first, and to those that did not.
fn survivors(ends: &Ends, fault: Fault) -> String {
    let (mut kept, broken): (Vec<&End>, Vec<&End>) =
        ends.of(fault).partition(|end| end.over_admitted == 0);
    if kept.is_empty() && broken.is_empty() {
        return String::new();
    }
    kept.sort_by(|one, other| one.outage_s.total_cmp(&other.outage_s));
    let mut text = format!("* When {}: ", fault.title());
    let phrases: Vec<String> = kept
        .iter()
        .map(|end| format!("{} ({})", name(end), end.outage()))
        .collect();
    if phrases.is_empty() {
        text += "nothing kept the limit";
    } else {
        let _ = write!(
            text,
            "these kept the limit, by how long nothing was admitted: {}",
            phrases.join("; ")
        );
    }
    for end in broken {
        let _ = write!(
            text,
            "; {} tokens beyond it: {}",
            end.over_admitted,
            name(end)
        );
    }
    text + ".\n"
}

/// Of the treatments that kept the limit in every fault, what each costs at its worst.
fn exact(ends: &Ends) -> String {
    let mut text = String::new();
    for way in Way::ALL {
        for treatment in Treatment::ALL.into_iter().chain([Treatment::None]) {
            let of = Fault::ALL.into_iter().flat_map(|fault| ends.of(fault));
            let of: Vec<&End> = of
                .filter(|end| end.way == way && end.treatment == treatment)
                .collect();
            let Some(first) = of.first() else { continue };
            let beyond = of.iter().map(|end| end.over_admitted).max();
            let longest = of
                .iter()
                .max_by(|one, other| one.outage_s.total_cmp(&other.outage_s));
            let outage = longest.map(|end| end.outage()).unwrap_or_default();
            let answered = of.iter().map(|end| end.answered).fold(1.0, f64::min);
            let _ = writeln!(
                text,
                "* **{}**: {} tokens beyond the limit at the most, {outage} without an admission at the longest, {:.0} % \
                 answered at the least.",
                name(first),
                beyond.unwrap_or_default(),
                100.0 * answered
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_follows_from_what_was_measured() {
        let mut cells = Cells::default();
        for (way, p99_us, over_admitted) in [
            (Way::Central, 105.0, 0),
            (Way::Cluster, 100.0, 0),
            (Way::Leases, 1.0, 3),
        ] {
            let cell = Cell {
                way,
                servers: 2,
                load: Load::Below,
            };
            let measured = Measured {
                p99_us,
                over_admitted,
                commands_per_check: p99_us,
                ..Measured::default()
            };
            cells.add(cell, measured);
        }
        let mut ends = Ends::default();
        for (treatment, over_admitted, outage_s) in [
            (Treatment::Fenced, 0, 9.0),
            (Treatment::Acknowledged, 0, 3.0),
            (Treatment::Unfenced, 70, 2.0),
        ] {
            ends.add(End {
                way: Way::Central,
                treatment,
                fault: Fault::Partition,
                over_admitted,
                answered: 0.5,
                outage_s,
                is_over: outage_s < 5.0,
                utilisation: 0.5,
            });
        }
        let text = text(&cells, &ends);
        for line in [
            "| 2 |  | central, cluster | central, cluster |  |\n",
            "* **leases** is the best at nothing that was measured.",
            "* **cluster** is the best, or as good, at: p99 (servers: 2); commands (servers: 2).",
            "* When the primary is cut off for 5 s: these kept the limit, by how long nothing was admitted: central, \
             acknowledged (3.0 s); central, fenced (more than 9.0 s); 70 tokens beyond it: central, unfenced.\n",
            "* **central, unfenced**: 70 tokens beyond the limit at the most, 2.0 s without",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
