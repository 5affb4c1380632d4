//! What is measured.

use metrics::{counter, gauge, histogram};

use crate::adaptive::{Mode, Switch};
use crate::model::Refusal;

/// `stanchion_stock_attempts_total`: attempts begun, by strategy.
pub(crate) fn attempt(strategy: &'static str) {
    counter!("stanchion_stock_attempts_total", "strategy" => strategy).increment(1);
}

/// `stanchion_stock_conflicts_total`: attempts that somebody outpaced, by strategy.
pub(crate) fn conflict(strategy: &'static str) {
    counter!("stanchion_stock_conflicts_total", "strategy" => strategy).increment(1);
}

/// `stanchion_stock_batch_commands`: how many commands a batch has.
pub(crate) fn batch(size: usize) {
    histogram!("stanchion_stock_batch_commands").record(number(size));
}

/// `stanchion_stock_lane_depth`: how many commands wait behind the batch that is under way, by lane.
pub(crate) fn lane_depth(lane: usize, depth: usize) {
    gauge!("stanchion_stock_lane_depth", "lane" => lane.to_string()).set(number(depth));
}

/// `stanchion_stock_refused_total`: commands that changed nothing, by reason.
pub(crate) fn refused(refusal: &Refusal) {
    counter!("stanchion_stock_refused_total", "reason" => refusal.name()).increment(1);
}

/// `stanchion_stock_switches_total` and `stanchion_stock_batched`: the changes of mind of the adaptive strategy, and how
/// many SKUs and lanes go in batches for now.
pub(crate) fn switch(switch: Switch) {
    let scope = if switch.whole_lane { "lane" } else { "sku" };
    let (to, step) = match switch.to {
        Mode::Direct => ("direct", -1.0),
        Mode::Batched => ("batched", 1.0),
    };
    counter!("stanchion_stock_switches_total", "scope" => scope, "to" => to).increment(1);
    gauge!("stanchion_stock_batched", "scope" => scope).increment(step);
}

/// `stanchion_stock_expired_total`: reservations that the sweeper ended.
pub(crate) fn expired(count: usize) {
    counter!("stanchion_stock_expired_total").increment(u64::try_from(count).unwrap_or(u64::MAX));
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
