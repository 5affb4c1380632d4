use std::sync::Arc;

use tokio::sync::futures::OwnedNotified;
use tokio::sync::mpsc;

use super::{State, micros};
use crate::escrow::{Belief, Release, Split, TransferId};
use crate::port::escrow::lifetimes;
use crate::port::escrow::wire::{BucketId, Terms};
use crate::{Ask, LimiterError};

#[derive(Debug)]
pub(super) struct Pending {
    from: u16,
    bucket: BucketId,
    split: Split,
    pub(super) until_us: u64,
    waits: mpsc::Sender<Reply>,
}

/// What a request for tokens hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::port::escrow) enum Reply {
    /// So many units, which are in the share now.
    Given(u64),
    /// The request has to be made again.
    Again,
}

/// Whose turn it is to gather tokens for a bucket.
pub(in crate::port::escrow) enum Turn {
    /// The caller's.
    Mine,
    /// Another call's; it ends when this resolves.
    Others(OwnedNotified),
}

/// The next request of a call that gathers.
#[derive(Clone, Copy, Debug)]
pub(in crate::port::escrow) struct Request {
    pub(in crate::port::escrow) from: u16,
    pub(in crate::port::escrow) id: TransferId,
    pub(in crate::port::escrow) bucket: BucketId,
    pub(in crate::port::escrow) terms: Terms,
    pub(in crate::port::escrow) need: u64,
    pub(in crate::port::escrow) want: u64,
}

impl State {
    /// Begins to gather for a bucket, unless another call does.
    pub(in crate::port::escrow) fn begin(
        &mut self,
        id: &BucketId,
        ask: &Ask<'_>,
        now_us: u64,
    ) -> Result<Turn, LimiterError> {
        let kept = self.keep(id, ask.limit().shape(), now_us)?;
        if let Some(other) = &kept.gathering {
            return Ok(Turn::Others(Arc::clone(other).notified_owned()));
        }
        kept.gathering = Some(Arc::default());
        Ok(Turn::Mine)
    }

    /// Ends it, and wakes those that waited.
    pub(in crate::port::escrow) fn end(&mut self, id: &BucketId) {
        if let Some(kept) = self.shares.get_mut(id)
            && let Some(waiting) = kept.gathering.take()
        {
            waiting.notify_waiters();
        }
    }

    /// The next request of a call that is short, to the node that is believed to have most of those not `asked` yet.
    pub(in crate::port::escrow) fn request(
        &mut self,
        (bucket, ask): (&BucketId, &Ask<'_>),
        asked: &[u16],
        (id, waits): (TransferId, mpsc::Sender<Reply>),
        now_us: u64,
    ) -> Option<Request> {
        let (holder_us, _) = lifetimes(&self.config);
        self.pending.retain(|_, pending| pending.until_us > now_us);
        if self.pending.len() >= self.config.requests {
            return None;
        }
        let kept = self.keep(bucket, ask.limit().shape(), now_us).ok()?;
        let split = kept.share.split();
        let level = kept.share.level(now_us);
        let beliefs = kept.beliefs.clone();
        let need = split.units(ask.cost()).saturating_sub(level);
        if need == 0 {
            return None;
        }
        let nodes = self.reachable(now_us);
        let from = nodes
            .filter(|node| !asked.contains(node) && split.cap(*node) > 0)
            .max_by_key(|node| beliefs[usize::from(*node)].level(split, *node, now_us))?;
        let until_us = now_us.saturating_add(holder_us);
        let pending = Pending {
            from,
            bucket: *bucket,
            split,
            until_us,
            waits,
        };
        self.pending.insert(id, pending);
        let rate = ask.limit().rate();
        Some(Request {
            from,
            id,
            bucket: *bucket,
            terms: Terms {
                tokens: rate.tokens(),
                period_us: micros(rate.period()),
                burst: ask.limit().burst(),
            },
            need,
            want: need.max(split.cap(self.config.node).saturating_sub(level)),
        })
    }

    /// Answers a request of another node: units, and what is left.
    pub(in crate::port::escrow) fn lend(&mut self, request: &Request, now_us: u64) -> (u64, u64) {
        let Some(shape) = request.terms.shape() else {
            return (0, 0);
        };
        let (_, sender_us) = lifetimes(&self.config);
        let until_us = now_us.saturating_add(sender_us);
        let Ok(kept) = self.keep(&request.bucket, shape, now_us) else {
            return (0, 0);
        };
        let amounts = (request.need, request.want);
        let units = kept.share.lend(now_us, request.id, amounts, until_us);
        (units, kept.share.level(now_us))
    }

    /// Hears an answer of `from`. What nobody waits for any more goes back: it never was here.
    pub(in crate::port::escrow) fn given(
        &mut self,
        from: u16,
        (id, units, left): (TransferId, u64, u64),
        now_us: u64,
    ) -> Option<(BucketId, Release)> {
        if self.pending.get(&id)?.from != from {
            return None;
        }
        // Only the first answer finds it. A second one must neither be accepted nor sent back.
        let pending = self.pending.remove(&id)?;
        let back = (units > 0).then_some((
            pending.bucket,
            Release {
                id,
                from,
                unspent: units,
            },
        ));
        let Some(kept) = self.shares.get_mut(&pending.bucket) else {
            return back;
        };
        if kept.share.split() != pending.split {
            return back;
        }
        kept.beliefs[usize::from(from)] = Belief::new(left, now_us);
        let waits = &pending.waits;
        if waits.is_closed() {
            return back;
        }
        let amount = (from, units);
        if units > 0 && !kept.share.accept(now_us, id, amount, pending.until_us) {
            return back;
        }
        let _nobody_waits = waits.try_send(Reply::Given(units));
        None
    }

    pub(in crate::port::escrow) fn again(&mut self, from: u16, id: TransferId) {
        if let Some(pending) = self.pending.get(&id).filter(|to| to.from == from) {
            let _nobody_waits = pending.waits.try_send(Reply::Again);
        }
    }

    /// Releases what a call has gathered.
    pub(in crate::port::escrow) fn release(
        &mut self,
        bucket: &BucketId,
        ids: &[TransferId],
        were_used: bool,
        now_us: u64,
    ) -> Vec<Release> {
        let Some(kept) = self.shares.get_mut(bucket) else {
            return Vec::new();
        };
        let released = kept.share.release(now_us, ids, were_used);
        for release in &released {
            let node = release.from;
            let belief = &mut kept.beliefs[usize::from(node)];
            let split = kept.share.split();
            let level = belief.level(split, node, now_us) + release.unspent;
            *belief = Belief::new(level.min(split.cap(node)), now_us);
        }
        released
    }

    pub(in crate::port::escrow) fn released(
        &mut self,
        bucket: &BucketId,
        id: TransferId,
        unspent: u64,
        now_us: u64,
    ) {
        if let Some(kept) = self.shares.get_mut(bucket) {
            kept.share.released(now_us, id, unspent);
        }
    }
}
