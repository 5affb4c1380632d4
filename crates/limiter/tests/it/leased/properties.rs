//! Holders that borrow from a keeper, with clocks that drift and answers that get lost, against the promise counted in
//! rationals over all windows.

use std::time::Duration;

use proptest::prelude::*;
use stanchion_kernel::Uuid;
use stanchion_limiter::bucket::{Bucket, Level};
use stanchion_limiter::lease::{
    Desk, Ledger, Loan, Order, Purse, Spent, Step, Terms, holders_end, keepers_end,
};
use stanchion_limiter::port::{DRIFT, Epoch, LeaseId, Settled};
use stanchion_limiter::{Decision, Limit, Rate};

/// One in a thousand units of drift; the keeper and its holders are off by up to ten of them.
const UNITS: u64 = 1000;

struct Server {
    purse: Purse,
    desk: Desk,
    /// So many thousandths its clock makes of one.
    speed: u64,
    /// A request that is on its way, or whose answer is.
    under_way: Option<Order>,
    /// What the keeper answered, when it was asked.
    answer: Option<Level>,
}

struct World {
    limit: Limit,
    terms: Terms,
    ledger: Ledger,
    keeper_speed: u64,
    servers: Vec<Server>,
    now_us: u64,
    ids: u128,
    /// Moments of the keeper's clock, and what was admitted in them.
    admitted: Vec<(u64, u64)>,
}

#[derive(Clone, Debug)]
enum Act {
    Pass(u64),
    Spend(usize, u64),
    Ahead(usize),
    /// The keeper is reached by the request.
    Reach(usize),
    /// The answer arrives, or the caller gives up.
    Answer(usize),
    Lose(usize),
    Withdraw(usize, bool),
    Central(usize, u64),
}

fn decision(limit: &Limit, level: Level) -> Decision {
    Decision {
        allowed: level.holds,
        burst: limit.burst(),
        remaining: level.tokens,
        retry_after: level.until_held,
        reset_after: level.until_full,
        bound: 0,
    }
}

impl World {
    fn new(limit: Limit, terms: Terms, keeper_speed: u64, speeds: &[u64]) -> Self {
        let now_us = 1_000_000_000;
        let server = |speed: &u64| Server {
            purse: Purse::default(),
            desk: Desk::new(now_us * speed / UNITS),
            speed: *speed,
            under_way: None,
            answer: None,
        };
        let shape = limit.shape();
        Self {
            ledger: Ledger::new(Bucket::full(shape, now_us * keeper_speed / UNITS), shape),
            terms,
            keeper_speed,
            servers: speeds.iter().map(server).collect(),
            now_us,
            ids: 0,
            admitted: Vec::new(),
            limit,
        }
    }

    fn keeper_us(&self) -> u64 {
        self.now_us * self.keeper_speed / UNITS
    }

    fn server_us(&self, at: usize) -> u64 {
        self.now_us * self.servers[at].speed / UNITS
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Pass(us) => self.now_us += us,
            Act::Spend(at, cost) => self.spend(at, cost),
            Act::Ahead(at) => self.ahead(at),
            Act::Reach(at) => self.reach(at),
            Act::Answer(at) => self.answer(at),
            Act::Lose(at) => self.lose(at),
            Act::Withdraw(at, heard) => self.withdraw(at, heard),
            Act::Central(at, cost) => self.central(at, cost),
        }
    }

    fn spend(&mut self, at: usize, cost: u64) {
        for _ in 0..3 {
            let (server_us, keeper_us) = (self.server_us(at), self.keeper_us());
            let id = self.id();
            let server = &mut self.servers[at];
            if let Spent::Taken { .. } = server.purse.take(cost, || server_us) {
                self.admitted.push((keeper_us, cost));
                return;
            }
            if server.under_way.is_some() {
                return;
            }
            let (purse, terms, limit) = (&server.purse, &self.terms, &self.limit);
            match server.desk.step(purse, terms, limit, cost, server_us, id) {
                Step::Take => {}
                Step::Lend(order) => {
                    server.under_way = Some(order);
                    return;
                }
                Step::Central => return self.central(at, cost),
                Step::Denied { .. } => return,
            }
        }
    }

    fn id(&mut self) -> LeaseId {
        self.ids += 1;
        LeaseId(Uuid::from_u128(self.ids))
    }

    fn ahead(&mut self, at: usize) {
        let (server_us, id) = (self.server_us(at), self.id());
        let server = &mut self.servers[at];
        if server.under_way.is_none() {
            let (purse, terms, limit) = (&server.purse, &self.terms, &self.limit);
            server.under_way = server.desk.ahead(purse, terms, limit, server_us, id);
        }
    }

    fn settle(&mut self, settled: &[Settled]) {
        let keeper_us = self.keeper_us();
        for settled in settled {
            let shape = self.limit.shape();
            self.ledger
                .settle(shape, keeper_us, settled.id, settled.unspent);
        }
    }

    /// The request reaches the keeper, perhaps not for the first time.
    fn reach(&mut self, at: usize) {
        let keeper_us = self.keeper_us();
        let Some(order) = self.servers[at].under_way.clone() else {
            return;
        };
        self.settle(&order.settled);
        let loan = Loan {
            id: order.id,
            tokens: order.tokens,
            ends_us: keepers_end(keeper_us, self.terms.lifetime, DRIFT),
        };
        let level = self.ledger.lend(self.limit.shape(), keeper_us, loan);
        self.servers[at].answer = Some(level);
    }

    fn answer(&mut self, at: usize) {
        let server_us = self.server_us(at);
        let server = &mut self.servers[at];
        if server.answer.is_none() {
            return;
        }
        let (Some(order), Some(level)) = (server.under_way.take(), server.answer.take()) else {
            return;
        };
        let (purse, terms, limit) = (&server.purse, &self.terms, &self.limit);
        if level.holds {
            let epoch = Epoch("one".into());
            server
                .desk
                .granted(purse, terms, DRIFT, &order, epoch, server_us);
        } else {
            let said = decision(limit, level);
            server.desk.refused(terms, limit, 1, &said, server_us);
        }
    }

    fn lose(&mut self, at: usize) {
        let server_us = self.server_us(at);
        let server = &mut self.servers[at];
        server.answer = None;
        if let Some(order) = server.under_way.take() {
            server
                .desk
                .not_settled(&self.terms, order.settled, server_us);
        }
    }

    fn withdraw(&mut self, at: usize, heard: bool) {
        let server_us = self.server_us(at);
        let server = &mut self.servers[at];
        if server.under_way.is_some() {
            return;
        }
        let settled = server.desk.withdraw(&server.purse, &self.terms, server_us);
        self.settle(&settled);
        if !heard {
            let server = &mut self.servers[at];
            server.desk.not_settled(&self.terms, settled, server_us);
        }
    }

    fn central(&mut self, at: usize, cost: u64) {
        let (server_us, keeper_us) = (self.server_us(at), self.keeper_us());
        let level = self.ledger.take(self.limit.shape(), keeper_us, cost);
        let server = &mut self.servers[at];
        if level.holds {
            self.admitted.push((keeper_us, cost));
            server.desk.admitted(&self.terms, cost, server_us);
        } else {
            let said = decision(&self.limit, level);
            server
                .desk
                .refused(&self.terms, &self.limit, cost, &said, server_us);
        }
    }

    /// The first window in which more was admitted than promised: `sum × period > burst × period + tokens × time`.
    fn broken(&self) -> Option<String> {
        let rate = self.limit.rate();
        let period_us = rate.period().as_micros();
        for (last, (until, _)) in self.admitted.iter().enumerate() {
            let mut sum = 0;
            for (since, cost) in self.admitted[..=last].iter().rev() {
                sum += u128::from(*cost);
                let given = u128::from(rate.tokens()) * u128::from(until - since);
                if sum * period_us > u128::from(self.limit.burst()) * period_us + given {
                    return Some(format!("{sum} from {since} to {until}"));
                }
            }
        }
        None
    }
}

fn acts(servers: usize, burst: u64) -> impl Strategy<Value = Vec<Act>> {
    let at = 0..servers;
    let act = prop_oneof![
        4 => prop_oneof![0u64..1_000, 0u64..100_000, 400_000u64..600_000, 970_000u64..1_040_000].prop_map(Act::Pass),
        8 => (at.clone(), prop_oneof![1u64..5, 1u64..=60, 1u64..=burst]).prop_map(|(at, cost)| Act::Spend(at, cost)),
        2 => at.clone().prop_map(Act::Ahead),
        6 => at.clone().prop_map(Act::Reach),
        6 => at.clone().prop_map(Act::Answer),
        1 => at.clone().prop_map(Act::Lose),
        1 => (at.clone(), any::<bool>()).prop_map(|(at, heard)| Act::Withdraw(at, heard)),
        1 => (at, 1..=burst).prop_map(|(at, cost)| Act::Central(at, cost)),
    ];
    proptest::collection::vec(act, 1..200)
}

fn terms(servers: u16) -> Terms {
    Terms {
        servers,
        horizon: Duration::from_millis(100),
        lifetime: Duration::from_secs(1),
        pause: Duration::from_millis(10),
    }
}

/// A world and what happens in it.
#[derive(Debug)]
struct Story {
    servers: u16,
    burst: u64,
    rate: u64,
    keeper_speed: u64,
    speeds: Vec<u64>,
    acts: Vec<Act>,
}

fn stories() -> impl Strategy<Value = Story> {
    let rates = prop_oneof![0u64..10, 0u64..1_000, 0u64..100_000];
    (1u16..=3, 0u64..600, rates, 990u64..=1010).prop_flat_map(
        |(servers, more, rate, keeper_speed)| {
            let burst = 200 * u64::from(servers) + more;
            let speeds = proptest::collection::vec(990u64..=1010, usize::from(servers));
            (speeds, acts(servers.into(), burst)).prop_map(move |(speeds, acts)| Story {
                servers,
                burst,
                rate: rate + 1,
                keeper_speed,
                speeds,
                acts,
            })
        },
    )
}

proptest! {
    #[test]
    fn no_window_has_more_than_the_burst_and_what_the_rate_gave(story in stories()) {
        let limit = Limit::new("p", Rate::per_second(story.rate), story.burst).expect("a limit");
        let mut world = World::new(limit, terms(story.servers), story.keeper_speed, &story.speeds);
        for act in &story.acts {
            world.act(act);
        }
        prop_assert_eq!(world.broken(), None);
    }
}

proptest! {
    #[test]
    fn a_holder_stops_before_its_keeper_forgets(
        sent_us in 0u64..1_000_000_000, way_us in 0u64..10_000_000, lifetime_ms in 10u64..=60_000,
        holder_speed in 990u64..=1010, keeper_speed in 990u64..=1010,
    ) {
        let lifetime = Duration::from_millis(lifetime_ms);
        let on = |speed: u64, us: u64| us * speed / UNITS;
        let stops_us = holders_end(on(holder_speed, sent_us), lifetime, DRIFT);
        let forgets_us = keepers_end(on(keeper_speed, sent_us + way_us), lifetime, DRIFT);
        // When the keeper's clock shows that moment first, that of the holder shows its own already.
        let shown_us = (forgets_us * UNITS).div_ceil(keeper_speed);
        prop_assert!(on(holder_speed, shown_us) >= stops_us);
    }
}

/// Demand above the rate gets nearly all of it, however it is spread, and when all ask at once.
#[test]
fn demand_above_the_rate_gets_nearly_all_of_it() {
    for shares in [[1, 1, 1], [10, 1, 0], [100, 5, 1]] {
        let (rate, burst) = (2_000, 1_000);
        let limit = Limit::new("p", Rate::per_second(rate), burst).unwrap();
        let mut world = World::new(limit, terms(3), UNITS, &[UNITS; 3]);
        for _ in 0..5_000 {
            world.now_us += 1_000;
            for (at, share) in shares.iter().enumerate() {
                for _ in 0..*share {
                    world.spend(at, 3);
                }
                // An answer takes a millisecond.
                world.answer(at);
                world.reach(at);
            }
        }
        let admitted: u64 = world.admitted.iter().map(|(_, cost)| cost).sum();
        let promised = burst + 5 * rate;
        assert!(world.broken().is_none());
        assert!(
            admitted * 100 >= 95 * promised,
            "{admitted} of {promised} with {shares:?}"
        );
    }
}
