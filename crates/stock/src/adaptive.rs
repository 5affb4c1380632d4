//! Which way a SKU goes, by what was measured of it. Pure: it hears of calls and how they went.
//!
//! A cool SKU is best served directly: its calls run beside each other on several connections. A hot one is best served
//! in batches, since its row is locked through each commit. What tells them apart is conflict (another call on the SKU is
//! under way already) and wait (a call takes several times what it takes alone). A whole lane goes in batches when its
//! calls wait and are so many that its batches would be worth it, though no SKU of it is hot. Whoever goes in batches
//! comes back when these have hardly more than one command. Several calls in a row must agree before anything changes.

mod gauge;
mod known;

use std::time::Duration;

use gauge::Gauge;
use known::Known;

/// The ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// By its own statement or transaction.
    Direct,
    /// In the batches of its lane.
    Batched,
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// Directly.
    Direct {
        /// How long it took, the wait for a connection included.
        took: Duration,
        /// Another call of the same SKU was under way when it began, or it had to be tried again.
        conflict: bool,
        /// How many calls of the lane were under way when it began.
        beside: u32,
    },
    /// In a batch of so many commands.
    Batched {
        /// Itself included.
        size: usize,
    },
}

/// How a call is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Which way.
    pub mode: Mode,
    /// Another call of the same SKU is under way.
    pub conflict: bool,
    /// How many calls of the lane are under way, this one not included.
    pub beside: u32,
}

/// A change of mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Whether it is the whole lane's, and not one SKU's.
    pub whole_lane: bool,
    /// Which way from now on.
    pub to: Mode,
}

/// What is known of the SKUs of a lane. Its memory is bounded; a SKU that was forgotten goes as its lane does.
#[derive(Debug)]
pub struct Adaptive {
    lane: Gauge,
    skus: Known,
    /// Calls that are under way.
    under_way: u32,
    /// What a call takes alone, in seconds: the least that was seen, forgotten slowly.
    floor: Option<f64>,
}

/// A call that takes this many times the floor has waited.
const WAITED: f64 = 3.0;
/// So many calls of a lane at once are worth a batch. With fewer, direct calls gain more by running beside each other.
const WORTH_A_BATCH: u32 = 4;
/// What each call adds to the floor of what it took more.
const FORGET: f64 = 1.0 / 4096.0;

impl Adaptive {
    /// Knows nothing, and goes directly; remembers `skus` SKUs or up to twice as many.
    #[must_use]
    pub fn new(skus: usize) -> Self {
        Self {
            lane: Gauge::default(),
            skus: Known::new(skus),
            under_way: 0,
            floor: None,
        }
    }

    /// Which way a SKU goes now.
    #[must_use]
    pub fn mode_of(&self, sku: &str) -> Mode {
        match (self.lane.mode(), self.skus.get(sku)) {
            (Mode::Direct, Some(sku)) => sku.gauge.mode(),
            (mode, _) => mode,
        }
    }

    /// A call of a SKU begins. Each must [`leave`](Adaptive::leave).
    pub fn enter(&mut self, sku: &str) -> Visit {
        let mode = self.mode_of(sku);
        let known = self.skus.entry(sku);
        let conflict = known.under_way > 0;
        known.under_way += 1;
        let beside = self.under_way;
        self.under_way += 1;
        Visit {
            mode,
            conflict,
            beside,
        }
    }

    /// A call of a SKU ended: how it went, when that says anything. Answers the changes of mind.
    pub fn leave(&mut self, sku: &str, sample: Option<Sample>) -> Vec<Switch> {
        let wait = sample.and_then(|sample| self.wait(sample));
        self.under_way = self.under_way.saturating_sub(1);
        let known = self.skus.entry(sku);
        known.under_way = known.under_way.saturating_sub(1);
        let (own, lane) = match sample {
            None => return Vec::new(),
            Some(Sample::Direct {
                conflict, beside, ..
            }) => {
                let waited = wait.is_some_and(|wait| wait >= WAITED);
                let own = known.gauge.direct(conflict || waited);
                (own, self.lane.direct(waited && beside >= WORTH_A_BATCH))
            }
            Some(Sample::Batched { size }) => (known.gauge.batched(size), self.lane.batched(size)),
        };
        let own = own.map(|to| Switch {
            whole_lane: false,
            to,
        });
        let lane = lane.map(|to| Switch {
            whole_lane: true,
            to,
        });
        own.into_iter().chain(lane).collect()
    }

    /// How many times the floor a direct call took.
    fn wait(&mut self, sample: Sample) -> Option<f64> {
        let Sample::Direct { took, .. } = sample else {
            return None;
        };
        let took = took.as_secs_f64().max(1e-6);
        let floor = match self.floor {
            Some(floor) if took > floor => floor + (took - floor) * FORGET,
            _ => took,
        };
        self.floor = Some(floor);
        Some(took / floor)
    }
}
