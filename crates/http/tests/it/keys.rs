use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stanchion_http::auth::Scope;

use crate::world::{Options, World, problem};

async fn make(world: &World, admin: &str, body: &Value) -> reqwest::Response {
    world
        .request(Method::POST, "/v1/keys")
        .bearer_auth(admin)
        .json(body)
        .send()
        .await
        .unwrap()
}

async fn a_key_is_shown_once_works_and_ends(on_postgres: bool) {
    let world = World::with(Options {
        on_postgres,
        ..Options::default()
    })
    .await;
    let admin = world.key(&Scope::ALL).await;
    let body = json!({"name": "shop", "scopes": ["catalog:write"], "expires_in_seconds": 600});
    let made = make(&world, &admin, &body).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(made.headers()["cache-control"], "no-store");
    let made: Value = made.json().await.unwrap();
    let key = made["key"].as_str().unwrap();
    world.product(key, "A", "active").await;

    let listed = world
        .get("/v1/keys?limit=1")
        .bearer_auth(&admin)
        .send()
        .await
        .unwrap();
    let listed = listed.text().await.unwrap();
    assert!(
        !listed.contains(key) && !listed.contains("hash"),
        "{listed}"
    );
    let page: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(page["items"][0]["id"], made["id"]);
    assert!(page["items"][0]["expires_at"].is_string());
    let next = format!("/v1/keys?cursor={}", page["next_cursor"].as_str().unwrap());
    let rest: Value = world
        .get(&next)
        .bearer_auth(&admin)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);

    let place = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    let revoke = || {
        world
            .request(Method::DELETE, &place)
            .bearer_auth(&admin)
            .send()
    };
    assert_eq!(revoke().await.unwrap().status(), StatusCode::NO_CONTENT);
    problem(revoke().await.unwrap(), "not-found").await;
    let refused = world
        .get("/v1/products")
        .bearer_auth(key)
        .send()
        .await
        .unwrap();
    problem(refused, "unauthenticated").await;
}

#[tokio::test]
async fn a_key_is_shown_once_works_and_ends_on_sqlite() {
    a_key_is_shown_once_works_and_ends(false).await;
}

#[tokio::test]
async fn a_key_is_shown_once_works_and_ends_on_postgres() {
    a_key_is_shown_once_works_and_ends(true).await;
}

#[tokio::test]
async fn a_caller_gives_no_more_than_it_has() {
    let world = World::start().await;
    let operator = world.key(&[Scope::Ops]).await;
    let refused = make(
        &world,
        &operator,
        &json!({"name": "x", "scopes": ["ops", "catalog:write"]}),
    )
    .await;
    assert_eq!(
        problem(refused, "forbidden").await["scope"],
        "catalog:write"
    );
    let made = make(&world, &operator, &json!({"name": "x", "scopes": ["ops"]})).await;
    assert_eq!(made.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_key_that_is_described_wrongly_is_refused_field_by_field() {
    let world = World::start().await;
    let admin = world.key(&Scope::ALL).await;
    for (body, pointer) in [
        (json!({"name": "", "scopes": ["ops"]}), "/name"),
        (json!({"name": "a\u{0}b", "scopes": ["ops"]}), "/name"),
        (json!({"name": "n".repeat(101), "scopes": ["ops"]}), "/name"),
        (json!({"name": "x", "scopes": []}), "/scopes"),
        (json!({"name": "x", "scopes": ["ops", "root"]}), "/scopes/1"),
        (json!({"name": "x", "scopes": ["ops", "ops"]}), "/scopes/1"),
        (
            json!({"name": "x", "scopes": ["ops"], "expires_in_seconds": 0}),
            "/expires_in_seconds",
        ),
        (
            json!({"name": "x", "scopes": ["ops"], "admin": true}),
            "/admin",
        ),
    ] {
        let problem = problem(make(&world, &admin, &body).await, "validation").await;
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    for (path, kind) in [
        ("/v1/keys?cursor=x", "invalid-cursor"),
        ("/v1/keys?limit=0", "bad-request"),
        ("/v1/keys?limit=4294967295", "bad-request"),
        ("/v1/keys?page=2", "bad-request"),
    ] {
        problem(
            world.get(path).bearer_auth(&admin).send().await.unwrap(),
            kind,
        )
        .await;
    }
}
