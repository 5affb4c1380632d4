//! What is measured of servers that count together.

use std::time::Duration;

use metrics::{counter, gauge};

/// `stanchion_limiter_escrow_transfers_total`: what became of requests for tokens of another node's share.
pub(crate) fn transfer(outcome: &'static str) {
    counter!("stanchion_limiter_escrow_transfers_total", "outcome" => outcome).increment(1);
}

/// `stanchion_limiter_escrow_dropped_total`: datagrams that were not sent or not believed, by reason.
pub(crate) fn escrow_dropped(reason: &'static str) {
    counter!("stanchion_limiter_escrow_dropped_total", "reason" => reason).increment(1);
}

/// `stanchion_limiter_escrow_reachable_nodes`: other nodes of the roster that were heard of lately.
pub(crate) fn reachable(nodes: usize) {
    gauge!("stanchion_limiter_escrow_reachable_nodes").set(number(nodes));
}

/// `stanchion_limiter_gossip_dropped_total`: values of other nodes that were not believed, by reason.
pub(crate) fn gossip_dropped(reason: &'static str) {
    counter!("stanchion_limiter_gossip_dropped_total", "reason" => reason).increment(1);
}

/// `stanchion_limiter_gossip_live_nodes` and `stanchion_limiter_gossip_view_age_seconds`: how many other nodes are
/// thought to live, and how old the oldest view of one may be.
pub(crate) fn view(live: usize, oldest: Duration) {
    gauge!("stanchion_limiter_gossip_live_nodes").set(number(live));
    gauge!("stanchion_limiter_gossip_view_age_seconds").set(oldest.as_secs_f64());
}

/// `stanchion_limiter_gossip_buckets`: how many buckets are remembered.
pub(crate) fn buckets(count: usize) {
    gauge!("stanchion_limiter_gossip_buckets").set(number(count));
}

/// `stanchion_limiter_gossip_bound_tokens`: the most tokens that could be admitted beyond a limit at this moment, over
/// the buckets that were used since the last round.
pub(crate) fn bound(limit: &str, tokens: u64) {
    let tokens = number(usize::try_from(tokens).unwrap_or(usize::MAX));
    gauge!("stanchion_limiter_gossip_bound_tokens", "limit" => limit.to_owned()).set(tokens);
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
