use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::client::{Demand, crashing, pausing, tending, working};
use super::failover::{failing_over, stepping};
use super::history::{Event, History, Part, Purpose};
use super::server::Servers;
use super::setup::Setup;
use super::world::World;
use super::wrong::Wrong;
use crate::dice::Dice;

/// After so long everything that was delayed has come.
const ARRIVED: Duration = Duration::from_secs(2);
/// Demand is measured for as long as a bucket takes to fill so often: beside it, what is in leases at the end is little.
const FILLS: u32 = 5;
/// And for so many horizons at least: what is lent lasts for one.
const HORIZONS: u32 = 30;
/// So often every server asks in that time.
const OFTEN: u32 = 150;

/// A run of clients against servers that share limits, with faults, all by a seed.
#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    /// The seed.
    pub seed: u64,
    /// What is wrong with the nodes.
    pub wrong: Option<Wrong>,
}

impl Simulation {
    /// Runs it, in no time at all: whatever waits in it waits on paused time.
    ///
    /// # Panics
    /// When the limiter panics.
    #[must_use]
    pub fn run(self) -> History {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing of the machine");
        runtime.block_on(self.play())
    }

    async fn play(self) -> History {
        let dice = Dice::new(self.seed);
        let setup = Setup::of(&dice, self.wrong);
        let world = Arc::new(World::new(dice, setup));
        let is_calm = world.weather.is_calm();
        let servers = Arc::new(Servers::new(Arc::clone(&world)));
        // The first epoch begins with a call, and its buckets are full before the clients come.
        ask_all(&servers, Purpose::Work).await;
        let quarantine = world.setup.quarantine();
        world.time.pass(quarantine + world.setup.recovery()).await;
        busy(&servers).await;
        quiet(&servers).await;
        if is_calm {
            demand(&servers).await;
        }
        History {
            seed: self.seed,
            rules: world.setup.rules(),
            fastest: world.fastest,
            is_calm,
            events: world.recorder.take(),
        }
    }
}

/// The clients, while things go wrong.
async fn busy(servers: &Arc<Servers>) {
    let world = &servers.world;
    let done = Arc::new(AtomicBool::new(false));
    let mut upkeep = JoinSet::new();
    if world.weather.failovers {
        upkeep.spawn(failing_over(Arc::clone(world), Arc::clone(&done)));
    }
    if world.weather.steps {
        upkeep.spawn(stepping(Arc::clone(world), Arc::clone(&done)));
    }
    if world.weather.pauses {
        upkeep.spawn(pausing(Arc::clone(servers), Arc::clone(&done)));
    }
    if world.weather.crashes {
        upkeep.spawn(crashing(Arc::clone(servers), Arc::clone(&done)));
    }
    let demand = Arc::new(Demand::of(
        &world.dice,
        world.setup.terms.lifetime,
        world.time.elapsed(),
    ));
    let mut clients = JoinSet::new();
    for number in 0..world.setup.servers {
        if world.dice.permille(300) {
            upkeep.spawn(tending(Arc::clone(servers), number, Arc::clone(&done)));
        }
        let work = working(Arc::clone(servers), number, Arc::clone(&demand));
        clients.spawn(work);
    }
    clients.join_all().await;
    done.store(true, Ordering::SeqCst);
    upkeep.join_all().await;
}

/// Nothing goes wrong any more: every server admits again, and every bucket becomes full again.
async fn quiet(servers: &Servers) {
    let world = &servers.world;
    let recovery = world.setup.recovery();
    world.weather.calm_down();
    world.time.pass(ARRIVED).await;
    // Whoever was told of the old primary asks again, and an epoch begins with the first call of it.
    (0..world.setup.servers).for_each(|server| servers.look(server));
    ask_all(servers, Purpose::Work).await;
    world.time.pass(world.setup.quarantine() + recovery).await;
    world.recorder.record(Event::Quiet);
    ask_all(servers, Purpose::Life).await;
    world.time.pass(recovery).await;
    for bucket in 0..Setup::buckets() {
        let cost = world.setup.limit(bucket).burst();
        let parts = vec![Part { bucket, cost }];
        let server = world.dice.index(world.setup.servers);
        servers.call(server, Purpose::Whole, parts).await;
    }
}

async fn ask_all(servers: &Servers, purpose: Purpose) {
    for server in 0..servers.world.setup.servers {
        for bucket in 0..Setup::buckets() {
            let parts = vec![Part { bucket, cost: 1 }];
            servers.call(server, purpose, parts).await;
        }
    }
}

/// All servers ask for twice what there is, from a full bucket on.
async fn demand(servers: &Arc<Servers>) {
    let world = &servers.world;
    world.time.pass(world.setup.recovery()).await;
    let bucket = 0;
    let limit = world.setup.limit(bucket);
    let shape = limit.shape();
    let fills = FILLS * shape.time_for(limit.burst(), 0);
    let time = fills.max(HORIZONS * world.setup.terms.horizon);
    let since = world.time.elapsed();
    let until = since + time;
    let wanted = 2 * (limit.burst() + limit.rate().given_in(time));
    let each = wanted / u64::from(OFTEN) / world.setup.servers as u64;
    let mut clients = JoinSet::new();
    for server in 0..world.setup.servers {
        let servers = Arc::clone(servers);
        clients.spawn(async move {
            while servers.world.time.elapsed() < until {
                let cost = each.div_ceil(2);
                for _ in 0..2 {
                    let parts = vec![Part { bucket, cost }];
                    servers.call(server, Purpose::Demand, parts).await;
                }
                servers.world.time.pass(time / OFTEN).await;
            }
        });
    }
    clients.join_all().await;
    world.recorder.record(Event::Demanded {
        bucket,
        since,
        until,
    });
}
