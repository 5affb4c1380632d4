//! Stock on a running server: the demo's, holds that end, the audit.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use stanchion_testkit::{TempDir, eventually};

use crate::program::{fail, finish, new_key, stanchion, succeed};
use crate::server::Server;

/// Longer than the sweeper takes on a busy machine.
const SWEPT: Duration = Duration::from_secs(20);

async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    let request = server.with(&server.key, Method::POST, path).json(&body);
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

async fn available(server: &Server, sku: &str) -> i64 {
    let request = server.with(&server.key, Method::GET, &format!("/v1/stock/{sku}"));
    let answer = request.send().await.expect("an answer");
    let stock: Value = answer.json().await.expect("JSON");
    stock["available"].as_i64().expect("a number")
}

#[tokio::test]
async fn the_demo_stocks_every_product_and_the_audit_names_a_breach() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::demo(folder.path()).await;
    let list = server.json("/v1/products?limit=200").await;
    let items = list["items"].as_array().expect("a list").clone();
    for item in items.iter().step_by(50) {
        let sku = item["sku"].as_str().expect("a SKU");
        assert!(available(&server, sku).await >= 3, "{sku}");
    }
    let sku = items[0]["sku"].as_str().expect("a SKU").to_owned();
    let line = json!({"lines": [{"sku": sku, "quantity": 2}]});
    assert_eq!(post(&server, "/v1/reservations", line).await.0, 201);
    let said = succeed(stanchion(folder.path()).arg("audit")).await;
    assert!(said.contains("the ledger is sound"), "{said}");
    server.stop().await;

    let database = rusqlite::Connection::open(folder.path().join("shop.db")).expect("the file");
    let broken = "UPDATE stanchion_stock_stock SET on_hand = on_hand + 1 WHERE sku = ?1";
    database.execute(broken, [&sku]).expect("broken");
    let audit = stanchion(folder.path()).args(["audit", "--json"]);
    let (status, running) = finish(audit).await;
    assert_eq!(status.code(), Some(1));
    let said = running.stdout();
    let first = said.lines().next().expect("a finding");
    let finding: Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(
        (&finding["breach"], &finding["subject"]),
        (&json!("on_hand"), &json!(sku))
    );
    assert!(fail(stanchion(folder.path()).arg("audit")).await.is_empty());
}

#[tokio::test]
async fn a_hold_whose_time_is_over_is_given_back_and_cannot_be_sold() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::demo(folder.path()).await;
    let list = server.json("/v1/products?limit=1").await;
    let sku = list["items"][0]["sku"].as_str().expect("a SKU").to_owned();
    let before = available(&server, &sku).await;
    let line = json!({"lines": [{"sku": sku, "quantity": 3}], "ttl_seconds": 1});
    let (status, held) = post(&server, "/v1/reservations", line).await;
    assert_eq!(status, 201, "{held}");
    eventually("the sweeper gives it back", SWEPT, || async {
        available(&server, &sku).await == before
    })
    .await;
    let path = format!(
        "/v1/reservations/{}/commit",
        held["id"].as_str().expect("an id")
    );
    let (status, late) = post(&server, &path, json!({})).await;
    assert_eq!(
        (status, &late["type"]),
        (409, &json!("/problems/reservation-settled"))
    );
    assert_eq!(late["reservation"]["state"], "expired");
    server.stop().await;
}

/// The JSON that a key's holder gets, and its status.
async fn ask(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn reservations_are_the_shops_and_idempotency_keys_are_their_callers() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::demo(folder.path()).await;
    let key = |scopes: &'static str| new_key(stanchion(folder.path()), scopes);
    let (till, other) = (key("stock:write").await, key("stock:write").await);
    let (reader, stranger) = (key("stock:read").await, key("catalog:write").await);
    let list = server.json("/v1/products?limit=1").await;
    let line = json!({"lines": [{"sku": list["items"][0]["sku"], "quantity": 1}]});
    let reserve = |key: &str| {
        let request = server.with(key, Method::POST, "/v1/reservations");
        request.header("idempotency-key", "cart-1").json(&line)
    };
    let (status, made) = ask(reserve(&till)).await;
    assert_eq!(status, 201, "{made}");
    let (_, again) = ask(reserve(&till)).await;
    assert_eq!(again["id"], made["id"]);
    let (status, others) = ask(reserve(&other)).await;
    assert_eq!(status, 201, "{others}");
    assert_ne!(others["id"], made["id"], "the key is another caller's");

    let path = format!("/v1/reservations/{}", made["id"].as_str().expect("an id"));
    let (status, seen) = ask(server.with(&reader, Method::GET, &path)).await;
    assert_eq!((status, &seen["id"]), (200, &made["id"]));
    let release = format!("{path}/release");
    for (key, expected) in [(&stranger, 403), (&reader, 403), (&other, 200)] {
        let (status, said) = ask(server.with(key, Method::POST, &release)).await;
        assert_eq!(status, expected, "{said}");
    }
    let (status, _) = ask(server.with(&stranger, Method::GET, &path)).await;
    assert_eq!(status, 403);
    server.stop().await;
}
