//! What befalls the servers and their way to PostgreSQL, and when: all by a seed, which is printed.

use std::time::Duration;

use stanchion_kernel::Entropy;
use stanchion_testkit::{Direction, Postgres, Program, Proxy, eventually, hold};

use super::shop::Shop;
use crate::program::DEADLINE;
use crate::server::Server;

/// One fault; the number is a server's.
#[derive(Clone, Copy, Debug)]
enum Fault {
    ServerDies(usize),
    PostgresDies,
    /// Its connections are closed, and no new one is made.
    Cut(usize),
    /// Its connections stay open, and what is sent in this direction gets nowhere.
    Lost(usize, Direction),
}

const KILLS: [Fault; 6] = [
    Fault::ServerDies(0),
    Fault::ServerDies(1),
    Fault::PostgresDies,
    Fault::ServerDies(0),
    Fault::ServerDies(1),
    Fault::PostgresDies,
];
const LOSSES: [Fault; 6] = [
    Fault::Cut(0),
    Fault::Cut(1),
    Fault::Lost(0, Direction::ToClient),
    Fault::Lost(1, Direction::ToClient),
    Fault::Lost(0, Direction::ToServer),
    Fault::Lost(1, Direction::Both),
];
/// The most bytes that go on passing between an acknowledgement and the fault that it calls for: some batches.
const MOMENT_BYTES: u64 = 30_000;
/// How long a connection is out of order, at least and at most: shorter and longer than a server waits for a connection.
const OUTAGE_MS: (u64, u64) = (20, 700);
/// How long servers wait for a connection or a lock here.
pub(super) const ACQUIRE_TIMEOUT_MS: &str = "400";

/// A fault, and when it comes.
#[derive(Debug)]
struct Stroke {
    fault: Fault,
    acknowledged: usize,
    bytes: u64,
    lasts: Duration,
}

/// A kill and a loss in turn, each at its moment.
#[derive(Debug)]
pub(super) struct Strokes(Vec<Stroke>);

impl Strokes {
    /// By the seed in `STANCHION_CRASH_SEED`, or by chance.
    pub(super) fn new() -> Self {
        let seed = match std::env::var("STANCHION_CRASH_SEED") {
            Ok(seed) => seed.parse().expect("STANCHION_CRASH_SEED is a number"),
            Err(_) => u64::from_le_bytes(Entropy::system().bytes()),
        };
        eprintln!("STANCHION_CRASH_SEED={seed}");
        let dice = Entropy::seeded(seed);
        let (mut kills, mut losses) = (KILLS, LOSSES);
        shuffle(&mut kills, &dice);
        shuffle(&mut losses, &dice);
        let mut kills = kills.into_iter();
        let in_turn = losses
            .into_iter()
            .flat_map(|loss| [Some(loss), kills.next()]);
        Self(
            in_turn
                .flatten()
                .map(|fault| Stroke::new(fault, &dice))
                .collect(),
        )
    }

    /// How many reservations are acknowledged before each.
    pub(super) fn acknowledged_between(&self) -> Vec<usize> {
        self.0.iter().map(|stroke| stroke.acknowledged).collect()
    }

    /// Lets the fault with this number happen, and end.
    pub(super) async fn strike(&self, number: usize, place: &Place<'_, impl Fn(usize) -> Program>) {
        let stroke = &self.0[number];
        place.let_pass(stroke.bytes).await;
        eprintln!("{stroke:?}");
        match stroke.fault {
            Fault::ServerDies(server) => {
                let mut running = place.shop.servers[server].write().await;
                running.running.kill9();
                *running = Server::start((place.serve)(server)).await;
            }
            Fault::PostgresDies => {
                place.postgres.kill9().await;
                place.postgres.start_again().await;
            }
            Fault::Cut(server) => {
                place.proxies[server].cut();
                hold("a server cannot connect to PostgreSQL", stroke.lasts).await;
                place.proxies[server].heal();
            }
            Fault::Lost(server, direction) => {
                let proxy = &place.proxies[server];
                let before = proxy.dropped_bytes(direction);
                proxy.drop_bytes(direction);
                let something = || async { proxy.dropped_bytes(direction) > before };
                eventually("something gets lost", DEADLINE, something).await;
                hold("a server's connections are a hole", stroke.lasts).await;
                proxy.heal();
            }
        }
    }
}

impl Stroke {
    fn new(fault: Fault, dice: &Entropy) -> Self {
        let (shortest, longest) = OUTAGE_MS;
        Self {
            fault,
            acknowledged: usize::try_from(10 + dice.below(40)).expect("small"),
            bytes: dice.below(MOMENT_BYTES),
            lasts: Duration::from_millis(shortest + dice.below(longest - shortest)),
        }
    }
}

fn shuffle(faults: &mut [Fault], dice: &Entropy) {
    for last in (1..faults.len()).rev() {
        let other = dice.below(last as u64 + 1);
        faults.swap(last, usize::try_from(other).expect("small"));
    }
}

/// Where faults happen: each server has its own way to PostgreSQL.
pub(super) struct Place<'a, F> {
    pub(super) shop: &'a Shop,
    pub(super) postgres: &'a Postgres,
    pub(super) proxies: &'a [Proxy; 2],
    /// The program of a server.
    pub(super) serve: F,
}

impl<F> Place<'_, F> {
    /// Waits until so many more bytes have gone between the servers and PostgreSQL.
    async fn let_pass(&self, bytes: u64) {
        let passed = || -> u64 {
            let both = self.proxies.iter();
            both.map(|proxy| proxy.delivered_bytes(Direction::Both))
                .sum()
        };
        let enough = passed() + bytes;
        eventually("the servers are at work", DEADLINE, || async {
            passed() >= enough
        })
        .await;
    }
}
