//! Reservations through kills: what clients were told is true afterwards, and nothing happened that nobody asked for.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use stanchion_testkit::{Postgres, PostgresOptions, Program, TempDir, eventually};
use tokio::sync::RwLock;

use crate::program::{DEADLINE, stanchion, succeed};
use crate::server::{Server, product};

const PIECES: i64 = 100_000;
const CLIENTS: usize = 8;
/// Reservations that must be acknowledged between two kills.
const BETWEEN_KILLS: usize = 60;

/// Two servers of one database, one of which may be down for the moment.
struct Shop {
    servers: [RwLock<Server>; 2],
    key: String,
}

/// A client's history: the id that it was told for each of its keys.
type Told = Vec<(String, String)>;

impl Shop {
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

    async fn client(
        self: Arc<Self>,
        number: usize,
        told: tokio::sync::mpsc::UnboundedSender<(String, String)>,
    ) {
        for n in 0.. {
            let key = format!("client-{number}-{n}");
            let id = self.reserve(&key, number + n).await;
            if told.send((key, id)).is_err() {
                return;
            }
        }
    }
}

/// Runs the clients, and `kill` each time that enough was acknowledged; answers what the clients were told.
async fn under_kills<F, Fut>(shop: &Arc<Shop>, kills: usize, kill: F) -> Told
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = ()>,
{
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| tokio::spawn(Arc::clone(shop).client(number, sender.clone())))
        .collect();
    drop(sender);
    let mut history = Told::new();
    for round in 0..=kills {
        for _ in 0..BETWEEN_KILLS {
            history.push(told.recv().await.expect("clients go on"));
        }
        if round < kills {
            kill(round).await;
        }
    }
    told.close();
    // Each client ends after the acknowledgement that nobody takes; that one counts too when it was on its way.
    while let Some(one) = told.recv().await {
        history.push(one);
    }
    join_all(clients).await;
    history
}

/// Every key that was acknowledged has one reservation, with the id that was told; others belong to attempts.
fn judge(history: &Told, stored: &[String]) {
    let mut ids: Vec<&String> = history.iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), history.len(), "two keys have one reservation");
    for (key, id) in history {
        assert!(stored.contains(id), "{key} was acknowledged and is lost");
    }
    // Each client has at most one attempt in the air whose acknowledgement it did not pass on.
    let unasked = stored.len() - ids.len();
    assert!(
        unasked <= CLIENTS,
        "{unasked} reservations were not asked for"
    );
}

async fn shop(first: Program, second: Program, key: String) -> Arc<Shop> {
    let servers = [
        RwLock::new(Server::start(first).await),
        RwLock::new(Server::start(second).await),
    ];
    let shop = Arc::new(Shop { servers, key });
    let server = shop.servers[0].read().await;
    assert_eq!(
        server.create(&shop.key, "HOT").await.status(),
        201,
        "{}",
        product("HOT")
    );
    let request = server.with(&shop.key, Method::POST, "/v1/stock/HOT/adjustments");
    let received = request.json(&json!({"delta": PIECES})).send().await;
    assert_eq!(received.expect("an answer").status(), 200);
    drop(server);
    shop
}

async fn new_key(program: Program) -> String {
    let scopes = "catalog:write,stock:write,stock:read";
    let made = program.args([
        "key", "create", "--name", "clients", "--scopes", scopes, "--json",
    ]);
    let made: Value = serde_json::from_str(&succeed(made).await).expect("JSON");
    made["key"].as_str().expect("a key").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_reservations_survive_kills_of_servers_and_of_postgres() {
    let postgres = Postgres::start(PostgresOptions {
        fsync: true,
        ..PostgresOptions::default()
    })
    .await;
    let folder = TempDir::new().expect("a folder");
    let program = || stanchion(folder.path()).env("STANCHION_DATABASE__URL", postgres.url());
    succeed(program().arg("migrate")).await;
    let key = new_key(program()).await;
    let serve = || program().args(["serve", "--listen", "127.0.0.1:0"]);
    let shop = shop(serve(), serve(), key).await;
    let history = under_kills(&shop, 6, |round| {
        let (shop, postgres) = (&shop, &postgres);
        async move {
            if round % 3 == 2 {
                postgres.kill9().await;
                postgres.start_again().await;
            } else {
                let mut server = shop.servers[round % 3].write().await;
                server.running.kill9();
                *server = Server::start(serve()).await;
            }
        }
    })
    .await;
    let ids = postgres
        .psql("SELECT id FROM stanchion_stock.reservations")
        .await;
    let stored: Vec<String> = ids.split_whitespace().map(str::to_owned).collect();
    judge(&history, &stored);
    let said = succeed(program().arg("audit")).await;
    assert!(said.contains("the ledger is sound"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_reservations_survive_kills_of_servers_on_one_file() {
    let folder = TempDir::new().expect("a folder");
    let program = || stanchion(folder.path());
    let key = new_key(program()).await;
    let serve = || program().args(["serve", "--listen", "127.0.0.1:0"]);
    let shop = shop(serve(), serve(), key).await;
    let history = under_kills(&shop, 4, |round| {
        let shop = &shop;
        async move {
            let mut server = shop.servers[round % 2].write().await;
            server.running.kill9();
            *server = Server::start(serve()).await;
        }
    })
    .await;
    for server in &shop.servers {
        server.read().await.running.interrupt();
    }
    let database = rusqlite::Connection::open(folder.path().join("shop.db")).expect("the file");
    let mut ids = database
        .prepare("SELECT lower(hex(id)) FROM stanchion_stock_reservations")
        .expect("a statement");
    let ids = ids
        .query_map([], |row| row.get::<_, String>(0))
        .expect("rows");
    let dashed = |id: String| {
        let parts = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]];
        parts.join("-")
    };
    let stored: Vec<String> = ids.map(|id| dashed(id.expect("an id"))).collect();
    judge(&history, &stored);
    eventually("the audit is clean", DEADLINE, || async {
        let audit = program().arg("audit").start();
        audit.wait(DEADLINE).await.success()
    })
    .await;
}
