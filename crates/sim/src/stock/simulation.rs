use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stanchion_stock::{StockConfig, Strategy};
use tokio::task::JoinSet;

use crate::dice::Dice;
use crate::stock::Wrong;
use crate::stock::client::{Client, crashing, sweeping};
use crate::stock::database::Database;
use crate::stock::history::{Event, History, Recorder};
use crate::stock::server::Servers;
use crate::stock::weather::Weather;
use crate::stock::workload::Workload;
use crate::time::Time;

/// After so long all holds are over, and everything that was delayed has come.
const CALM_AFTER: Duration = Duration::from_secs(30);

/// A run of clients against servers, with faults, all by a seed.
#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    /// The seed.
    pub seed: u64,
    /// What is wrong with the database.
    pub wrong: Option<Wrong>,
}

impl Simulation {
    /// Runs it, in no time at all: whatever waits in it waits on paused time.
    ///
    /// # Panics
    /// When the ledger panics.
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
        let recorder = Recorder::default();
        let time = Time::begin();
        let database = Database::new(time.clone(), dice.clone(), recorder.clone(), self.wrong);
        let database = Arc::new(database);
        let weather = Arc::new(Weather::of(&dice));
        let count = 1 + dice.index(3);
        let config = config(&dice);
        let servers = Servers::new(Arc::clone(&database), weather, config, count);
        let client = Client {
            servers: Arc::new(servers),
            workload: Arc::new(Workload::new(dice)),
        };
        busy(&client).await;
        quiet(&client).await;
        History {
            seed: self.seed,
            left: database.left(),
            events: recorder.take(),
        }
    }
}

/// The clients, while things go wrong.
async fn busy(client: &Client) {
    let (servers, dice) = (&client.servers, client.servers.dice());
    let done = Arc::new(AtomicBool::new(false));
    let mut upkeep = JoinSet::new();
    upkeep.spawn(sweeping(Arc::clone(servers), Arc::clone(&done)));
    if servers.weather.crashes {
        upkeep.spawn(crashing(Arc::clone(servers), Arc::clone(&done)));
    }
    let mut clients = JoinSet::new();
    for ask in client.workload.stocking() {
        let client = client.clone();
        clients.spawn(async move { client.perform(ask).await });
    }
    let wishes = dice.between(40, 70);
    let count = dice.between(2, 8);
    for _ in 0..count {
        clients.spawn(client.clone().run(wishes / count));
    }
    clients.join_all().await;
    done.store(true, Ordering::SeqCst);
    upkeep.join_all().await;
}

/// Nothing goes wrong any more: everything is swept, and every server answers in every lane.
async fn quiet(client: &Client) {
    let servers = &client.servers;
    servers.weather.calm_down();
    servers.database.time.pass(CALM_AFTER).await;
    servers.database.recorder.record(Event::Quiet);
    while servers.sweep(0, 10).await.is_ok_and(|swept| swept > 0) {}
    for server in 0..servers.count() {
        for ask in client.workload.proof_of_life() {
            // The oracle judges by the history whether it was answered.
            let _heard = servers
                .call(server, &ask, Strategy::Batched, CALM_AFTER)
                .await;
        }
    }
}

fn config(dice: &Dice) -> StockConfig {
    StockConfig {
        strategy: Strategy::Adaptive,
        attempts: *dice.pick(&[1, 2, 4, 8]),
        deadline: *dice.pick(&[60, 500, 2000].map(Duration::from_millis)),
        first_pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(50),
        lanes: *dice.pick(&[1, 2, 8]),
        lane_queue: *dice.pick(&[1, 2, 4, 4096]),
        batch_lines: *dice.pick(&[1, 3, 1000]),
        keep_outcomes: *dice.pick(&[86_400, 86_400, 8].map(Duration::from_secs)),
        shortest_ttl: Duration::from_micros(1),
        ..StockConfig::default()
    }
}
