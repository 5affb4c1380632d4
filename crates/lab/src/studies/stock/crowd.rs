//! How large batches become when many wait.

use stanchion_stock::Strategy;

use super::Bench;
use super::cells::Spread;
use super::ledger::{Ledger, fixed};
use crate::database::Database;
use crate::meter::{between, histogram};

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
        histogram(&sizes, "commands")
    );
    bench
        .report
        .section("Batches of 1,024 outstanding calls", &text);
    bench.report.data("batch_sizes", &sizes)
}
