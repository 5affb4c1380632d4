//! What a node knows: its buckets, what others have taken out of them, and how old that knowledge is. Pure: `now` is an
//! argument.

mod round;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::GossipConfig;
use super::news::{Beat, BucketId, Member, Told};
use crate::bucket::Shape;
use crate::gossip::{Account, Counter, Spent, accrued, extra};
use crate::{Ask, Decision, Limit, LimiterError};

pub(super) use round::{LINGER_ROUNDS, Round};

/// Looking through all buckets for each of many calls would hold up all of them.
const LOOK_AGAIN_US: u64 = 100_000;

#[derive(Debug)]
pub(super) struct State {
    config: GossipConfig,
    generation: u64,
    born_us: u64,
    /// When a bucket that is not known was empty: at the start, or when there was no room for what was told of one.
    unknown_us: u64,
    entries: HashMap<BucketId, Entry>,
    next_look_us: u64,
    eras: u64,
    rounds: u64,
    /// When the round before this one began.
    before_us: u64,
    round_us: u64,
    views: BTreeMap<Box<str>, View>,
}

/// What is known of another node of this name.
#[derive(Clone, Copy, Debug)]
struct View {
    generation: u64,
    /// The round that it told of last.
    round: u64,
    /// Its clock then.
    clock_us: u64,
    /// The time of ours that it had heard of by then, if any; everything that it admitted before is known.
    known_until_us: Option<u64>,
}

#[derive(Clone, Debug)]
struct Entry {
    account: Account,
    others: Counter<Member>,
    own: Spent,
    told: Spent,
    /// Tokens that were taken here in the round before and in this one.
    recent: [u64; 2],
    /// For how many rounds it has been full, with nothing to tell.
    quiet: u32,
    /// The limit, if it was asked for here.
    limit: Option<Limit>,
}

impl State {
    pub(super) fn new(config: GossipConfig, generation: u64, now_us: u64) -> Self {
        Self {
            config,
            generation,
            born_us: now_us,
            unknown_us: now_us,
            entries: HashMap::new(),
            next_look_us: 0,
            eras: 0,
            rounds: 0,
            before_us: now_us,
            round_us: now_us,
            views: BTreeMap::new(),
        }
    }

    /// How many tokens a bucket may owe: what all others could admit beyond it in the time that is paid back.
    fn owed(&self, shape: Shape) -> u64 {
        let each = shape
            .burst()
            .saturating_add(accrued(shape, self.config.horizon));
        each.saturating_mul(u64::from(self.config.nodes.saturating_sub(1)))
    }

    /// A bucket, in the shape that its limit has now.
    fn account(&self, id: &BucketId, shape: Shape, now_us: u64) -> Result<Account, LimiterError> {
        let owed = self.owed(shape);
        let account = match self.entries.get(id) {
            Some(entry) => entry.account.in_shape(shape, owed, now_us),
            None => Account::empty(shape, owed, self.unknown_us),
        };
        account.ok_or_else(|| {
            let wrong = "burst and rate are too large to count what is owed for the horizon";
            LimiterError::Config(wrong.to_owned())
        })
    }

    /// Keeps a bucket as it is now.
    fn keep(&mut self, id: BucketId, account: Account) -> &mut Entry {
        let entry = self.entries.entry(id).or_insert_with(|| Entry {
            account,
            others: Counter::default(),
            own: Spent::default(),
            told: Spent::default(),
            recent: [0; 2],
            quiet: 0,
            limit: None,
        });
        entry.account = account;
        entry
    }

    fn make_room(&mut self, id: &BucketId, now_us: u64) -> Result<(), LimiterError> {
        if self.entries.len() < self.config.buckets || self.entries.contains_key(id) {
            return Ok(());
        }
        if now_us >= self.next_look_us {
            // What was told is taken back in a round; only then it may be forgotten.
            let is_idle = |entry: &Entry| {
                entry.others.is_empty()
                    && entry.told.era == 0
                    && entry.own.era == 0
                    && entry.account.is_full(now_us)
            };
            self.entries.retain(|_, entry| !is_idle(entry));
            self.next_look_us = now_us.saturating_add(LOOK_AGAIN_US);
        }
        if self.entries.len() < self.config.buckets {
            Ok(())
        } else {
            Err(LimiterError::Crowded)
        }
    }

    /// Takes every cost, or none.
    pub(super) fn check(
        &mut self,
        asks: &[(BucketId, Ask<'_>)],
        now_us: u64,
    ) -> Result<Vec<Decision>, LimiterError> {
        let is_blind = self.denies_for_age(now_us);
        let mut levels = Vec::with_capacity(asks.len());
        for (id, ask) in asks {
            let account = self.account(id, ask.limit().shape(), now_us)?;
            let mut level = account.peek(now_us, ask.cost());
            if is_blind && ask.cost() > 0 {
                level.holds = false;
                level.until_held = level.until_held.max(self.config.interval);
            }
            levels.push((account, level));
        }
        let allowed = levels.iter().all(|(_, level)| level.holds);
        if allowed {
            for (id, _) in asks.iter().filter(|(_, ask)| ask.cost() > 0) {
                self.make_room(id, now_us)?;
            }
            for ((id, ask), (account, level)) in asks.iter().zip(&mut levels) {
                if ask.cost() > 0 {
                    *level = account.take(now_us, ask.cost());
                    self.spend(*id, *account, ask);
                }
            }
        }
        let decisions = asks.iter().zip(levels);
        let decisions = decisions.map(|((id, ask), (account, level))| Decision {
            allowed,
            burst: ask.limit().burst(),
            remaining: level.tokens,
            retry_after: level.until_held,
            reset_after: level.until_full,
            bound: self.bound(id, account.shape(), now_us),
        });
        Ok(decisions.collect())
    }

    fn spend(&mut self, id: BucketId, account: Account, ask: &Ask<'_>) {
        let era = self.eras + 1;
        let entry = self.keep(id, account);
        entry.recent[1] = entry.recent[1].saturating_add(ask.cost());
        entry.own.taken = entry.own.taken.saturating_add(ask.cost());
        if entry.limit.as_ref() != Some(ask.limit()) {
            entry.limit = Some(ask.limit().clone());
        }
        if entry.own.era == 0 {
            entry.own.era = era;
            self.eras = era;
        }
    }

    pub(super) fn refund(
        &mut self,
        id: &BucketId,
        ask: &Ask<'_>,
        now_us: u64,
    ) -> Result<(), LimiterError> {
        // From a bucket that is not known nothing is missing that could be put back.
        if !self.entries.contains_key(id) {
            return Ok(());
        }
        let mut account = self.account(id, ask.limit().shape(), now_us)?;
        account.refund(now_us, ask.cost());
        let none = Ask::new(ask.limit(), ask.key(), 0)?;
        self.spend(*id, account, &none);
        let entry = self.keep(*id, account);
        entry.own.returned = entry.own.returned.saturating_add(ask.cost());
        Ok(())
    }

    /// How old the view of a node is at the most; of one that has not heard of this one yet, as old as this one is.
    fn age(&self, view: View, now_us: u64) -> Duration {
        let known_until_us = view.known_until_us.unwrap_or(self.born_us);
        Duration::from_micros(now_us.saturating_sub(known_until_us))
    }

    /// How old the oldest view is at the most; zero when there are no others.
    pub(super) fn oldest(&self, now_us: u64) -> Duration {
        let ages = self.views.values().map(|view| self.age(*view, now_us));
        ages.max().unwrap_or_default()
    }

    fn denies_for_age(&self, now_us: u64) -> bool {
        self.config.strict.is_some_and(|strict| {
            let fresh = self.views.values().filter(|view| {
                view.known_until_us.is_some() && self.age(**view, now_us) <= strict.age
            });
            fresh.count() < usize::from(strict.nodes.saturating_sub(1))
        })
    }

    /// The most that could be admitted beyond the limit at this moment.
    fn bound(&self, id: &BucketId, shape: Shape, now_us: u64) -> u64 {
        if let Some(strict) = self.config.strict {
            let others = u64::from(strict.nodes.saturating_sub(1));
            return extra(shape, others, strict.age, u64::MAX);
        }
        let age = self.oldest(now_us);
        let others = u64::try_from(self.views.len()).unwrap_or(u64::MAX);
        let span_us = u128::from(now_us.saturating_sub(self.before_us).max(1));
        let recent = self.entries.get(id).map_or([0; 2], |entry| entry.recent);
        let recent = u128::from(recent[0]) + u128::from(recent[1]);
        let demand = (recent * age.as_micros()).div_ceil(span_us);
        extra(
            shape,
            others,
            age,
            u64::try_from(demand).unwrap_or(u64::MAX),
        )
    }

    /// Hears what another node has taken out of a bucket; `Err` with why it is not believed.
    pub(super) fn hear(
        &mut self,
        member: &Member,
        (id, told): (BucketId, Told),
        now_us: u64,
    ) -> Result<(), &'static str> {
        let shape = told.shape().ok_or("garbage")?;
        // What a node told before it said for the first time that it lives is no news: it is from before this one knew it.
        let view = self.views.get(&member.0);
        let is_news = view.is_some_and(|view| view.generation == member.1);
        if view.is_none() && !self.has_room_for_a_node() {
            return Err("crowded");
        }
        if self.make_room(&id, now_us).is_err() {
            self.unknown_us = now_us;
            return Err("crowded");
        }
        let known = self.entries.get(&id);
        let shape = known.map_or(shape, |entry| entry.account.shape());
        let mut account = self.account(&id, shape, now_us).map_err(|_| "garbage")?;
        let entry = self.keep(id, account);
        let (taken, returned) = entry.others.hear(member.clone(), told.spent);
        account.debit(now_us, taken, is_news);
        if is_news {
            account.refund(now_us, returned);
        }
        entry.account = account;
        Ok(())
    }

    fn has_room_for_a_node(&self) -> bool {
        self.views.len() + 1 < usize::from(self.config.nodes)
    }

    /// Hears that another node lives; `Err` with why it is not believed.
    pub(super) fn hear_beat(&mut self, member: &Member, beat: &Beat) -> Result<(), &'static str> {
        if !self.views.contains_key(&member.0) && !self.has_room_for_a_node() {
            return Err("crowded");
        }
        let of_me = beat.heard.iter().find(|((name, generation), _)| {
            **name == *self.config.name && *generation == self.generation
        });
        let view = View {
            generation: member.1,
            round: beat.round,
            clock_us: beat.clock_us,
            known_until_us: of_me.map(|(_, clock_us)| *clock_us),
        };
        let known = self.views.entry(member.0.clone()).or_insert(view);
        if known.generation == view.generation {
            known.round = known.round.max(view.round);
            known.clock_us = known.clock_us.max(view.clock_us);
            known.known_until_us = known.known_until_us.max(view.known_until_us);
        } else if known.generation < view.generation {
            *known = view;
        }
        Ok(())
    }

    /// The round of each other node that is known.
    pub(super) fn heard(&self) -> BTreeMap<String, u64> {
        let views = self.views.iter();
        views
            .map(|(name, view)| (name.to_string(), view.round))
            .collect()
    }

    /// The rounds that it told of.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds
    }
}
