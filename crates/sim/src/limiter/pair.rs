//! Two nodes, of which one follows the other: asynchronous replication, the fence of a primary that nobody follows, and
//! who is the primary. Pure: moments are arguments.

use std::collections::VecDeque;
use std::time::Duration;

use stanchion_kernel::Clock;

use super::node::{Data, Kept, Node, Reign, Request, Said};
use super::setup::Setup;
use super::wrong::Wrong;
use crate::time::HandId;

/// Which of the two.
pub(super) type Which = usize;

#[derive(Debug)]
pub(super) struct Pair {
    seats: [Seat; 2],
    /// From the primary to the one that follows it, while there is one.
    link: Option<Link>,
    /// Whom the Sentinels call the primary.
    elected: Which,
    /// The next identity.
    identities: u64,
    wrong: Option<Wrong>,
    tick_us: u64,
}

/// A node and what is around it.
#[derive(Debug)]
struct Seat {
    node: Node,
    clock: Clock,
    hand: HandId,
    is_up: bool,
    is_primary: bool,
    /// From this moment of its wall clock on it refuses to write.
    writes_until_us: Option<u64>,
}

/// What is on its way to the one that follows, in order.
#[derive(Debug)]
struct Link {
    effects: VecDeque<Effect>,
}

#[derive(Debug)]
struct Effect {
    /// When it is there, in true time.
    due: Duration,
    reign: Option<Reign>,
    buckets: Vec<(usize, Kept)>,
}

/// Why a node does not answer what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Down,
    ReadOnly,
    Fenced,
}

impl Pair {
    pub(super) fn new(setup: &Setup, clocks: [(Clock, HandId); 2]) -> Self {
        let seats = clocks.map(|(clock, hand)| Seat {
            node: Node::new(setup.quarantine(), setup.wrong),
            clock,
            hand,
            is_up: true,
            is_primary: false,
            writes_until_us: None,
        });
        let mut pair = Self {
            seats,
            link: None,
            elected: 0,
            identities: 0,
            wrong: setup.wrong,
            tick_us: u64::try_from(setup.tick.as_micros()).unwrap_or(u64::MAX),
        };
        pair.crown(0);
        pair.follow(1);
        pair
    }

    pub(super) fn elected(&self) -> Which {
        self.elected
    }

    pub(super) fn clock(&self, which: Which) -> (&Clock, HandId) {
        let seat = &self.seats[which];
        (&seat.clock, seat.hand)
    }

    /// A request that has reached a node at a moment of true time; what it writes takes `lag` to the other one.
    pub(super) fn answer(
        &mut self,
        which: Which,
        request: &Request,
        now: Duration,
        lag: Duration,
    ) -> Result<Said, Refusal> {
        let never_fenced = self.wrong == Some(Wrong::NeverFenced);
        let seat = &mut self.seats[which];
        let now_us = wall_us(&seat.clock);
        if !seat.is_up {
            return Err(Refusal::Down);
        }
        if !seat.is_primary {
            return Err(Refusal::ReadOnly);
        }
        if !never_fenced && seat.writes_until_us.is_some_and(|until| until <= now_us) {
            return Err(Refusal::Fenced);
        }
        let (said, changed) = seat.node.answer(now_us, request);
        if which == self.elected
            && let Some(link) = &mut self.link
        {
            let data = &seat.node.data;
            let copy = |bucket| Some((bucket, data.buckets.get(&bucket)?.clone()));
            let before = link.effects.back().map_or(now, |last| last.due);
            link.effects.push_back(Effect {
                due: before.max(now + lag),
                reign: data.reign,
                buckets: changed.into_iter().filter_map(copy).collect(),
            });
            self.deliver(now);
        }
        Ok(said)
    }

    /// Brings to the one that follows what has arrived.
    pub(super) fn deliver(&mut self, now: Duration) {
        let follower = 1 - self.elected;
        let Some(link) = &mut self.link else {
            return;
        };
        while link.effects.front().is_some_and(|effect| effect.due <= now) {
            if let Some(effect) = link.effects.pop_front() {
                let data = &mut self.seats[follower].node.data;
                data.reign = effect.reign;
                data.buckets.extend(effect.buckets);
            }
        }
    }

    /// Nothing comes through from the primary any more. It last heard of the other one `silent` ago, and looks for who is
    /// missing at some moment of each tick: it counts in whole ones, and the greatest lag is one.
    pub(super) fn cut(&mut self, now: Duration, silent: Duration, look: Duration) {
        self.deliver(now);
        self.link = None;
        let tick = self.tick_us;
        let seat = &mut self.seats[self.elected];
        let heard_us = wall_us(&seat.clock).saturating_sub(us(silent).min(tick - 1));
        let missing_us = (heard_us / tick + 2) * tick;
        let look_us = us(look) % tick;
        let until_us = (missing_us.saturating_sub(look_us)).div_ceil(tick) * tick + look_us;
        seat.writes_until_us = Some(until_us);
    }

    /// The primary sees that the other one has gone.
    pub(super) fn part(&mut self, now: Duration) {
        self.deliver(now);
        self.link = None;
        self.seats[self.elected].writes_until_us = Some(0);
    }

    /// The node is gone with all that it had.
    pub(super) fn crash(&mut self, which: Which) {
        self.seats[which].is_up = false;
        self.seats[which].node.data = Data::default();
    }

    /// The other node is the primary from now on; the one before does not hear of it. As long as nobody follows it, it
    /// does not write.
    pub(super) fn promote(&mut self) -> Which {
        self.link = None;
        self.elected = 1 - self.elected;
        self.crown(self.elected);
        self.seats[self.elected].writes_until_us = Some(0);
        self.elected
    }

    /// Somebody follows the primary, who is none of the two.
    pub(super) fn has_spare(&mut self) {
        self.seats[self.elected].writes_until_us = None;
    }

    /// A node follows the primary: it has what that one has, and all that it had is gone.
    pub(super) fn follow(&mut self, which: Which) {
        if which == self.elected {
            return;
        }
        let data = self.seats[self.elected].node.data.clone();
        let identity = self.seats[self.elected].node.identity;
        let seat = &mut self.seats[which];
        seat.node.data = data;
        seat.node.identity = identity;
        seat.is_up = true;
        seat.is_primary = false;
        self.seats[self.elected].writes_until_us = None;
        let effects = VecDeque::new();
        self.link = Some(Link { effects });
    }

    fn crown(&mut self, which: Which) {
        self.identities += 1;
        let seat = &mut self.seats[which];
        seat.node.identity = self.identities;
        seat.is_primary = true;
    }
}

fn wall_us(clock: &Clock) -> u64 {
    u64::try_from(clock.now().as_micros()).unwrap_or_default()
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
