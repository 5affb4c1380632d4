//! Stock and reservations over HTTP, on both databases.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use stanchion_http::auth::Scope;

use crate::world::{Options, World, problem};

/// A world with a key that may do everything here, and a product with some pieces.
struct Shop {
    world: World,
    key: String,
}

impl Shop {
    async fn open(on_postgres: bool) -> Self {
        let options = Options {
            on_postgres,
            ..Options::default()
        };
        let world = World::with(options).await;
        let scopes = [Scope::CatalogWrite, Scope::StockRead, Scope::StockWrite];
        let key = world.key(&scopes).await;
        for (sku, status) in [("LAMP", "active"), ("VASE", "active"), ("OLD", "archived")] {
            world.product(&key, sku, status).await;
        }
        Self { world, key }
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.world.get(path).bearer_auth(&self.key);
        request.send().await.unwrap()
    }

    async fn post(&self, path: &str, key: Option<&str>, body: Value) -> Response {
        let request = self
            .world
            .request(Method::POST, path)
            .bearer_auth(&self.key);
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        request.json(&body).send().await.unwrap()
    }

    async fn receive(&self, sku: &str, pieces: i64) -> Value {
        let path = format!("/v1/stock/{sku}/adjustments");
        let answer = self.post(&path, None, json!({"delta": pieces, "reason": "delivery"}));
        let answer = answer.await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    async fn reserve(&self, key: Option<&str>, lines: Value) -> Response {
        self.post(
            "/v1/reservations",
            key,
            json!({"lines": lines, "ttl_seconds": 60}),
        )
        .await
    }

    async fn held(&self, sku: &str, quantity: i64) -> String {
        let answer = self
            .reserve(None, json!([{"sku": sku, "quantity": quantity}]))
            .await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let made: Value = answer.json().await.unwrap();
        assert_eq!(made["state"], "held");
        assert_eq!(
            location,
            format!("/v1/reservations/{}", made["id"].as_str().unwrap())
        );
        location
    }

    async fn levels(&self, sku: &str) -> (i64, i64, i64) {
        let stock: Value = self
            .get(&format!("/v1/stock/{sku}"))
            .await
            .json()
            .await
            .unwrap();
        let of = |name: &str| stock[name].as_i64().unwrap();
        (of("on_hand"), of("reserved"), of("available"))
    }
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Shop::open(false).await).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Shop::open(true).await).await;
            })*
        }
    };
}

on_both! {
    pieces_are_received_reserved_sold_and_given_back
    a_retry_gets_the_first_answer_and_changes_nothing
    a_refusal_is_kept_with_its_key
    what_cannot_be_reserved_is_refused_and_nothing_changes
    what_means_nothing_is_refused
    a_reservation_is_settled_once
    an_adjustment_keeps_to_the_state_that_it_names
}

async fn pieces_are_received_reserved_sold_and_given_back(shop: Shop) {
    assert_eq!(
        shop.levels("LAMP").await,
        (0, 0, 0),
        "a product without a piece"
    );
    shop.receive("LAMP", 10).await;
    let sold = shop.held("LAMP", 4).await;
    assert_eq!(shop.levels("LAMP").await, (10, 4, 6));
    let part = json!({"lines": [{"sku": "LAMP", "quantity": 3}]});
    let answer = shop.post(&format!("{sold}/commit"), None, part).await;
    let settled: Value = answer.json().await.unwrap();
    assert_eq!(settled["state"], "committed");
    assert_eq!(
        settled["lines"][0],
        json!({"sku": "LAMP", "quantity": 4, "committed": 3})
    );
    assert_eq!(shop.levels("LAMP").await, (7, 0, 7));
    let given_back = shop.held("LAMP", 7).await;
    let answer = shop
        .post(&format!("{given_back}/release"), None, json!({}))
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(shop.levels("LAMP").await, (7, 0, 7));
    let shown: Value = shop.get(&given_back).await.json().await.unwrap();
    assert_eq!(shown["state"], "released");
    assert!(shop.world.stock.audit(10).await.unwrap().is_empty());
}

async fn a_retry_gets_the_first_answer_and_changes_nothing(shop: Shop) {
    shop.receive("LAMP", 10).await;
    let line = json!([{"sku": "LAMP", "quantity": 1}]);
    let first: Value = shop
        .reserve(Some("a"), line.clone())
        .await
        .json()
        .await
        .unwrap();
    let again = shop.reserve(Some("a"), line).await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    let other = shop
        .reserve(Some("a"), json!([{"sku": "LAMP", "quantity": 2}]))
        .await;
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    problem(other, "idempotency-key-reused").await;
    assert_eq!(shop.levels("LAMP").await, (10, 1, 9));
    for _ in 0..2 {
        let path = "/v1/stock/LAMP/adjustments";
        let answer = shop.post(path, Some("b"), json!({"delta": 5})).await;
        assert_eq!(answer.json::<Value>().await.unwrap()["on_hand"], 15);
    }
    let elsewhere = shop.post("/v1/stock/VASE/adjustments", Some("b"), json!({"delta": 5}));
    problem(elsewhere.await, "idempotency-key-reused").await;
    assert_eq!(shop.levels("VASE").await, (0, 0, 0));
}

async fn a_refusal_is_kept_with_its_key(shop: Shop) {
    shop.receive("LAMP", 1).await;
    let two = json!([{"sku": "LAMP", "quantity": 2}]);
    let refused = shop.reserve(Some("a"), two.clone()).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    problem(refused, "insufficient-stock").await;
    shop.receive("LAMP", 9).await;
    problem(shop.reserve(Some("a"), two).await, "insufficient-stock").await;
    assert_eq!(shop.levels("LAMP").await, (10, 0, 10));
}

async fn what_cannot_be_reserved_is_refused_and_nothing_changes(shop: Shop) {
    shop.receive("LAMP", 3).await;
    let lines = json!([{"sku": "LAMP", "quantity": 1}, {"sku": "VASE", "quantity": 2}]);
    let refused = problem(shop.reserve(None, lines).await, "insufficient-stock").await;
    let short = json!([{"sku": "VASE", "requested": 2, "available": 0}]);
    assert_eq!(refused["lines"], short);
    let unknown = shop
        .reserve(None, json!([{"sku": "NONE", "quantity": 1}]))
        .await;
    assert_eq!(unknown.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        problem(unknown, "unknown-sku").await["skus"],
        json!(["NONE"])
    );
    let archived = shop
        .reserve(None, json!([{"sku": "OLD", "quantity": 1}]))
        .await;
    assert_eq!(archived.status(), StatusCode::CONFLICT);
    assert_eq!(
        problem(archived, "not-for-sale").await["skus"],
        json!(["OLD"])
    );
    let unknown = shop
        .post("/v1/stock/NONE/adjustments", None, json!({"delta": 1}))
        .await;
    problem(unknown, "unknown-sku").await;
    problem(shop.get("/v1/stock/NONE").await, "not-found").await;
    assert_eq!(shop.levels("LAMP").await, (3, 0, 3));
}

async fn what_means_nothing_is_refused(shop: Shop) {
    shop.receive("LAMP", 3).await;
    let many: Vec<Value> = (0..10_000)
        .map(|n| json!({"sku": format!("S{n}"), "quantity": 1}))
        .collect();
    let lamp = |quantity: Value| json!({"lines": [{"sku": "LAMP", "quantity": quantity}]});
    let bodies = [
        (lamp(json!(0)), "/lines/0"),
        (lamp(json!(-1)), "/lines/0"),
        (lamp(json!(i64::MAX)), "/lines/0"),
        (json!({"lines": []}), "/lines"),
        (json!({"lines": many}), "/lines"),
        (
            json!({"lines": [{"sku": "LAMP", "quantity": 1}], "ttl_seconds": 0}),
            "/ttl_seconds",
        ),
        (
            json!({"lines": [{"sku": "LAMP", "quantity": 1}], "ttl_seconds": 3_153_600_000_u64}),
            "/ttl_seconds",
        ),
        (
            json!({"lines": [{"sku": "LAMP", "quantity": 1}, {"sku": "LAMP", "quantity": 1}]}),
            "/lines/1",
        ),
    ];
    for (body, pointer) in bodies {
        let refused = shop.post("/v1/reservations", None, body).await;
        let refused = problem(refused, "validation").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    for body in [lamp(json!("1")), lamp(json!(1.5)), lamp(json!(1e30))] {
        let refused = shop.post("/v1/reservations", None, body).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    for (delta, status) in [
        (0, "validation"),
        (i64::MAX, "validation"),
        (-4, "stock-out-of-bounds"),
    ] {
        let refused = shop
            .post("/v1/stock/LAMP/adjustments", None, json!({"delta": delta}))
            .await;
        problem(refused, status).await;
    }
    assert_eq!(shop.levels("LAMP").await, (3, 0, 3));
}

async fn a_reservation_is_settled_once(shop: Shop) {
    shop.receive("LAMP", 3).await;
    let held = shop.held("LAMP", 2).await;
    let too_many = json!({"lines": [{"sku": "LAMP", "quantity": 3}]});
    let refused = shop.post(&format!("{held}/commit"), None, too_many).await;
    problem(refused, "more-than-reserved").await;
    for _ in 0..2 {
        let request = shop.world.request(Method::POST, &format!("{held}/commit"));
        let answer = request.bearer_auth(&shop.key).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "without a body, and again");
    }
    let late = shop.post(&format!("{held}/release"), None, json!({})).await;
    assert_eq!(late.status(), StatusCode::CONFLICT);
    let late = problem(late, "reservation-settled").await;
    assert_eq!(late["reservation"]["state"], "committed");
    let none = "/v1/reservations/00000000-0000-7000-8000-000000000000";
    problem(shop.get(none).await, "not-found").await;
    problem(
        shop.post(&format!("{none}/commit"), None, json!({})).await,
        "not-found",
    )
    .await;
    assert_eq!(shop.levels("LAMP").await, (1, 0, 1));
}

async fn an_adjustment_keeps_to_the_state_that_it_names(shop: Shop) {
    shop.receive("LAMP", 3).await;
    let tag = shop.get("/v1/stock/LAMP").await.headers()["etag"].clone();
    let adjust = |tag: reqwest::header::HeaderValue| {
        let request = shop
            .world
            .request(Method::POST, "/v1/stock/LAMP/adjustments");
        let request = request.bearer_auth(&shop.key).header("if-match", tag);
        request.json(&json!({"delta": 1})).send()
    };
    let changed = adjust(tag.clone()).await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()["etag"], tag);
    let stale = adjust(tag).await.unwrap();
    assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(
        problem(stale, "precondition-failed").await["current_version"],
        2
    );
    let foreign = adjust("\"1.1\"".parse().unwrap()).await.unwrap();
    problem(foreign, "precondition-failed").await;
    assert_eq!(shop.levels("LAMP").await, (4, 0, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_how_a_sku_is_decided_and_set_when_it_is_low() {
    let shop = Shop::open(false).await;
    shop.receive("LAMP", 3).await;
    let seen: Value = shop.get("/v1/stock/LAMP").await.json().await.unwrap();
    assert!(seen.get("strategy").is_none(), "{seen}");
    let request = shop.world.request(Method::PUT, "/v1/stock/LAMP/low-stock");
    let answer = request
        .bearer_auth(&shop.key)
        .json(&json!({"threshold": 5}));
    let answer: Value = answer.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&answer["low_stock"], &answer["version"]),
        (&json!(5), &json!(2))
    );
    let operator = shop.world.key(&[Scope::Ops, Scope::StockRead]).await;
    let seen = shop.world.get("/v1/stock/LAMP").bearer_auth(operator);
    let seen: Value = seen.send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["strategy"], "atomic");
}
