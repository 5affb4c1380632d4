use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{Entry, State};
use crate::port::gossip::news::{Beat, BucketId, Member, Told, place};

/// For how many rounds what was told is told after it has ceased to matter.
pub(in crate::port::gossip) const LINGER_ROUNDS: u32 = 10;

/// What is to be told in a round.
#[derive(Debug, Default)]
pub(in crate::port::gossip) struct Round {
    /// By place; none is taken back.
    pub(in crate::port::gossip) counters: Vec<(String, Option<String>)>,
    /// Told last, so that whoever hears it has heard the rest.
    pub(in crate::port::gossip) beat: String,
    /// Buckets that are full here and may be forgotten when nobody else tells of them.
    pub(in crate::port::gossip) idle: Vec<BucketId>,
    /// The bounds of the limits that were used.
    pub(in crate::port::gossip) bounds: HashMap<String, u64>,
    /// How many buckets are remembered.
    pub(in crate::port::gossip) buckets: usize,
    /// How old the oldest view is.
    pub(in crate::port::gossip) oldest: Duration,
}

impl State {
    /// Begins a round, and says what is to be told.
    pub(in crate::port::gossip) fn round(&mut self, now_us: u64) -> Round {
        self.rounds += 1;
        let mut round = Round {
            oldest: self.oldest(now_us),
            buckets: self.entries.len(),
            ..Round::default()
        };
        for (id, entry) in &self.entries {
            if let Some(limit) = entry.limit.as_ref().filter(|_| entry.recent != [0; 2]) {
                let bound = self.bound(id, entry.account.shape(), now_us);
                let name = limit.name().to_string();
                let known = round.bounds.entry(name).or_default();
                *known = bound.max(*known);
            }
        }
        for (id, entry) in &mut self.entries {
            entry.tell(id, &mut round, now_us);
        }
        (self.before_us, self.round_us) = (self.round_us, now_us);
        let heard = self.views.iter().map(|(name, view)| {
            let member = (name.clone(), view.generation);
            (member, view.clock_us)
        });
        let beat = Beat {
            clock_us: now_us,
            round: self.rounds,
            heard: heard.collect(),
        };
        round.beat = beat.to_string();
        round
    }

    /// Forgets buckets that are full and that nobody tells of any more, and the nodes that are not `known` any more.
    pub(in crate::port::gossip) fn forget(
        &mut self,
        idle: &[BucketId],
        known: &HashSet<Member>,
        now_us: u64,
    ) {
        for id in idle {
            if let Some(entry) = self.entries.get(id)
                && entry.own.era == 0
                && entry.account.is_full(now_us)
            {
                self.entries.remove(id);
            }
        }
        self.views
            .retain(|name, view| known.contains(&(name.clone(), view.generation)));
        for entry in self.entries.values_mut() {
            entry.others.retain(|member| known.contains(member));
        }
    }
}

impl Entry {
    /// Tells what is new; takes back what was told when it is full, and everybody who listens has heard it.
    fn tell(&mut self, id: &BucketId, round: &mut Round, now_us: u64) {
        self.recent = [self.recent[1], 0];
        if self.own != self.told
            && let Some(limit) = &self.limit
        {
            let told = Told::new(self.own, limit);
            round.counters.push((place(id), Some(told.to_string())));
            self.told = self.own;
            self.quiet = 0;
        } else if self.account.is_full(now_us) {
            self.quiet += 1;
        } else {
            self.quiet = 0;
        }
        if self.quiet >= LINGER_ROUNDS {
            if self.told.era > 0 {
                round.counters.push((place(id), None));
            }
            (self.own, self.told) = Default::default();
            round.idle.push(*id);
        }
    }
}
