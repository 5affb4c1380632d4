//! How large batches become when many wait.

use std::fmt::Write as _;

use stanchion_stock::Strategy;

use super::Bench;
use super::cells::{Database, Spread};
use super::ledger::{Ledger, fixed};
use super::meter::{Sizes, between};

const OUTSTANDING: usize = 1024;

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    if !bench.wants("crowd") {
        return Ok(());
    }
    let ledger = Ledger::fill(bench, Database::Postgresql, Spread::Hot).await?;
    let before = bench.meter.sizes();
    let config = fixed(Strategy::Batched);
    let measured = ledger.load(bench, OUTSTANDING, config).await?;
    let sizes = between(&before, &bench.meter.sizes());
    let text = format!(
        "One hot SKU on PostgreSQL: {:.0}/s, p50 {:.1} ms, p99 {:.1} ms.\n\n{}",
        measured.per_second,
        measured.p50_ms,
        measured.p99_ms,
        histogram(&sizes)
    );
    bench
        .report
        .section("Batches of 1,024 outstanding calls", &text);
    bench.report.data("batch_sizes", &sizes)
}

fn histogram(sizes: &Sizes) -> String {
    let total: u64 = sizes.iter().map(|(_, count)| count).sum();
    let mut text = "| commands in a batch | batches | share |\n|---|---|---|\n".to_owned();
    let mut from = 1;
    for (upto, count) in sizes {
        let range = if from == *upto {
            from.to_string()
        } else {
            format!("{from} to {upto}")
        };
        let percent = 100 * count / total.max(1);
        let _ = writeln!(text, "| {range} | {count} | {percent} % |");
        from = upto + 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_names_its_ranges() {
        let text = histogram(&vec![(1, 1), (2, 0), (4, 3)]);
        assert!(text.contains("| 1 | 1 | 25 % |\n| 2 | 0 | 0 % |\n| 3 to 4 | 3 | 75 % |\n"));
    }
}
