//! What the library counts while it works.

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

const CONFLICTS: &str = "stanchion_stock_conflicts_total";
const BATCH: &str = "stanchion_stock_batch_commands";
/// Upper bounds of the sizes of batches.
const SIZES: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 768.0, 1024.0,
];

/// The counters of this process.
pub(super) struct Meter(PrometheusHandle);

/// How many batches were no larger than a bound, but larger than the bound before.
pub(super) type Sizes = Vec<(u64, u64)>;

impl Meter {
    pub(super) fn install() -> anyhow::Result<Self> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(BATCH.to_owned()), SIZES)
            .and_then(PrometheusBuilder::install_recorder)
            .context("the counters cannot be installed")?;
        Ok(Self(handle))
    }

    /// Attempts that somebody outpaced, since the start.
    pub(super) fn conflicts(&self) -> f64 {
        conflicts(&self.0.render())
    }

    /// Batches by size, since the start.
    pub(super) fn sizes(&self) -> Sizes {
        sizes(&self.0.render())
    }
}

/// The batches between two moments.
pub(super) fn between(before: &Sizes, after: &Sizes) -> Sizes {
    let earlier = |bound: u64| before.iter().find(|(at, _)| *at == bound);
    let since = |(bound, count): &(u64, u64)| {
        let earlier = earlier(*bound).map_or(0, |(_, count)| *count);
        (*bound, count.saturating_sub(earlier))
    };
    after.iter().map(since).collect()
}

fn conflicts(text: &str) -> f64 {
    let lines = text.lines().filter(|line| line.starts_with(CONFLICTS));
    lines
        .filter_map(|line| value(line)?.parse::<f64>().ok())
        .sum()
}

fn sizes(text: &str) -> Sizes {
    let mut below = 0;
    let bucket = |line: &str| -> Option<(u64, u64)> {
        let (_, rest) = line.split_once("le=\"")?;
        let bound = rest.split('"').next()?.parse().ok()?;
        Some((bound, value(line)?.parse().ok()?))
    };
    let lines = text.lines().filter(|line| line.starts_with(BATCH));
    let buckets = lines.filter_map(bucket);
    let alone = buckets.map(|(bound, upto)| {
        let count = upto - below;
        below = upto;
        (bound, count)
    });
    alone.collect()
}

fn value(line: &str) -> Option<&str> {
    line.rsplit_once(' ').map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# TYPE stanchion_stock_conflicts_total counter
stanchion_stock_conflicts_total{strategy=\"optimistic\"} 7
stanchion_stock_conflicts_total{strategy=\"batched\"} 1
stanchion_stock_batch_commands_bucket{le=\"1\"} 5
stanchion_stock_batch_commands_bucket{le=\"2\"} 9
stanchion_stock_batch_commands_bucket{le=\"+Inf\"} 9
stanchion_stock_batch_commands_sum 13
";

    #[test]
    fn conflicts_are_added_up_and_batches_told_apart() {
        assert!((conflicts(TEXT) - 8.0).abs() < 1e-9);
        assert_eq!(sizes(TEXT), [(1, 5), (2, 4)]);
        assert_eq!(between(&vec![(1, 2)], &sizes(TEXT)), [(1, 3), (2, 4)]);
    }
}
