//! Reservations through kills and lost connections: what clients were told is true afterwards, and nothing happened that
//! nobody asked for.

mod faults;
mod shop;

use stanchion_testkit::{Postgres, PostgresOptions, Proxy, TempDir, eventually};

use self::faults::{ACQUIRE_TIMEOUT_MS, Place, Strokes};
use self::shop::{Shop, Stored, clients_key};
use crate::program::{DEADLINE, stanchion, succeed};
use crate::server::Server;

/// Each reservation, and the key that has it as its outcome.
const STORED_ON_POSTGRES: &str = "SELECT r.id, q.key FROM stanchion_stock.reservations AS r
    LEFT JOIN stanchion_stock.requests AS q ON q.outcome::jsonb ->> 'reserved' = r.id::text";
const STORED_ON_SQLITE: &str =
    "SELECT lower(hex(r.id)), coalesce(q.key, '') FROM stanchion_stock_reservations AS r
    LEFT JOIN stanchion_stock_requests AS q ON replace(q.outcome ->> '$.reserved', '-', '') = lower(hex(r.id))";
/// Connections of servers that PostgreSQL still works for.
const AT_WORK: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stanchion'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_reservations_survive_kills_and_lost_connections() {
    let strokes = Strokes::new();
    let postgres = Postgres::start(PostgresOptions {
        fsync: true,
        ..PostgresOptions::default()
    })
    .await;
    let proxies = [(); 2].map(|()| Proxy::start(("127.0.0.1", postgres.port())));
    let folder = TempDir::new().expect("a folder");
    let program = || stanchion(folder.path()).env("STANCHION_DATABASE__URL", postgres.url());
    succeed(program().arg("migrate")).await;
    let key = clients_key(program()).await;
    let serve = |server: usize| {
        let [from, to] = [postgres.port(), proxies[server].addr().port()];
        let through = postgres.url().replace(&from.to_string(), &to.to_string());
        stanchion(folder.path())
            .env("STANCHION_DATABASE__URL", through)
            .env("STANCHION_DATABASE__ACQUIRE_TIMEOUT_MS", ACQUIRE_TIMEOUT_MS)
            .args(["serve", "--listen", "127.0.0.1:0"])
    };
    let shop = Shop::open(serve(0), serve(1), key).await;
    let place = Place {
        shop: &shop,
        postgres: &postgres,
        proxies: &proxies,
        serve,
    };
    let history = shop
        .under_faults(&strokes.acknowledged_between(), |number| {
            strokes.strike(number, &place)
        })
        .await;
    for server in &shop.servers {
        server.read().await.stop().await;
    }
    eventually("nothing is under way any more", DEADLINE, || async {
        postgres.psql(AT_WORK).await.trim() == "0"
    })
    .await;
    let stored = postgres.psql(STORED_ON_POSTGRES).await;
    let stored = stored.lines().map(|line| {
        let (id, key) = line.split_once('|').expect("two columns");
        (id.to_owned(), key.to_owned())
    });
    shop.judge(&history, &stored.collect());
    let said = succeed(program().arg("audit")).await;
    assert!(said.contains("the ledger is sound"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_reservations_survive_kills_of_servers_on_one_file() {
    let folder = TempDir::new().expect("a folder");
    let program = || stanchion(folder.path());
    let key = clients_key(program()).await;
    let serve = || program().args(["serve", "--listen", "127.0.0.1:0"]);
    let shop = Shop::open(serve(), serve(), key).await;
    let history = shop
        .under_faults(&[60; 4], |round| {
            let shop = &shop;
            async move {
                let mut server = shop.servers[round % 2].write().await;
                server.running.kill9();
                *server = Server::start(serve()).await;
            }
        })
        .await;
    for server in &shop.servers {
        server.read().await.stop().await;
    }
    let database = rusqlite::Connection::open(folder.path().join("shop.db")).expect("the file");
    let mut stored = database.prepare(STORED_ON_SQLITE).expect("a statement");
    let stored = stored.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let stored: Result<Stored, _> = stored.expect("rows").collect();
    shop.judge(&history, &stored.expect("ids and keys"));
    let said = succeed(program().arg("audit")).await;
    assert!(said.contains("the ledger is sound"), "{said}");
}
