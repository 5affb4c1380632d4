use std::time::Duration;

use super::{Kept, State, micros};
use crate::escrow::{Split, time_until, until_full};
use crate::port::escrow::wire::BucketId;
use crate::{Ask, Decision, LimiterError};

/// What the shares of this node say to a call.
#[derive(Debug)]
pub(in crate::port::escrow) struct Verdict {
    pub(in crate::port::escrow) decisions: Vec<Decision>,
    pub(in crate::port::escrow) allowed: bool,
    /// The questions for which other nodes could hold what is missing; none when one of them is hopeless.
    pub(in crate::port::escrow) gather: Vec<usize>,
}

/// What is kept of a bucket, while a call looks at it.
struct Lifted {
    kept: Kept,
    known: bool,
    cost: u64,
    short: u64,
}

impl State {
    /// Takes every cost out of the shares of this node, or none.
    pub(in crate::port::escrow) fn take(
        &mut self,
        asks: &[(BucketId, Ask<'_>)],
        now_us: u64,
    ) -> Result<Verdict, LimiterError> {
        let lift = |(id, ask): &(BucketId, Ask<'_>)| {
            let (mut kept, known) = self.lift(id, ask.limit().shape(), now_us);
            let cost = kept.share.split().units(ask.cost());
            let short = cost.saturating_sub(kept.share.level(now_us));
            Lifted {
                kept,
                known,
                cost,
                short,
            }
        };
        let mut all: Vec<Lifted> = asks.iter().map(lift).collect();
        let holds = all.iter().all(|one| one.short == 0);
        let is_new = |one: &&Lifted| holds && one.cost > 0 && !one.known;
        // Those that are known are not among the shares at this moment.
        let more = match all.iter().filter(is_new).count() {
            0 => 0,
            _ => all.len(),
        };
        let room = self.make_room(more, now_us);
        let allowed = holds && room.is_ok();
        if allowed {
            for one in &mut all {
                one.kept.share.take(now_us, one.cost);
            }
        }
        let gather = self.worth_gathering(&all, now_us);
        let decisions = self.decisions(asks, &mut all, allowed, now_us);
        for ((id, _), one) in asks.iter().zip(all) {
            if one.known || allowed && one.cost > 0 {
                self.shares.insert(*id, one.kept);
            }
        }
        room?;
        Ok(Verdict {
            decisions,
            allowed,
            gather,
        })
    }

    /// The questions that are short, if others could have what is missing to each.
    fn worth_gathering(&self, all: &[Lifted], now_us: u64) -> Vec<usize> {
        let short = all.iter().enumerate().filter(|(_, one)| one.short > 0);
        let hopeful = |one: &Lifted| self.hope(&one.kept, now_us) >= one.short;
        if !short.clone().all(|(_, one)| hopeful(one)) {
            return Vec::new();
        }
        short.map(|(n, _)| n).collect()
    }

    fn decisions(
        &self,
        asks: &[(BucketId, Ask<'_>)],
        all: &mut [Lifted],
        allowed: bool,
        now_us: u64,
    ) -> Vec<Decision> {
        let levels: Vec<_> = all
            .iter_mut()
            .map(|one| self.levels(&mut one.kept, now_us))
            .collect();
        let held = |levels: &[(u16, u64)]| levels.iter().map(|(_, level)| level).sum::<u64>();
        let lacks = |(one, levels): (&Lifted, &Vec<_>)| one.short > 0 && held(levels) < one.cost;
        // What others have is not missing, unless nothing else is.
        let lack_any = all
            .iter()
            .zip(&levels)
            .any(|(one, levels)| lacks((one, levels)));
        let decide = |((one, levels), (_, ask)): ((&Lifted, &Vec<_>), &(BucketId, Ask<'_>))| {
            let split = one.kept.share.split();
            let is_due = lacks((one, levels)) || !lack_any && one.short > 0;
            Decision {
                allowed,
                burst: ask.limit().burst(),
                remaining: split.tokens(held(levels)).min(ask.limit().burst()),
                retry_after: if is_due {
                    self.retry_after(split, levels, one.cost)
                } else {
                    Duration::ZERO
                },
                reset_after: until_full(split, levels),
                bound: 0,
            }
        };
        all.iter().zip(&levels).zip(asks).map(decide).collect()
    }

    fn retry_after(&self, split: Split, levels: &[(u16, u64)], cost: u64) -> Duration {
        // Nodes that cannot be reached have some of it; and those that said nothing may answer the next time.
        let until_held = time_until(split, levels, cost).unwrap_or(self.config.silence);
        until_held.max(Duration::from_micros(1))
    }

    /// The most units that the nodes which can be reached could hand over. What was heard long ago says nothing: they may
    /// have got some from others since.
    fn hope(&self, kept: &Kept, now_us: u64) -> u64 {
        let split = kept.share.split();
        let trust_us = micros(self.config.trust);
        let hopes = self.reachable(now_us).map(|node| {
            let belief = kept.beliefs[usize::from(node)];
            if belief.age_us(now_us) > trust_us {
                split.cap(node)
            } else {
                belief.level(split, node, now_us)
            }
        });
        hopes.sum()
    }

    /// The levels of this node and of those that can be reached.
    fn levels(&self, kept: &mut Kept, now_us: u64) -> Vec<(u16, u64)> {
        let split = kept.share.split();
        let own = (self.config.node, kept.share.level(now_us));
        let others = self.reachable(now_us).map(|node| {
            let belief = kept.beliefs[usize::from(node)];
            (node, belief.level(split, node, now_us))
        });
        std::iter::once(own).chain(others).collect()
    }

    pub(in crate::port::escrow) fn refund(&mut self, id: &BucketId, ask: &Ask<'_>, now_us: u64) {
        let (mut kept, known) = self.lift(id, ask.limit().shape(), now_us);
        let units = kept.share.split().units(ask.cost());
        kept.share.refund(now_us, units);
        // From a share that is not known nothing is missing that could be put back.
        if known {
            self.shares.insert(*id, kept);
        }
    }
}
