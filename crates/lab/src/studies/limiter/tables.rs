//! All that was measured of ways and faults, as Markdown.

use std::fmt::Write as _;

use super::faults::{self, Ends, Fault, PARTITION};
use super::matrix::{BURST, CALLERS, Cells, Load, RATE};
use super::ways::{PARTS, Way};

pub(super) fn ways(cells: &Cells) -> String {
    let mut text = format!(
        "Each server is a process of its own. All ask about one key, whose limit is {RATE}/s with a burst of {BURST}. The \
         bucket is full at first; that of a cluster has {PARTS} parts. Servers of gossip and escrow keep it themselves. A flood is {CALLERS} callers, divided among the \
         servers, that ask again at once. Paced questions come five times in a millisecond, and their answers are timed \
         from the question on. Commands are those that Redis was sent, looks at its settings included. Utilisation is what \
         was admitted, of the burst and what the rate gave; what is lent and not yet spent at the end is missing in it. Beyond is the worst window of what all servers admitted; \
         of a demand below the rate every denial is under-use.\n"
    );
    for load in Load::ALL {
        let lines: String = Way::ALL
            .into_iter()
            .map(|way| lines(cells, way, load))
            .collect();
        if !lines.is_empty() {
            let _ = write!(text, "\n### {}\n\n{WAYS}{lines}", load.title());
        }
    }
    text
}

const WAYS: &str = "\
| way | servers | checks/s | p50 µs | p99 µs | p99.9 µs | commands a check | utilisation | denied | failed | beyond |
|---|---|---|---|---|---|---|---|---|---|---|
";

fn lines(cells: &Cells, way: Way, load: Load) -> String {
    let line = |(servers, measured): (u16, &super::matrix::Measured)| {
        format!(
            "| {way} | {servers} | {:.0} | {:.1} | {:.1} | {:.1} | {:.4} | {:.1} % | {:.1} % | {} | {} |\n",
            measured.per_second,
            measured.p50_us,
            measured.p99_us,
            measured.p999_us,
            measured.commands_per_check,
            100.0 * measured.utilisation,
            100.0 * measured.denied,
            measured.failed,
            measured.over_admitted,
        )
    };
    cells.row(way, load).into_iter().map(line).collect()
}

pub(super) fn faults(ends: &Ends) -> String {
    let mut text = format!(
        "Two servers ask for twice the rate of a limit of {}/s with a burst of {}, on a primary with a replica and three \
         Sentinels. Fenced servers refuse to write without their replica. In the partition of {} s one of the two servers is \
         on the side of the old primary and knows no other: its questions fail when that one follows the new one. Beyond is \
         the worst window of the whole run. The rest counts from the fault on: which part of the questions was answered, with \
         yes or no; the longest time in which nothing was admitted, of which the Sentinels' own is a part: they tell an old primary to follow some ten \
         seconds after it is back; what was admitted, of what the rate gave. Gossip and escrow have no Redis; their servers talk \
         through a network that can be divided.\n",
        faults::RATE,
        faults::BURST,
        PARTITION.as_secs(),
    );
    for fault in Fault::ALL {
        let lines: String = ends
            .of(fault)
            .map(|end| {
                format!(
                    "| {} | {} | {} | {:.1} % | {} | {:.1} % |\n",
                    end.way,
                    end.treatment.title(),
                    end.over_admitted,
                    100.0 * end.answered,
                    end.outage(),
                    100.0 * end.utilisation,
                )
            })
            .collect();
        if !lines.is_empty() {
            let _ = write!(text, "\n### {}\n\n{FAULTS}{lines}", fault.title());
        }
    }
    text
}

const FAULTS: &str = "\
| way | treatment | beyond | answered | nothing admitted for | utilisation |
|---|---|---|---|---|---|
";
