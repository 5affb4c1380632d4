//! What a node knows: its shares, what it believes of those of others, and its requests that are under way. Pure: `now`
//! is an argument.

mod checking;
mod transfers;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::wire::BucketId;
use super::{EscrowConfig, lifetimes};
use crate::LimiterError;
use crate::bucket::Shape;
use crate::escrow::{Belief, Share, Split, TransferId};

pub(super) use checking::Verdict;
use transfers::Pending;
pub(super) use transfers::{Reply, Request, Turn};

/// Looking through all shares for each of many calls would hold up all of them.
const LOOK_AGAIN_US: u64 = 100_000;

#[derive(Debug)]
pub(super) struct State {
    config: EscrowConfig,
    nodes: u16,
    born_us: u64,
    /// From when on its own shares are filled.
    opens_us: u64,
    shares: HashMap<BucketId, Kept>,
    next_look_us: u64,
    peers: Vec<Peer>,
    pending: HashMap<TransferId, Pending>,
}

/// What is known of another node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peer {
    pub(super) boot: u64,
    pub(super) clock_us: u64,
    heard_us: Option<u64>,
}

#[derive(Debug)]
struct Kept {
    share: Share,
    beliefs: Vec<Belief>,
    /// Whom to wake when the call that gathers tokens for this bucket is done.
    gathering: Option<Arc<Notify>>,
}

impl State {
    pub(super) fn new(config: EscrowConfig, now_us: u64) -> Self {
        let nodes = u16::try_from(config.roster.len()).unwrap_or(u16::MAX);
        let (_, sender_us) = lifetimes(&config);
        Self {
            nodes,
            born_us: now_us,
            opens_us: now_us.saturating_add(sender_us),
            shares: HashMap::new(),
            next_look_us: 0,
            peers: vec![Peer::default(); config.roster.len()],
            pending: HashMap::new(),
            config,
        }
    }

    pub(super) fn peer(&self, node: u16) -> Peer {
        self.peers[usize::from(node)]
    }

    /// Hears of another node what is new.
    pub(super) fn heard(&mut self, node: u16, boot: u64, clock_us: u64, now_us: u64) {
        let peer = &mut self.peers[usize::from(node)];
        if peer.boot != boot {
            *peer = Peer {
                boot,
                ..Peer::default()
            };
        }
        peer.clock_us = peer.clock_us.max(clock_us);
        peer.heard_us = Some(now_us);
    }

    /// The other nodes that were heard of lately.
    pub(super) fn reachable(&self, now_us: u64) -> impl Iterator<Item = u16> {
        let silence_us = micros(self.config.silence);
        let nodes = (0..self.nodes).filter(|node| *node != self.config.node);
        nodes.filter(move |node| {
            let heard = self.peers[usize::from(*node)].heard_us;
            heard.is_some_and(|heard_us| now_us.saturating_sub(heard_us) <= silence_us)
        })
    }

    /// How many buckets have something on loan.
    pub(super) fn on_loan(&mut self, now_us: u64) -> usize {
        let shares = self.shares.values_mut();
        shares
            .map(|kept| usize::from(kept.share.on_loan(now_us) > 0))
            .sum()
    }

    fn split(&self, id: &BucketId, shape: Shape) -> Split {
        let [a, b, ..] = *id;
        Split::new(shape, self.nodes, u16::from_le_bytes([a, b]) % self.nodes)
    }

    /// Lifts out what is kept of a bucket, in the shape that its limit has now, and says whether something was; of one
    /// that is not known what it was at the start.
    fn lift(&mut self, id: &BucketId, shape: Shape, now_us: u64) -> (Kept, bool) {
        let split = self.split(id, shape);
        let Some(kept) = self.shares.remove(id) else {
            let kept = Kept {
                share: Share::new(split, self.config.node, self.opens_us),
                beliefs: vec![Belief::new(0, self.born_us); usize::from(self.nodes)],
                gathering: None,
            };
            return (kept, false);
        };
        let before = kept.share.split();
        if before == split {
            return (kept, true);
        }
        let nodes = (0..self.nodes).zip(&kept.beliefs);
        let beliefs = nodes.map(|(node, belief)| {
            let tokens = before.tokens(belief.level(before, node, now_us));
            Belief::new(split.units(tokens).min(split.cap(node)), now_us)
        });
        let kept = Kept {
            beliefs: beliefs.collect(),
            share: kept.share.in_split(split, now_us),
            gathering: kept.gathering,
        };
        (kept, true)
    }

    /// Sees to it that `more` buckets can be kept.
    fn make_room(&mut self, more: usize, now_us: u64) -> Result<(), LimiterError> {
        let fits = |state: &Self| state.shares.len() + more <= state.config.buckets;
        if more == 0 || fits(self) {
            return Ok(());
        }
        if now_us >= self.next_look_us {
            self.shares
                .retain(|_, kept| kept.gathering.is_some() || !kept.share.is_full(now_us));
            self.next_look_us = now_us.saturating_add(LOOK_AGAIN_US);
        }
        if fits(self) {
            Ok(())
        } else {
            Err(LimiterError::Crowded)
        }
    }

    /// What is kept of a bucket from now on.
    fn keep(
        &mut self,
        id: &BucketId,
        shape: Shape,
        now_us: u64,
    ) -> Result<&mut Kept, LimiterError> {
        let (kept, known) = self.lift(id, shape, now_us);
        self.make_room(usize::from(!known), now_us)?;
        Ok(self.shares.entry(*id).or_insert(kept))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
