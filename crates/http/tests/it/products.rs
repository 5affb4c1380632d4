//! Products: made, listed, changed, deleted; on both databases.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stanchion_http::auth::Scope;

use crate::world::{Options, World, problem, product};

/// A product under change.
struct Life<'a> {
    world: &'a World,
    writer: String,
    place: String,
}

impl Life<'_> {
    async fn change(&self, method: Method, tag: &str, body: Option<&Value>) -> reqwest::Response {
        let request = self
            .world
            .request(method, &self.place)
            .bearer_auth(&self.writer);
        let request = request.header("if-match", tag);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.unwrap()
    }
}

fn tag_of(response: &reqwest::Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

async fn the_life_of_a_product(on_postgres: bool) {
    let world = World::with(Options {
        on_postgres,
        ..Options::default()
    })
    .await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    let made = world
        .request(Method::POST, "/v1/products")
        .bearer_auth(&writer);
    let made = made
        .json(&product("LAMP-1", "active"))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let place = made.headers()["location"].to_str().unwrap().to_owned();
    let first = tag_of(&made);
    let body: Value = made.json().await.unwrap();
    assert_eq!(
        place,
        format!("/v1/products/{}", body["id"].as_str().unwrap())
    );
    let got = world.get(&place).send().await.unwrap();
    assert_eq!(tag_of(&got), first);
    assert_eq!(
        got.headers()["cache-control"],
        "public, max-age=0, must-revalidate"
    );
    assert_eq!(got.json::<Value>().await.unwrap(), body);
    change_and_delete(
        &Life {
            world: &world,
            writer,
            place,
        },
        &first,
    )
    .await;
}

async fn change_and_delete(life: &Life<'_>, first: &str) {
    let replacement = product("LAMP-2", "active");
    let replaced = life.change(Method::PUT, first, Some(&replacement)).await;
    assert_eq!(replaced.status(), StatusCode::OK);
    let second = tag_of(&replaced);
    assert_ne!(first, second);
    let lost = life.change(Method::PUT, first, Some(&replacement)).await;
    assert_eq!(
        problem(lost, "precondition-failed").await["current_version"],
        2
    );

    let patch = json!({"attributes": {"colour": null, "watts": 9}, "price": {"amount": 1}});
    let patched = life.change(Method::PATCH, &second, Some(&patch)).await;
    assert_eq!(patched.status(), StatusCode::OK);
    let third = tag_of(&patched);
    let patched: Value = patched.json().await.unwrap();
    assert_eq!(patched["attributes"], json!({"watts": 9}));
    assert_eq!(patched["price"], json!({"amount": 1, "currency": "EUR"}));
    assert_eq!(patched["version"], 3);

    let deleted = life.change(Method::DELETE, &third, None).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    problem(
        life.world.get(&life.place).send().await.unwrap(),
        "not-found",
    )
    .await;
    problem(life.change(Method::DELETE, "*", None).await, "not-found").await;
}

#[tokio::test]
async fn a_product_is_made_changed_and_deleted_on_sqlite() {
    the_life_of_a_product(false).await;
}

#[tokio::test]
async fn a_product_is_made_changed_and_deleted_on_postgres() {
    the_life_of_a_product(true).await;
}

async fn a_retry_with_its_key_gets_the_first_answer(on_postgres: bool) {
    let world = World::with(Options {
        on_postgres,
        ..Options::default()
    })
    .await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    let post = |key: &str, body: &Value| {
        let request = world
            .request(Method::POST, "/v1/products")
            .bearer_auth(&writer);
        request.header("idempotency-key", key).json(body).send()
    };
    let body = product("LAMP-1", "active");
    let first = post("a-1", &body).await.unwrap();
    let (status, tag) = (first.status(), first.headers()["etag"].clone());
    let first: Value = first.json().await.unwrap();
    let retried = post("a-1", &body).await.unwrap();
    assert_eq!(
        (retried.status(), &retried.headers()["etag"]),
        (status, &tag)
    );
    assert_eq!(retried.headers()["idempotent-replayed"], "true");
    assert_eq!(retried.json::<Value>().await.unwrap(), first);
    problem(
        post("a-1", &product("LAMP-2", "active")).await.unwrap(),
        "idempotency-key-reused",
    )
    .await;
    problem(post("a-2", &body).await.unwrap(), "sku-taken").await;
    problem(post("", &body).await.unwrap(), "bad-request").await;
    problem(post(&"k".repeat(256), &body).await.unwrap(), "bad-request").await;
    let listed: Value = world
        .get("/v1/products")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(listed["items"], json!([first]));
}

#[tokio::test]
async fn a_retry_with_its_key_gets_the_first_answer_on_sqlite() {
    a_retry_with_its_key_gets_the_first_answer(false).await;
}

#[tokio::test]
async fn a_retry_with_its_key_gets_the_first_answer_on_postgres() {
    a_retry_with_its_key_gets_the_first_answer(true).await;
}

#[tokio::test]
async fn requests_that_come_together_with_one_key_make_one_product() {
    for on_postgres in [false, true] {
        let world = World::with(Options {
            on_postgres,
            ..Options::default()
        })
        .await;
        let writer = world.key(&[Scope::CatalogWrite]).await;
        let send = || {
            let request = world
                .request(Method::POST, "/v1/products")
                .bearer_auth(&writer);
            request
                .header("idempotency-key", "k")
                .json(&product("LAMP-1", "active"))
                .send()
        };
        let answers = tokio::join!(send(), send(), send(), send());
        let answers = [answers.0, answers.1, answers.2, answers.3].map(Result::unwrap);
        let mut bodies = Vec::new();
        for answer in answers {
            assert_eq!(answer.status(), StatusCode::CREATED);
            bodies.push(answer.text().await.unwrap());
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[tokio::test]
async fn anonymous_and_reading_callers_see_active_products_only() {
    let world = World::start().await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    let reader = world.key(&[Scope::CatalogRead]).await;
    let (active, _) = world.product(&writer, "A", "active").await;
    let (draft, _) = world.product(&writer, "D", "draft").await;
    world.product(&writer, "Z", "archived").await;
    let place = |product: &Value| format!("/v1/products/{}", product["id"].as_str().unwrap());
    let count = |request: reqwest::RequestBuilder| async {
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        page["items"].as_array().unwrap().len()
    };
    for credential in [None, Some(&reader)] {
        let get = |path: &str| match credential {
            Some(key) => world.get(path).bearer_auth(key),
            None => world.get(path),
        };
        assert_eq!(count(get("/v1/products")).await, 1);
        assert_eq!(
            count(get("/v1/products?status=draft&status=archived")).await,
            0
        );
        assert_eq!(
            count(get("/v1/products?status=draft&status=active")).await,
            1
        );
        assert_eq!(
            get(&place(&active)).send().await.unwrap().status(),
            StatusCode::OK
        );
        problem(get(&place(&draft)).send().await.unwrap(), "not-found").await;
    }
    assert_eq!(
        count(world.get("/v1/products").bearer_auth(&writer)).await,
        3
    );
    let drafts = world.get("/v1/products?status=draft").bearer_auth(&writer);
    assert_eq!(count(drafts).await, 1);
    let seen = world
        .get(&place(&draft))
        .bearer_auth(&writer)
        .send()
        .await
        .unwrap();
    assert_eq!(seen.headers()["cache-control"], "private, no-cache");
}

async fn pages_filters_and_search(on_postgres: bool) {
    let world = World::with(Options {
        on_postgres,
        ..Options::default()
    })
    .await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    for n in 0..7 {
        world.product(&writer, &format!("LAMP-{n}"), "active").await;
    }
    let mut path =
        "/v1/products?limit=3&sort=name&attr.colour=moss&category=lamps&q=lam".to_owned();
    let mut skus = Vec::new();
    loop {
        let response = world.get(&path).send().await.unwrap();
        let status = response.status();
        let page: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{page}");
        skus.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["sku"].clone()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("{}&cursor={cursor}", path.split("&cursor").next().unwrap());
    }
    assert_eq!(
        skus,
        (0..7)
            .map(|n| json!(format!("LAMP-{n}")))
            .collect::<Vec<_>>()
    );
    let none = world
        .get("/v1/products?attr.colour=red")
        .send()
        .await
        .unwrap();
    assert_eq!(
        none.json::<Value>().await.unwrap(),
        json!({"items": [], "next_cursor": null})
    );
}

#[tokio::test]
async fn pages_filters_and_search_work_together_on_sqlite() {
    pages_filters_and_search(false).await;
}

#[tokio::test]
async fn pages_filters_and_search_work_together_on_postgres() {
    pages_filters_and_search(true).await;
}
