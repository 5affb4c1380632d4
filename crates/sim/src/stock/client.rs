//! Clients, which try again what they do not know the end of, and the operator of the servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stanchion_stock::{StockError, Strategy};

use crate::stock::history::{Ask, Heard};
use crate::stock::server::Servers;
use crate::stock::workload::Workload;

/// How often a client tries a keyed request whose end it does not know.
const TRIES: u32 = 6;

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) servers: Arc<Servers>,
    pub(crate) workload: Arc<Workload>,
}

impl Client {
    /// Has so many wishes, one after another.
    pub(crate) async fn run(self, wishes: u64) {
        let dice = self.servers.dice().clone();
        for _ in 0..wishes {
            let pause = if dice.permille(500) {
                dice.millis(0, 3)
            } else {
                dice.millis(0, 60)
            };
            self.servers.database.time.pass(pause).await;
            let ask = self.workload.next();
            self.perform(ask).await;
        }
    }

    /// Sees a wish through, as far as a client can.
    pub(crate) async fn perform(&self, ask: Ask) {
        let dice = self.servers.dice();
        let keyed = ask.key.is_some();
        let twin = (keyed && dice.permille(120)).then(|| {
            let (client, ask) = (self.clone(), ask.clone());
            tokio::spawn(async move { client.insist(&ask).await })
        });
        self.insist(&ask).await;
        if let Some(twin) = twin {
            twin.await.expect("the twin of a request");
        }
        if keyed && dice.permille(150) {
            // Some come back when a key may be forgotten.
            let pause = if dice.permille(60) {
                dice.millis(7_500, 9_000)
            } else {
                dice.millis(0, 30)
            };
            self.servers.database.time.pass(pause).await;
            self.insist(&ask).await;
        }
        if keyed && dice.permille(100) {
            let other = self.workload.under_the_same_key(&ask);
            self.insist(&other).await;
        }
    }

    async fn insist(&self, ask: &Ask) {
        let dice = self.servers.dice();
        let tries = if ask.key.is_some() { TRIES } else { 1 };
        for _ in 0..tries {
            let heard = self.once(ask).await;
            self.workload.remember(&heard);
            if is_final(&heard) {
                return;
            }
            self.servers.database.time.pass(dice.millis(1, 80)).await;
        }
    }

    async fn once(&self, ask: &Ask) -> Heard {
        let dice = self.servers.dice();
        let strategy = *dice.pick(&Strategy::ALL);
        let patience = if dice.permille(100) {
            dice.millis(3, 60)
        } else {
            dice.millis(1500, 4000)
        };
        let server = dice.index(self.servers.count());
        self.servers.call(server, ask, strategy, patience).await
    }
}

fn is_final(heard: &Heard) -> bool {
    match heard {
        Heard::Reservation(_) | Heard::Row(_) => true,
        Heard::Error(error) => matches!(error, StockError::Refused(_)),
        Heard::Nothing => false,
    }
}

/// Sweeps on any server, until the clients are done.
pub(crate) async fn sweeping(servers: Arc<Servers>, done: Arc<AtomicBool>) {
    let dice = servers.dice().clone();
    while !done.load(Ordering::SeqCst) {
        servers.database.time.pass(dice.millis(5, 120)).await;
        let server = dice.index(servers.count());
        let limit = *dice.pick(&[1, 2, 10]);
        // What it could not end now, it or another server ends later.
        let _swept = servers.sweep(server, limit).await;
    }
}

/// Crashes servers and starts them again, until the clients are done.
pub(crate) async fn crashing(servers: Arc<Servers>, done: Arc<AtomicBool>) {
    let dice = servers.dice().clone();
    while !done.load(Ordering::SeqCst) {
        servers.database.time.pass(dice.millis(20, 400)).await;
        let server = dice.index(servers.count());
        servers.crash(server);
        servers.database.time.pass(dice.millis(0, 150)).await;
        servers.start(server);
    }
}
