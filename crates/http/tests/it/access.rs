//! Who may call what: every route, walked.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use stanchion_http::AuthConfig;
use stanchion_http::auth::{Access, ApiKey, Scope, ScopeSet};
use stanchion_kernel::Uuid;
use stanchion_store::keys::NewKey;
use stanchion_testkit::eventually;

use crate::world::{Options, SOON, World, problem};

/// The routes that ask for no credential at all.
const OPEN: [&str; 7] = [
    "GET /docs",
    "GET /docs/{file}",
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /problems/{name}",
    "GET /readyz",
];
/// The routes that the configuration may open.
const ANONYMOUS: [&str; 5] = [
    "GET /media/{key}",
    "GET /v1/categories",
    "GET /v1/images/{id}",
    "GET /v1/products",
    "GET /v1/products/{id}",
];

fn closed() -> Options {
    let auth = AuthConfig {
        anonymous_read: false,
        ..AuthConfig::default()
    };
    Options {
        auth,
        ..Options::default()
    }
}

fn concrete(path: &str) -> String {
    path.replace("{id}", &Uuid::from_u128(7).to_string())
        .replace("{queue}", "mail")
        .replace("{file}", "index.html")
        .replace("{name}", "not-found")
}

#[tokio::test]
async fn the_routes_that_need_no_credential_are_exactly_the_allow_list() {
    let world = World::with(closed()).await;
    let with = |wanted: fn(Access) -> bool| -> BTreeSet<String> {
        let routes = world.routes.iter().filter(|route| wanted(route.access));
        routes
            .map(|route| format!("{} {}", route.method, route.path))
            .collect()
    };
    let open = with(|access| access == Access::Open);
    let expected = OPEN.map(str::to_owned).into();
    assert_eq!(open, expected);
    let anonymous = with(|access| matches!(access, Access::AnonymousRead(_)));
    assert_eq!(anonymous, ANONYMOUS.map(str::to_owned).into());
}

#[tokio::test]
async fn every_other_route_refuses_no_key_a_wrong_key_and_a_key_without_the_scope() {
    let world = World::with(closed()).await;
    let known: ApiKey = world.key(&Scope::ALL).await.parse().unwrap();
    let wrong = ApiKey {
        secret: [7; 32],
        ..known.clone()
    };
    let unknown = ApiKey {
        id: Uuid::from_u128(99),
        ..known
    };
    let mut walked = 0;
    for route in world
        .routes
        .iter()
        .filter(|route| route.access != Access::Open)
    {
        let name = format!("{} {}", route.method, route.path);
        let method: Method = route.method.parse().unwrap();
        let request = || world.request(method.clone(), &concrete(&route.path));
        let none = request().send().await.unwrap();
        assert_eq!(none.status(), StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(
            none.headers()["www-authenticate"],
            "Bearer realm=\"stanchion\""
        );
        let mut refusals = Vec::new();
        for text in [wrong.to_string(), unknown.to_string(), "garbage".to_owned()] {
            let response = request().bearer_auth(text).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
            let challenge = response.headers()["www-authenticate"].clone();
            let mut told = problem(response, "unauthenticated").await;
            told["instance"].take();
            refusals.push((challenge, told));
        }
        assert!(
            refusals.windows(2).all(|pair| pair[0] == pair[1]),
            "{name}: they can be told apart"
        );
        let needed = route.access.scope().unwrap();
        let others = Scope::ALL
            .into_iter()
            .filter(|scope| !ScopeSet::from_iter([*scope]).allows(needed));
        let without = world.key(&others.collect::<Vec<_>>()).await;
        let response = request().bearer_auth(&without).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{name}");
        assert_eq!(
            problem(response, "forbidden").await["scope"],
            needed.as_str()
        );
        let with = world.key(&[needed]).await;
        let response = request().bearer_auth(&with).send().await.unwrap();
        let refused =
            [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&response.status());
        assert!(!refused, "{name} refuses a key with its scope");
        walked += 1;
    }
    assert_eq!(
        walked, 39,
        "a route was added: look whether its access is right"
    );
}

#[tokio::test]
async fn open_routes_answer_whatever_the_credential() {
    let world = World::with(closed()).await;
    for route in world
        .routes
        .iter()
        .filter(|route| route.access == Access::Open)
    {
        let path = concrete(&route.path);
        let response = world
            .get(&path)
            .bearer_auth("garbage")
            .send()
            .await
            .unwrap();
        assert!(
            response.status().as_u16() < 400,
            "{path}: {}",
            response.status()
        );
    }
}

#[tokio::test]
async fn a_bad_credential_is_refused_also_where_none_is_needed() {
    let world = World::start().await;
    assert_eq!(
        world.get("/v1/products").send().await.unwrap().status(),
        StatusCode::OK
    );
    for field in [
        "Bearer garbage",
        "Basic dXNlcjpwYXNz",
        "Bearer",
        "Bearer a, b",
    ] {
        let request = world.get("/v1/products").header("authorization", field);
        problem(request.send().await.unwrap(), "unauthenticated").await;
    }
    let reader = world.key(&[Scope::CatalogRead]).await;
    let twice = world
        .get("/v1/products")
        .bearer_auth(&reader)
        .bearer_auth(&reader);
    problem(twice.send().await.unwrap(), "unauthenticated").await;
}

async fn a_revoked_key_is_refused_at_once(on_postgres: bool) {
    let world = World::with(Options {
        on_postgres,
        ..Options::default()
    })
    .await;
    let follower = world.keys.clone();
    let follow = tokio::spawn(async move { follower.follow().await });
    let admin = world.key(&[Scope::Ops]).await;
    let victim = world.key(&[Scope::CatalogRead]).await;
    let id = victim.parse::<ApiKey>().unwrap().id;
    let ask = || async {
        world
            .get("/v1/products")
            .bearer_auth(&victim)
            .send()
            .await
            .unwrap()
            .status()
    };
    eventually("the key works, also from the cache", SOON, || async {
        ask().await == StatusCode::OK
    })
    .await;
    let revoke = world
        .request(Method::DELETE, &format!("/v1/keys/{id}"))
        .bearer_auth(&admin);
    assert_eq!(
        revoke.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);
    follow.abort();
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_on_sqlite() {
    a_revoked_key_is_refused_at_once(false).await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_on_postgres() {
    a_revoked_key_is_refused_at_once(true).await;
}

#[tokio::test]
async fn an_expired_key_is_refused() {
    let world = World::start().await;
    let new = NewKey {
        name: "short".to_owned(),
        scopes: vec!["catalog:read".to_owned()],
        expires_in: Some(std::time::Duration::from_millis(1)),
    };
    let made = world.keys.create(new).await.unwrap();
    let key = ApiKey {
        id: made.record.id,
        secret: made.secret,
    }
    .to_string();
    eventually("the key has expired", SOON, || async {
        let response = world
            .get("/v1/products")
            .bearer_auth(&key)
            .send()
            .await
            .unwrap();
        response.status() == StatusCode::UNAUTHORIZED
    })
    .await;
}
