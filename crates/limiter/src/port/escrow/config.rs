use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::LimiterError;
use crate::port::DRIFT;

/// The most nodes of a roster.
pub const MAX_NODES: usize = 64;
/// The shortest secret, in bytes.
const LEAST_SECRET: usize = 16;

/// The roster of [`Escrow`](super::Escrow), and its bounds.
#[derive(Clone)]
pub struct EscrowConfig {
    /// Which one of the roster this is.
    pub node: u16,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where each node is reached, in the same order on all of them; 1 to [`MAX_NODES`]. It is fixed: before it changes,
    /// all nodes are stopped.
    pub roster: Vec<SocketAddr>,
    /// What the nodes know each other by, 16 random bytes or more.
    pub secret: Vec<u8>,
    /// How long tokens that are handed over may be held for a call, the same on all nodes. A node that is started again
    /// admits nothing for as long.
    pub lifetime: Duration,
    /// How often a node says that it lives.
    pub beat: Duration,
    /// A node of which nothing was heard for so long is not asked.
    pub silence: Duration,
    /// How long a check waits for the other nodes, less than the lifetime.
    pub patience: Duration,
    /// For how long it is believed what another node said of its share.
    pub trust: Duration,
    /// How many buckets that are not full are remembered, 1 or more; questions about more are refused with
    /// [`LimiterError::Crowded`].
    pub buckets: usize,
    /// How many requests may be under way, 1 or more; calls beyond spend only what is here.
    pub requests: usize,
}

impl EscrowConfig {
    /// A roster with the usual bounds.
    #[must_use]
    pub fn new(node: u16, listen: SocketAddr, roster: Vec<SocketAddr>, secret: Vec<u8>) -> Self {
        Self {
            node,
            listen,
            roster,
            secret,
            lifetime: Duration::from_secs(2),
            beat: Duration::from_millis(100),
            silence: Duration::from_millis(500),
            patience: Duration::from_millis(100),
            trust: Duration::from_secs(1),
            buckets: 100_000,
            requests: 4_096,
        }
    }

    pub(super) fn validate(&self) -> Result<(), LimiterError> {
        let wrong = if self.roster.is_empty() || self.roster.len() > MAX_NODES {
            format!("a roster has 1 to {MAX_NODES} nodes")
        } else if usize::from(self.node) >= self.roster.len() {
            format!(
                "node {} is none of a roster of {}",
                self.node,
                self.roster.len()
            )
        } else if self.secret.len() < LEAST_SECRET {
            format!("the roster's secret has {LEAST_SECRET} bytes or more")
        } else if self.beat.is_zero() || self.silence <= self.beat {
            "a node is silent after longer than a beat, and a beat is longer than nothing"
                .to_owned()
        } else if self.patience.is_zero() || self.lifetime <= self.patience {
            "a transfer lives longer than a check waits, and a check waits longer than nothing"
                .to_owned()
        } else if self.buckets == 0 || self.requests == 0 {
            "there is room for one bucket and one request or more".to_owned()
        } else {
            return Ok(());
        };
        Err(LimiterError::Config(wrong))
    }
}

impl fmt::Debug for EscrowConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EscrowConfig")
            .field("node", &self.node)
            .field("listen", &self.listen)
            .field("roster", &self.roster)
            .finish_non_exhaustive()
    }
}

/// For how long the receiver and the sender of a transfer count it, in microseconds.
pub(super) fn lifetimes(config: &EscrowConfig) -> (u64, u64) {
    let micros = |part: f64| {
        let time = config.lifetime.mul_f64(part);
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    };
    (micros(1.0 - DRIFT), micros(1.0 + DRIFT))
}
