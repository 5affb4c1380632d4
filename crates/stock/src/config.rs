use std::time::Duration;

use crate::Strategy;

/// How a ledger works, and its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockConfig {
    /// The strategy of calls that name none.
    pub strategy: Strategy,
    /// How often a command is tried, 1 or more, when others are faster or a connection is lost.
    pub attempts: u32,
    /// How long a command may wait in its lane, and for how long attempts are begun. One that was begun is waited for,
    /// within the timeouts of the store.
    pub deadline: Duration,
    /// The longest pause after the first attempt; it doubles with each.
    pub first_pause: Duration,
    /// The longest pause after any attempt.
    pub longest_pause: Duration,
    /// How many lanes batches travel in, 1 or more. Each has one batch, and so one connection, under way at most.
    pub lanes: usize,
    /// How many commands may wait in a lane, 1 or more.
    pub lane_queue: usize,
    /// How many lines a batch has at most, 1 or more.
    pub batch_lines: usize,
    /// For how long the outcome of a keyed command is kept, by the database's clock.
    pub keep_outcomes: Duration,
    /// The shortest time for which pieces are held.
    pub shortest_ttl: Duration,
    /// The longest time for which pieces are held.
    pub longest_ttl: Duration,
    /// For how long pieces are held when a call does not say.
    pub default_ttl: Duration,
    /// Of how many SKUs per lane it is remembered whether they are hot; up to twice as many when they change quickly.
    pub remembered_skus: usize,
}

impl Default for StockConfig {
    fn default() -> Self {
        Self {
            strategy: Strategy::Adaptive,
            attempts: 10,
            deadline: Duration::from_secs(2),
            first_pause: Duration::from_millis(2),
            longest_pause: Duration::from_millis(100),
            lanes: 8,
            lane_queue: 4096,
            batch_lines: 1000,
            keep_outcomes: Duration::from_hours(24),
            shortest_ttl: Duration::from_secs(1),
            longest_ttl: Duration::from_hours(7 * 24),
            default_ttl: Duration::from_mins(15),
            remembered_skus: 2048,
        }
    }
}
