//! Clients, which ask for more than there is, or for nothing for a while, and the operator of the servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::failover;
use super::history::{Outcome, Part, Purpose};
use super::server::Servers;
use super::setup::Setup;
use crate::dice::Dice;

/// The most calls of a server's clients at a time.
const MOST_CALLS: usize = 24;

/// What the clients want, from a moment on.
#[derive(Clone, Copy, Debug)]
struct Phase {
    since: Duration,
    /// In percent of the rate, by all servers together.
    percent: u64,
}

/// When how much is asked for, the same for all servers.
#[derive(Debug)]
pub(super) struct Demand {
    phases: Vec<Phase>,
    pub(super) until: Duration,
}

impl Demand {
    /// Again and again a little, so that leases are taken; nothing, until buckets are full and leases about to end; and
    /// then everything at once.
    pub(super) fn of(dice: &Dice, lifetime: Duration, now: Duration) -> Self {
        let until = now + dice.millis(2500, 5000);
        let mut since = now;
        let mut phases = Vec::new();
        while since < until {
            let some = *dice.pick(&[40, 70, 100]);
            let idle = lifetime * u32::try_from(dice.between(40, 125)).unwrap_or(100) / 100;
            let lengths = [
                (some, dice.millis(100, 500)),
                (0, *dice.pick(&[idle, idle, Duration::ZERO])),
                (400, dice.millis(5, 150)),
                (0, *dice.pick(&[Duration::ZERO, dice.millis(0, 600)])),
            ];
            for (percent, length) in lengths {
                phases.push(Phase { since, percent });
                since += length;
            }
        }
        Self { phases, until }
    }

    fn percent(&self, now: Duration) -> u64 {
        let begun = self.phases.iter().rev().find(|phase| phase.since <= now);
        begun.map_or(0, |phase| phase.percent)
    }

    /// How long until another phase begins.
    fn next(&self, now: Duration) -> Duration {
        let next = self.phases.iter().find(|phase| phase.since > now);
        next.map_or(self.until, |phase| phase.since)
            .saturating_sub(now)
    }
}

/// A server's clients. All come at once when a phase begins.
pub(super) async fn working(servers: Arc<Servers>, number: usize, demand: Arc<Demand>) {
    let world = Arc::clone(&servers.world);
    let (dice, pace) = (&world.dice, world.setup.pace);
    let pace_ms = u64::try_from(pace.as_millis()).unwrap_or(1);
    loop {
        let now = world.time.elapsed();
        if now >= demand.until {
            return;
        }
        let percent = demand.percent(now);
        let next = demand.next(now);
        if percent == 0 {
            let pause = dice.millis(30, 150).min(next);
            world.time.pass(pause.max(Duration::from_millis(1))).await;
            if pause < next {
                let parts = vec![Part { bucket: 2, cost: 1 }];
                servers.call(number, Purpose::Work, parts).await;
            }
            continue;
        }
        let everything = percent > 100;
        let mut left = share(&world.setup, percent);
        for _ in 0..MOST_CALLS {
            let parts = wish(&world.setup, dice, left);
            left = left.saturating_sub(parts[0].cost);
            let outcome = servers.call(number, Purpose::Work, parts).await;
            if outcome == Outcome::Denied || (left == 0 && !everything) {
                break;
            }
        }
        let pause = dice.millis(1, 2 * pace_ms).min(next);
        world.time.pass(pause.max(Duration::from_millis(1))).await;
    }
}

/// Tokens of a leased bucket that a server's clients want at a time.
fn share(setup: &Setup, percent: u64) -> u64 {
    let per_second = setup.limit(0).rate().tokens() * percent / 100;
    let pace_us = u64::try_from(setup.pace.as_micros()).unwrap_or(1);
    (per_second * pace_us / 1_000_000 / setup.servers as u64).max(1)
}

/// Mostly a fraction of a chunk, of one bucket.
fn wish(setup: &Setup, dice: &Dice, left: u64) -> Vec<Part> {
    let part = |bucket| {
        let burst = setup.limit(bucket).burst();
        let fraction = burst / (*dice.pick(&[4, 12, 12, 40]) * setup.servers as u64);
        let most = if left == 0 {
            fraction
        } else {
            fraction.min(left)
        };
        let most = most.clamp(1, burst);
        let cost = dice.between(most.div_ceil(2), most);
        Part { bucket, cost }
    };
    match dice.between(0, 29) {
        0 => vec![part(0), part(2)],
        1 => vec![part(0), part(1)],
        2..=5 => vec![part(2)],
        6 | 7 => vec![part(1)],
        _ => vec![part(0)],
    }
}

/// Gives back what ends soon, on a server whose operator has not forgotten it.
pub(super) async fn tending(servers: Arc<Servers>, number: usize, done: Arc<AtomicBool>) {
    let quarter = servers.world.setup.terms.lifetime / 4;
    while !done.load(Ordering::SeqCst) {
        servers.world.time.pass(quarter).await;
        servers.give_back(number, false).await;
    }
}

/// Stops servers and lets them go on.
pub(super) async fn pausing(servers: Arc<Servers>, done: Arc<AtomicBool>) {
    let world = Arc::clone(&servers.world);
    let dice = &world.dice;
    while !done.load(Ordering::SeqCst) {
        world.time.pass(dice.millis(20, 500)).await;
        let number = dice.index(world.setup.servers);
        servers.pause(number, failover::pause(&world)).await;
    }
}

/// Crashes servers, or stops them in order, and starts others in their place.
pub(super) async fn crashing(servers: Arc<Servers>, done: Arc<AtomicBool>) {
    let world = Arc::clone(&servers.world);
    let dice = &world.dice;
    while !done.load(Ordering::SeqCst) {
        world.time.pass(dice.millis(100, 1500)).await;
        let number = dice.index(world.setup.servers);
        if dice.permille(400) {
            servers.give_back(number, true).await;
        }
        servers.crash(number);
        world.time.pass(dice.millis(0, 200)).await;
        servers.start(number);
    }
}
