//! Renditions: who may keep them, what is sent of them, and to whom nothing is.

use std::sync::Arc;

use reqwest::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, RANGE,
};
use reqwest::{Method, StatusCode};
use stanchion_http::AuthConfig;
use stanchion_http::auth::Scope;

use crate::shelf::{RENDITION, Shelf, TAG};
use crate::world::{Options, World, problem};

const BYTES: u64 = 1_000;

async fn world(anonymous_read: bool) -> World {
    World::with(Options {
        auth: AuthConfig {
            anonymous_read,
            ..AuthConfig::default()
        },
        pictures: Some(Arc::new(Shelf { bytes: BYTES })),
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_cache_that_others_share_keeps_only_what_everybody_may_read() {
    for (anonymous_read, expected) in [
        (true, "public, max-age=31536000, immutable"),
        (false, "private, max-age=31536000, immutable"),
    ] {
        let world = world(anonymous_read).await;
        let key = world.key(&[Scope::CatalogRead]).await;
        let get = || world.get(RENDITION).bearer_auth(&key);
        for (request, status) in [
            (get(), StatusCode::OK),
            (
                get().header(RANGE, "bytes=2-5"),
                StatusCode::PARTIAL_CONTENT,
            ),
            (get().header(IF_NONE_MATCH, TAG), StatusCode::NOT_MODIFIED),
        ] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[CACHE_CONTROL], expected, "{status}");
        }
    }
}

#[tokio::test]
async fn what_the_client_has_comes_before_what_it_wants_of_it() {
    let world = world(true).await;
    for known in ["*", TAG, "\"other\", W/\"r-1.jpg\""] {
        for range in ["bytes=2-5", "bytes=1000-"] {
            let request = world.get(RENDITION).header(IF_NONE_MATCH, known);
            let response = request.header(RANGE, range).send().await.unwrap();
            assert_eq!(
                response.status(),
                StatusCode::NOT_MODIFIED,
                "{known} {range}"
            );
            assert_eq!(response.headers()[ETAG], TAG);
        }
    }
    let request = world.get(RENDITION).header(IF_NONE_MATCH, "\"other\"");
    let response = request.header(RANGE, "bytes=2-5").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
}

#[tokio::test]
async fn what_is_gone_is_not_unchanged() {
    let world = world(true).await;
    for known in ["*", "\"r-2.jpg\""] {
        for method in [Method::GET, Method::HEAD] {
            let request = world.request(method, "/media/r-2.jpg");
            let response = request.header(IF_NONE_MATCH, known).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{known}");
        }
    }
}

#[tokio::test]
async fn a_head_has_no_range() {
    let world = world(true).await;
    for range in ["bytes=2-5", "bytes=1000-"] {
        let request = world.request(Method::HEAD, RENDITION);
        let response = request.header(RANGE, range).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{range}");
        let headers = response.headers();
        assert_eq!(headers[CONTENT_LENGTH], BYTES.to_string().as_str());
        assert_eq!(headers[ACCEPT_RANGES], "bytes");
        assert!(!headers.contains_key(CONTENT_RANGE), "{range}");
    }
}

#[tokio::test]
async fn a_range_that_is_not_there_is_refused_with_the_size_of_what_is() {
    let world = world(true).await;
    for range in ["bytes=1000-", "bytes=5000-6000", "bytes=-0"] {
        let request = world.get(RENDITION).header(RANGE, range);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes */1000", "{range}");
        problem(response, "range-not-satisfiable").await;
    }
}
