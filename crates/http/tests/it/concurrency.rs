use std::collections::HashSet;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use stanchion_http::auth::Scope;

use crate::world::{Options, World, client, product};

fn tag_of(answer: &reqwest::Response) -> String {
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_changes_from_one_state_exactly_one_happens() {
    for on_postgres in [false, true] {
        let world = World::with(Options {
            on_postgres,
            ..Options::default()
        })
        .await;
        let writer = world.key(&[Scope::CatalogWrite]).await;
        let (made, mut tag) = world.product(&writer, "A", "active").await;
        let place = format!("/v1/products/{}", made["id"].as_str().unwrap());
        let second = client().http2_prior_knowledge().build().unwrap();
        let first = client().http1_only().build().unwrap();
        for round in 0..5 {
            let put = |client: &reqwest::Client, n: u32| {
                let request = client
                    .request(Method::PUT, world.url(&place))
                    .bearer_auth(&writer);
                request
                    .header("if-match", &tag)
                    .json(&product(&format!("A-{round}-{n}"), "active"))
                    .send()
            };
            let all = (0..8).map(|n| put(if n % 2 == 0 { &first } else { &second }, n));
            let answers = futures_util::future::join_all(all).await;
            let mut winners = Vec::new();
            for answer in answers {
                let answer = answer.unwrap();
                match answer.status() {
                    StatusCode::OK => winners.push(tag_of(&answer)),
                    other => assert_eq!(other, StatusCode::PRECONDITION_FAILED),
                }
            }
            assert_eq!(winners.len(), 1, "round {round}");
            tag = winners.remove(0);
        }
        let last: Value = world
            .get(&place)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(last["version"], 6);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_stay_whole_while_products_are_made() {
    let world = World::start().await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    for n in 0..30 {
        world
            .product(&writer, &format!("OLD-{n:02}"), "active")
            .await;
    }
    let walk = async {
        let (mut path, mut seen) = ("/v1/products?limit=4&sort=name".to_owned(), Vec::new());
        loop {
            let page: Value = world.get(&path).send().await.unwrap().json().await.unwrap();
            let items = page["items"].as_array().unwrap().clone();
            seen.extend(
                items
                    .into_iter()
                    .map(|item| item["sku"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/products?limit=4&sort=name&cursor={cursor}"),
                None => return seen,
            }
        }
    };
    let write = async {
        for n in 0..30 {
            world
                .product(&writer, &format!("NEW-{n:02}"), "active")
                .await;
        }
    };
    let (seen, ()) = tokio::join!(walk, write);
    let unique: HashSet<&String> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len(), "a product came twice");
    assert!(
        (0..30).all(|n| unique.contains(&format!("OLD-{n:02}"))),
        "a product was left out"
    );
}
