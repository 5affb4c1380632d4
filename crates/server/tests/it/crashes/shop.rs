//! Two servers, the clients that reserve at them, and what is true of their histories.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use stanchion_testkit::Program;
use tokio::sync::{RwLock, mpsc};

use crate::program::{DEADLINE, new_key};
use crate::server::{Server, product};

const PIECES: i64 = 100_000;
const CLIENTS: usize = 8;

/// Two servers of one database, one of which may be down for the moment.
pub(super) struct Shop {
    pub(super) servers: [RwLock<Server>; 2],
    key: String,
    attempted: Mutex<BTreeSet<String>>,
}

/// A client's history: the id that it was told for each of its keys.
pub(super) type Told = Vec<(String, String)>;

/// The ids of reservations, each with the key whose outcome it is.
pub(super) type Stored = Vec<(String, String)>;

impl Shop {
    /// Starts the servers and receives the pieces that are sold.
    pub(super) async fn open(first: Program, second: Program, key: String) -> Arc<Self> {
        let servers = [
            RwLock::new(Server::start(first).await),
            RwLock::new(Server::start(second).await),
        ];
        let shop = Self {
            servers,
            key,
            attempted: Mutex::default(),
        };
        let server = shop.servers[0].read().await;
        let made = server.create(&shop.key, "HOT").await;
        assert_eq!(made.status(), 201, "{}", product("HOT"));
        let request = server.with(&shop.key, Method::POST, "/v1/stock/HOT/adjustments");
        let received = request.json(&json!({"delta": PIECES})).send().await;
        assert_eq!(received.expect("an answer").status(), 200);
        drop(server);
        Arc::new(shop)
    }

    /// Reserves a piece under `key`, again and again until somebody says that it is reserved.
    async fn reserve(&self, key: &str, first: usize) -> String {
        let body = json!({"lines": [{"sku": "HOT", "quantity": 1}], "ttl_seconds": 3600});
        for attempt in first.. {
            let answer = {
                let server = self.servers[attempt % 2].read().await;
                let request = server.with(&self.key, Method::POST, "/v1/reservations");
                let request = request.header("idempotency-key", key).json(&body);
                request.timeout(Duration::from_secs(5)).send().await
            };
            match answer {
                Ok(answer) if answer.status() == 201 => {
                    if let Ok(made) = answer.json::<Value>().await {
                        return made["id"].as_str().expect("an id").to_owned();
                    }
                }
                Ok(answer) if answer.status().is_server_error() || answer.status() == 409 => {}
                Ok(answer) => panic!("{key}: {}", answer.status()),
                Err(_) => {}
            }
        }
        unreachable!("attempts do not end")
    }

    async fn client(self: Arc<Self>, number: usize, told: mpsc::UnboundedSender<(String, String)>) {
        for n in 0.. {
            let key = format!("client-{number}-{n}");
            self.attempted.lock().expect("no panic").insert(key.clone());
            let id = self.reserve(&key, number + n).await;
            if told.send((key, id)).is_err() {
                return;
            }
        }
    }

    /// Runs the clients, and `fault` with its number each time that so many more were acknowledged; answers what the
    /// clients were told, of which some after the last fault.
    pub(super) async fn under_faults<Fut>(
        self: &Arc<Self>,
        acknowledged_between: &[usize],
        fault: impl Fn(usize) -> Fut,
    ) -> Told
    where
        Fut: Future<Output = ()>,
    {
        let (sender, mut told) = mpsc::unbounded_channel();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| tokio::spawn(Arc::clone(self).client(number, sender.clone())))
            .collect();
        drop(sender);
        let mut history = Told::new();
        for (round, acknowledged) in acknowledged_between.iter().enumerate() {
            acknowledge(&mut told, *acknowledged, &mut history).await;
            fault(round).await;
        }
        acknowledge(&mut told, AFTER_ALL, &mut history).await;
        told.close();
        // Each client ends after the acknowledgement that nobody takes; that one counts too when it was on its way.
        while let Some(one) = told.recv().await {
            history.push(one);
        }
        for client in join_all(clients).await {
            client.expect("no client was told what cannot be");
        }
        history
    }

    /// As [`judge`], of what the clients attempted.
    pub(super) fn judge(&self, history: &Told, stored: &Stored) {
        let attempted = self.attempted.lock().expect("no panic");
        judge(&attempted, history, stored).expect("what is stored is what was told");
    }
}

/// Every acknowledged key has the reservation that it was told, a key has one at most, and nothing is there that nobody
/// attempted.
fn judge(attempted: &BTreeSet<String>, history: &Told, stored: &Stored) -> Result<(), String> {
    let mut of_key = BTreeMap::new();
    for (id, key) in stored {
        if !attempted.contains(key) {
            return Err(format!("{id} of {key:?}: nobody asked"));
        }
        if let Some(first) = of_key.insert(key, id.replace('-', "")) {
            return Err(format!("{key} has {id} and {first}"));
        }
    }
    for (key, id) in history {
        let found = of_key.get(key);
        if found != Some(&id.replace('-', "")) {
            return Err(format!("{key} was told {id} and has {found:?}"));
        }
    }
    Ok(())
}

#[test]
fn the_judge_sees_what_is_lost_doubled_or_unasked() {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let own = pairs.iter().map(|(a, b)| ((*a).into(), (*b).into()));
        own.collect()
    };
    let attempted = BTreeSet::from(["k1".to_owned(), "k2".to_owned()]);
    let history = pairs(&[("k1", "a-1")]);
    let verdict = |stored: &[(&str, &str)]| judge(&attempted, &history, &pairs(stored));
    assert_eq!(verdict(&[("a1", "k1"), ("b1", "k2")]), Ok(()));
    for (wrong, complaint) in [
        (&[("b1", "k2")][..], "k1 was told a-1"),
        (&[("c1", "k1")], "k1 was told a-1"),
        (&[("a1", "k1"), ("b1", "k1")], "k1 has b1 and a1"),
        (&[("a1", "k1"), ("b1", "")], "nobody asked"),
        (&[("a1", "k1"), ("b1", "k3")], "nobody asked"),
    ] {
        let said = verdict(wrong).expect_err(complaint);
        assert!(said.contains(complaint), "{said}");
    }
}

/// Reservations that must be acknowledged when all faults are over.
const AFTER_ALL: usize = 60;

async fn acknowledge(
    told: &mut mpsc::UnboundedReceiver<(String, String)>,
    count: usize,
    history: &mut Told,
) {
    for _ in 0..count {
        let one = tokio::time::timeout(DEADLINE, told.recv()).await;
        history.push(one.expect("somebody is served").expect("clients go on"));
    }
}

/// A key for the clients.
pub(super) async fn clients_key(program: Program) -> String {
    new_key(program, "catalog:write,stock:write,stock:read").await
}
