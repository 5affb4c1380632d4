use reqwest::{Method, StatusCode};
use stanchion_http::HttpConfig;
use stanchion_http::auth::Scope;

use crate::world::{Options, World, problem, product};

#[tokio::test]
async fn a_client_that_has_the_product_is_told_so_without_a_body() {
    let http = HttpConfig {
        product_max_age_seconds: 60,
        ..HttpConfig::default()
    };
    let world = World::with(Options {
        http,
        ..Options::default()
    })
    .await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    let (made, tag) = world.product(&writer, "A", "active").await;
    let place = format!("/v1/products/{}", made["id"].as_str().unwrap());
    for known in [&*tag, "*", &format!("\"x\", W/{tag}")] {
        let response = world
            .get(&place)
            .header("if-none-match", known)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(response.headers()["etag"].to_str().unwrap(), tag);
        assert_eq!(
            response.headers()["cache-control"],
            "public, max-age=60, must-revalidate"
        );
        assert!(response.bytes().await.unwrap().is_empty());
    }
    let other = world
        .get(&place)
        .header("if-none-match", "\"x\"")
        .send()
        .await
        .unwrap();
    assert_eq!(other.status(), StatusCode::OK);
    let head = world.request(Method::HEAD, &place).send().await.unwrap();
    assert_eq!(
        (head.status(), head.headers()["etag"].to_str().unwrap()),
        (StatusCode::OK, &*tag)
    );
}

#[tokio::test]
async fn a_change_needs_the_tag_that_it_starts_from() {
    let world = World::start().await;
    let writer = world.key(&[Scope::CatalogWrite]).await;
    let (made, tag) = world.product(&writer, "A", "active").await;
    let place = format!("/v1/products/{}", made["id"].as_str().unwrap());
    let put = |tag: Option<&str>| {
        let request = world
            .request(Method::PUT, &place)
            .bearer_auth(&writer)
            .json(&product("B", "active"));
        match tag {
            Some(tag) => request.header("if-match", tag).send(),
            None => request.send(),
        }
    };
    problem(put(None).await.unwrap(), "precondition-required").await;
    problem(put(Some("A")).await.unwrap(), "bad-request").await;
    let weak = format!("W/{tag}");
    let elsewhere = tag.replacen('"', "\"f", 1);
    for wrong in [&*weak, "\"x\"", "\"1.1.1\"", &elsewhere] {
        problem(put(Some(wrong)).await.unwrap(), "precondition-failed").await;
    }
    let listed = format!("\"x\", {tag}");
    assert_eq!(put(Some(&listed)).await.unwrap().status(), StatusCode::OK);
    problem(put(Some(&tag)).await.unwrap(), "precondition-failed").await;
    assert_eq!(put(Some("*")).await.unwrap().status(), StatusCode::OK);
}
