//! Limits: their administration, questions to them, and those in front of the routes.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sfv::{BareItem, List, ListEntry, Parser};
use stanchion_http::auth::Scope;
use stanchion_http::{Callers, HttpConfig, Per, RouteLimit};
use stanchion_kernel::{Clock, ManualClock, Timestamp};
use stanchion_limiter::{Limit, Rate};
use stanchion_testkit::eventually;

use crate::world::{Options, SOON, World, problem};

/// A world whose buckets are on a clock that the test moves; they are full already.
struct Desk {
    world: World,
    hand: ManualClock,
    admin: String,
}

impl Desk {
    async fn open(route_limits: Vec<RouteLimit>) -> Self {
        Self::with(route_limits, Options::default()).await
    }

    async fn with(route_limits: Vec<RouteLimit>, options: Options) -> Self {
        let (clock, hand) = Clock::manual(Timestamp::default());
        let limits = route_limits.iter().map(|limit| (*limit.limit).clone());
        let options = Options {
            limits: limits.collect(),
            route_limits,
            bucket_clock: Some(clock),
            ..options
        };
        let world = World::with(options).await;
        hand.advance(Duration::from_hours(24));
        let scopes = [Scope::LimitsAdmin, Scope::LimitsCheck];
        let admin = world.key(&scopes).await;
        Self { world, hand, admin }
    }

    async fn put(&self, name: &str, body: Value) -> Response {
        let path = format!("/v1/limits/{name}");
        let request = self.world.request(Method::PUT, &path);
        let request = request.bearer_auth(&self.admin).json(&body);
        request.send().await.unwrap()
    }

    async fn send(&self, method: Method, path: &str) -> Response {
        let request = self.world.request(method, path).bearer_auth(&self.admin);
        request.send().await.unwrap()
    }

    async fn check(&self, query: &str, body: Value) -> Response {
        let path = format!("/v1/limits/check{query}");
        let request = self.world.request(Method::POST, &path);
        let request = request.bearer_auth(&self.admin).json(&body);
        request.send().await.unwrap()
    }
}

fn small() -> Value {
    json!({"rate": {"tokens": 1, "period_seconds": 10}, "burst": 3})
}

fn route_limit(name: &str, burst: u64, per: Per, callers: Callers) -> RouteLimit {
    let rate = Rate::new(1, Duration::from_secs(10));
    RouteLimit {
        limit: Arc::new(Limit::new(name, rate, burst).unwrap()),
        per,
        callers,
        routes: Vec::new(),
    }
}

/// The members of a field of structured values: names with parameters.
fn members(response: &Response, field: &str) -> Vec<(String, Vec<(String, i64)>)> {
    let fields = response.headers().get_all(field).into_iter();
    let text: Vec<&str> = fields.map(|value| value.to_str().unwrap()).collect();
    let list: List = Parser::new(&text.join(", ")).parse().unwrap();
    let member = |entry: ListEntry| {
        let ListEntry::Item(item) = entry else {
            panic!("an inner list")
        };
        let BareItem::String(name) = item.bare_item else {
            panic!("not a string")
        };
        let parameters = item.params.into_iter().map(|(key, value)| {
            let BareItem::Integer(number) = value else {
                panic!("not an integer")
            };
            (key.to_string(), i64::from(number))
        });
        (name.to_string(), parameters.collect())
    };
    list.into_iter().map(member).collect()
}

fn named(name: &str, parameters: [(&str, i64); 2]) -> (String, Vec<(String, i64)>) {
    let parameters = parameters.map(|(key, value)| (key.to_owned(), value));
    (name.to_owned(), parameters.to_vec())
}

#[tokio::test]
async fn a_limit_is_set_read_replaced_and_removed() {
    for on_postgres in [false, true] {
        let options = Options {
            on_postgres,
            ..Options::default()
        };
        let desk = Desk::with(Vec::new(), options).await;
        let made = desk.put("searches", small()).await;
        assert_eq!(made.status(), StatusCode::CREATED);
        let first = made.headers()["etag"].clone();
        let body = json!({
            "rate": {"tokens": 5, "period_seconds": 60}, "burst": 9, "fallback": "share", "servers": 3,
            "shadow": true, "parts": 2,
        });
        let replaced = desk.put("searches", body.clone()).await;
        assert_eq!(replaced.status(), StatusCode::OK);
        assert_ne!(replaced.headers()["etag"], first);
        let read = desk.send(Method::GET, "/v1/limits/searches").await;
        let read: Value = read.json().await.unwrap();
        for (member, value) in body.as_object().unwrap() {
            assert_eq!(&read[member], value, "{member}");
        }
        assert_eq!(
            (&read["source"], &read["name"]),
            (&json!("api"), &json!("searches"))
        );
        let listed = desk.send(Method::GET, "/v1/limits").await;
        let listed: Value = listed.json().await.unwrap();
        assert_eq!(listed["items"], json!([read]));
        let removed = desk.send(Method::DELETE, "/v1/limits/searches").await;
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
        for method in [Method::GET, Method::DELETE] {
            let gone = desk.send(method, "/v1/limits/searches").await;
            problem(gone, "not-found").await;
        }
    }
}

#[tokio::test]
async fn a_change_may_name_the_state_that_it_starts_from() {
    let desk = Desk::open(Vec::new()).await;
    let put = async |tag: &str| {
        let request = desk.world.request(Method::PUT, "/v1/limits/a");
        let request = request.header("if-match", tag).bearer_auth(&desk.admin);
        request.json(&small()).send().await.unwrap()
    };
    problem(put("*").await, "precondition-failed").await;
    let made = desk.put("a", small()).await;
    let first = made.headers()["etag"].to_str().unwrap().to_owned();
    let second = put(&first).await;
    assert_eq!(second.status(), StatusCode::OK);
    let told = problem(put(&first).await, "precondition-failed").await;
    assert_eq!(told["current_version"], 2, "{told}");
    problem(put("garbage").await, "bad-request").await;
    let delete = desk.world.request(Method::DELETE, "/v1/limits/a");
    let delete = delete.header("if-match", &first).bearer_auth(&desk.admin);
    problem(delete.send().await.unwrap(), "precondition-failed").await;
}

#[tokio::test]
async fn what_is_no_limit_is_refused_by_its_field() {
    let desk = Desk::open(Vec::new()).await;
    let rate = json!({"tokens": 1, "period_seconds": 1});
    for (body, pointer) in [
        (json!({"rate": rate, "burst": 0}), "/burst"),
        (
            json!({"rate": {"tokens": 0, "period_seconds": 1}, "burst": 1}),
            "/rate",
        ),
        (
            json!({"rate": {"tokens": 1, "period_seconds": 0}, "burst": 1}),
            "/rate",
        ),
        (
            json!({"rate": {"tokens": 1_u64 << 53, "period_seconds": 1}, "burst": 1}),
            "/rate/tokens",
        ),
        (
            json!({"rate": {"tokens": 1, "period_seconds": 1_u64 << 40}, "burst": 1}),
            "/rate/period_seconds",
        ),
        (
            json!({"rate": {"tokens": 1, "period_seconds": 300_000_000}, "burst": 2}),
            "/burst",
        ),
        (
            json!({"rate": {"tokens": 1, "period_seconds": 1, "per": "s"}, "burst": 1}),
            "/rate/per",
        ),
        (json!({"rate": rate, "burst": -1}), "/burst"),
        (json!({"rate": rate, "burst": 1.5}), "/burst"),
        (json!({"rate": rate}), ""),
        (
            json!({"rate": rate, "burst": 1, "colour": "red"}),
            "/colour",
        ),
        (json!({"rate": rate, "burst": 1, "parts": 2}), "/parts"),
        (json!({"rate": rate, "burst": 100, "parts": 65}), "/parts"),
        (
            json!({"rate": rate, "burst": 1, "fallback": "maybe"}),
            "/fallback",
        ),
        (
            json!({"rate": rate, "burst": 1, "fallback": "share"}),
            "/servers",
        ),
        (
            json!({"rate": rate, "burst": 1, "fallback": "share", "servers": 0}),
            "/servers",
        ),
        (json!({"rate": rate, "burst": 1, "servers": 2}), "/servers"),
    ] {
        let told = problem(desk.put("a", body.clone()).await, "validation").await;
        assert_eq!(told["errors"][0]["pointer"], pointer, "{body} {told}");
    }
    for name in ["UPPER", "a%20b", "%C3%A4", &"a".repeat(65)] {
        problem(desk.put(name, small()).await, "not-found").await;
    }
}

#[tokio::test]
async fn a_limit_of_the_configuration_is_shown_and_not_changed() {
    let limit = route_limit("browsing", 3, Per::Client, Callers::Anonymous);
    let desk = Desk::open(vec![limit]).await;
    let read = desk.send(Method::GET, "/v1/limits/browsing").await;
    assert!(!read.headers().contains_key("etag"));
    let read: Value = read.json().await.unwrap();
    assert_eq!(
        (&read["source"], &read["burst"]),
        (&json!("config"), &json!(3))
    );
    let listed: Value = desk
        .send(Method::GET, "/v1/limits")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(listed["items"], json!([read]));
    problem(desk.put("browsing", small()).await, "limit-is-fixed").await;
    let removed = desk.send(Method::DELETE, "/v1/limits/browsing").await;
    problem(removed, "limit-is-fixed").await;
}

#[tokio::test]
async fn a_check_takes_tokens_until_there_are_none() {
    let desk = Desk::open(Vec::new()).await;
    desk.put("searches", small()).await;
    let ask = async |cost: Value| -> Value {
        let body = json!({"limit": "searches", "key": "k", "cost": cost});
        let answer = desk.check("", body).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    };
    let peeked = ask(json!(0)).await;
    assert_eq!(
        (&peeked["allowed"], &peeked["remaining"]),
        (&json!(true), &json!(3))
    );
    assert_eq!(ask(json!(2)).await["remaining"], 1);
    assert_eq!(ask(Value::Null).await["remaining"], 0);
    let refused = ask(json!(1)).await;
    let expected = json!({
        "allowed": false, "limit": "searches", "remaining": 0, "retry_after": 10.0, "reset_after": 30.0, "bound": 0,
    });
    assert_eq!(refused, expected);
    desk.hand.advance(Duration::from_secs(10));
    assert_eq!(ask(json!(1)).await["allowed"], true);
}

#[tokio::test]
async fn several_questions_take_all_or_nothing() {
    let desk = Desk::open(Vec::new()).await;
    desk.put("one", small()).await;
    desk.put(
        "two",
        json!({"rate": {"tokens": 1, "period_seconds": 10}, "burst": 1}),
    )
    .await;
    let both = json!({"checks": [{"limit": "one", "key": "k"}, {"limit": "two", "key": "k"}]});
    let first: Value = desk.check("", both.clone()).await.json().await.unwrap();
    assert_eq!(first["allowed"], true, "{first}");
    let second: Value = desk.check("", both.clone()).await.json().await.unwrap();
    assert_eq!(second["allowed"], false, "{second}");
    assert_eq!(second["decisions"][0]["remaining"], 2, "nothing was taken");
    let enforced = problem(desk.check("?enforce", both).await, "quota-exceeded").await;
    assert_eq!(enforced["violated-policies"], json!(["two"]));
}

#[tokio::test]
async fn an_enforced_check_has_the_fields_and_the_status() {
    let desk = Desk::open(Vec::new()).await;
    desk.put("searches", small()).await;
    let body = json!({"limit": "searches", "key": "k", "cost": 3});
    let allowed = desk.check("?enforce", body.clone()).await;
    assert_eq!(allowed.status(), StatusCode::OK);
    let policy = [named("searches", [("q", 3), ("w", 30)])];
    assert_eq!(members(&allowed, "ratelimit-policy"), policy);
    assert_eq!(
        members(&allowed, "ratelimit"),
        [named("searches", [("r", 0), ("t", 30)])]
    );
    let refused = desk.check("?enforce=true", body.clone()).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "30");
    assert_eq!(members(&refused, "ratelimit-policy"), policy);
    assert_eq!(
        members(&refused, "ratelimit"),
        [named("searches", [("r", 0), ("t", 30)])]
    );
    problem(refused, "quota-exceeded").await;
    let asked = desk.check("", body.clone()).await;
    assert!(
        !asked.headers().contains_key("ratelimit"),
        "nobody enforces it"
    );
    for query in ["?enforce=no", "?enforce&enforce", "?force"] {
        problem(desk.check(query, body.clone()).await, "bad-request").await;
    }
}

#[tokio::test]
async fn questions_that_have_no_answer_are_refused() {
    let desk = Desk::open(Vec::new()).await;
    desk.put("a", small()).await;
    let long = "k".repeat(257);
    let many = vec![json!({"limit": "a", "key": "k"}); 17];
    for (body, kind) in [
        (json!({"limit": "b", "key": "k"}), "not-found"),
        (json!({"limit": "NO NAME", "key": "k"}), "not-found"),
        (
            json!({"limit": "a", "key": "k", "cost": 4}),
            "cost-above-burst",
        ),
        (json!({"limit": "a", "key": ""}), "validation"),
        (json!({"limit": "a", "key": long}), "validation"),
        (json!({"limit": "a", "key": "k", "cost": -1}), "validation"),
        (json!({"limit": "a"}), "validation"),
        (json!({}), "validation"),
        (json!({"checks": []}), "validation"),
        (json!({"checks": many}), "validation"),
        (
            json!({"checks": [{"limit": "a", "key": "k"}, {"limit": "a", "key": "k"}]}),
            "validation",
        ),
        (
            json!({"checks": [{"limit": "a", "key": "k"}], "limit": "a"}),
            "validation",
        ),
        (
            json!({"limit": "a", "key": "k", "colour": "red"}),
            "validation",
        ),
    ] {
        let told = problem(desk.check("", body.clone()).await, kind).await;
        assert!(kind != "cost-above-burst" || told["burst"] == 3, "{told}");
    }
    let answer = desk
        .check("", json!({"limit": "a", "key": "k", "cost": 0}))
        .await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["remaining"], 3, "none of them took anything");
}

#[tokio::test]
async fn a_change_reaches_another_server_on_the_same_database() {
    let folder = stanchion_testkit::TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("shop.db").display());
    let here = World::over(&url, Options::default()).await;
    let there = World::over(&url, Options::default()).await;
    let follower = there.limits.clone();
    let follow = tokio::spawn(async move { follower.follow().await });
    let key = here.key(&[Scope::LimitsAdmin, Scope::LimitsCheck]).await;
    let put = here.request(Method::PUT, "/v1/limits/a").bearer_auth(&key);
    put.json(&small()).send().await.unwrap();
    eventually("the other server knows the limit", SOON, || async {
        let check = there.request(Method::POST, "/v1/limits/check");
        let check = check
            .bearer_auth(&key)
            .json(&json!({"limit": "a", "key": "k", "cost": 0}));
        check.send().await.unwrap().status() == StatusCode::OK
    })
    .await;
    follow.abort();
}

#[tokio::test]
async fn anonymous_requests_beyond_a_limit_are_refused_and_others_are_not() {
    let limit = route_limit("browsing", 2, Per::Client, Callers::Anonymous);
    let desk = Desk::open(vec![limit]).await;
    let world = &desk.world;
    for left in [1, 0] {
        let answer = world.get("/v1/products").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(
            members(&answer, "ratelimit-policy"),
            [named("browsing", [("q", 2), ("w", 20)])]
        );
        assert_eq!(
            members(&answer, "ratelimit")[0].1[0],
            ("r".to_owned(), left)
        );
    }
    for path in ["/v1/products", "/openapi.json", "/docs", "/no/such/route"] {
        let refused = world.get(path).send().await.unwrap();
        assert_eq!(refused.headers()["retry-after"], "10", "{path}");
        assert_eq!(
            members(&refused, "ratelimit"),
            [named("browsing", [("r", 0), ("t", 10)])]
        );
        let told = problem(refused, "quota-exceeded").await;
        assert_eq!(told["violated-policies"], json!(["browsing"]));
    }
    let guess = world
        .get("/v1/products")
        .bearer_auth("garbage")
        .send()
        .await
        .unwrap();
    problem(guess, "quota-exceeded").await;
    let reader = world.key(&[Scope::CatalogRead]).await;
    let known = world
        .get("/v1/products")
        .bearer_auth(&reader)
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::OK);
    assert!(!known.headers().contains_key("ratelimit"));
    for path in ["/healthz", "/readyz", "/metrics"] {
        let probe = world.get(path).send().await.unwrap();
        assert_eq!(probe.status(), StatusCode::OK, "{path}");
        assert!(!probe.headers().contains_key("ratelimit"), "{path}");
    }
    desk.hand.advance(Duration::from_secs(10));
    let again = world.get("/v1/products").send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refused_credential_costs_its_client_a_token() {
    let limit = route_limit("browsing", 2, Per::Client, Callers::Anonymous);
    let desk = Desk::open(vec![limit]).await;
    let guess = || desk.world.get("/v1/keys").bearer_auth("garbage").send();
    for _ in 0..2 {
        problem(guess().await.unwrap(), "unauthenticated").await;
    }
    problem(guess().await.unwrap(), "quota-exceeded").await;
}

#[tokio::test]
async fn each_credential_each_route_and_all_together_have_their_buckets() {
    let mut per_route = route_limit("route", 4, Per::Route, Callers::All);
    per_route.routes = vec!["GET /v1/products".to_owned()];
    let limits = vec![
        route_limit("key", 3, Per::Key, Callers::All),
        per_route,
        route_limit("all", 6, Per::Global, Callers::All),
    ];
    let desk = Desk::open(limits).await;
    let (first, second) = (
        desk.world.key(&[Scope::CatalogRead]).await,
        desk.world.key(&[Scope::CatalogRead]).await,
    );
    let get = async |key: &str, path: &str| {
        let request = desk.world.get(path).bearer_auth(key);
        request.send().await.unwrap()
    };
    for _ in 0..3 {
        let answer = get(&first, "/v1/products").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(members(&answer, "ratelimit").len(), 3);
    }
    let violated = async |answer: Response| {
        problem(answer, "quota-exceeded").await["violated-policies"].clone()
    };
    assert_eq!(
        violated(get(&first, "/v1/products").await).await,
        json!(["key"])
    );
    assert_eq!(
        get(&second, "/v1/products").await.status(),
        StatusCode::OK,
        "nothing was taken from the route"
    );
    assert_eq!(
        violated(get(&second, "/v1/products").await).await,
        json!(["route"])
    );
    assert_eq!(
        get(&second, "/v1/categories").await.status(),
        StatusCode::OK
    );
    let anonymous = desk.world.get("/v1/categories").send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::OK);
    assert_eq!(
        members(&anonymous, "ratelimit").len(),
        1,
        "it has no key, and the route no limit"
    );
    let anonymous = desk.world.get("/v1/categories").send().await.unwrap();
    assert_eq!(violated(anonymous).await, json!(["all"]));
}

#[tokio::test]
async fn a_client_is_the_address_that_trusted_proxies_report() {
    for (trusted, expected) in [
        (true, StatusCode::OK),
        (false, StatusCode::TOO_MANY_REQUESTS),
    ] {
        let limit = route_limit("browsing", 1, Per::Client, Callers::Anonymous);
        let proxies = if trusted {
            vec!["127.0.0.0/8".parse().unwrap()]
        } else {
            Vec::new()
        };
        let http = HttpConfig {
            trusted_proxies: proxies,
            ..HttpConfig::default()
        };
        let options = Options {
            http,
            ..Options::default()
        };
        let desk = Desk::with(vec![limit], options).await;
        let from = async |address: IpAddr| {
            let request = desk.world.get("/v1/products");
            let request = request.header("x-forwarded-for", address.to_string());
            request.send().await.unwrap().status()
        };
        assert_eq!(from([203, 0, 113, 1].into()).await, StatusCode::OK);
        assert_eq!(from([203, 0, 113, 2].into()).await, expected);
        let network = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        assert_eq!(from(network(1)).await, expected);
        assert_eq!(
            from(network(2)).await,
            StatusCode::TOO_MANY_REQUESTS,
            "one network"
        );
    }
}

#[tokio::test]
async fn a_limit_in_shadow_refuses_nobody_and_tells_nobody() {
    let mut limit = route_limit("browsing", 1, Per::Client, Callers::All);
    limit.limit = Arc::new((*limit.limit).clone().in_shadow(true));
    let desk = Desk::open(vec![limit]).await;
    for _ in 0..3 {
        let answer = desk.world.get("/v1/products").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(!answer.headers().contains_key("ratelimit-policy"));
    }
}
