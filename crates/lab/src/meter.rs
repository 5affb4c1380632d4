//! What a library counts while it works.

use std::fmt::Write as _;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the sizes of batches.
const SIZES: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 768.0, 1024.0,
];

/// The counters of this process.
pub(crate) struct Meter {
    handle: PrometheusHandle,
    batches: &'static str,
}

/// How many batches were no larger than a bound, but larger than the bound before.
pub(crate) type Sizes = Vec<(u64, u64)>;

impl Meter {
    /// Installs them. `batches` is the metric that has the sizes of batches.
    pub(crate) fn install(batches: &'static str) -> anyhow::Result<Self> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(batches.to_owned()), SIZES)
            .and_then(PrometheusBuilder::install_recorder)
            .context("the counters cannot be installed")?;
        Ok(Self { handle, batches })
    }

    /// A counter since the start, whatever its labels.
    pub(crate) fn total(&self, counter: &str) -> f64 {
        total(&self.handle.render(), counter)
    }

    /// Batches by size, since the start.
    pub(crate) fn sizes(&self) -> Sizes {
        sizes(&self.handle.render(), self.batches)
    }
}

/// The batches between two moments.
pub(crate) fn between(before: &Sizes, after: &Sizes) -> Sizes {
    let earlier = |bound: u64| before.iter().find(|(at, _)| *at == bound);
    let since = |(bound, count): &(u64, u64)| {
        let earlier = earlier(*bound).map_or(0, |(_, count)| *count);
        (*bound, count.saturating_sub(earlier))
    };
    after.iter().map(since).collect()
}

/// Sizes as a table; `what` is what a batch has.
pub(crate) fn histogram(sizes: &Sizes, what: &str) -> String {
    let total: u64 = sizes.iter().map(|(_, count)| count).sum();
    let mut text = format!("| {what} in a batch | batches | share |\n|---|---|---|\n");
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

fn total(text: &str, counter: &str) -> f64 {
    let lines = text.lines().filter(|line| line.starts_with(counter));
    lines
        .filter_map(|line| value(line)?.parse::<f64>().ok())
        .sum()
}

fn sizes(text: &str, batches: &str) -> Sizes {
    let mut below = 0;
    let bucket = |line: &str| -> Option<(u64, u64)> {
        let (_, rest) = line.split_once("le=\"")?;
        let bound = rest.split('"').next()?.parse().ok()?;
        Some((bound, value(line)?.parse().ok()?))
    };
    let lines = text.lines().filter(|line| line.starts_with(batches));
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
        let conflicts = total(TEXT, "stanchion_stock_conflicts_total");
        assert!((conflicts - 8.0).abs() < 1e-9);
        let sizes = sizes(TEXT, "stanchion_stock_batch_commands");
        assert_eq!(sizes, [(1, 5), (2, 4)]);
        assert_eq!(between(&vec![(1, 2)], &sizes), [(1, 3), (2, 4)]);
    }

    #[test]
    fn a_histogram_names_its_ranges() {
        let text = histogram(&vec![(1, 1), (2, 0), (4, 3)], "calls");
        assert!(text.contains("| 1 | 1 | 25 % |\n| 2 | 0 | 0 % |\n| 3 to 4 | 3 | 75 % |\n"));
    }
}
