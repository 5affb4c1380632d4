//! The API document and the pages.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::StatusCode;
use serde_json::Value;
use stanchion_http::auth::Access;
use stanchion_http::{MEDIA_TYPE, ProblemKind, openapi};

use crate::world::World;

#[test]
fn the_document_is_the_one_in_the_repository() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("STANCHION_BLESS").is_some() {
        std::fs::write(&file, openapi()).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == openapi(),
        "docs/openapi.json is not current: run cargo xtask openapi"
    );
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let named = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        })
    });
    named.collect()
}

#[tokio::test]
async fn the_document_says_of_every_route_who_may_call_it() {
    let world = World::start().await;
    let document: Value = world
        .get("/openapi.json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let described = operations(&document);
    for route in &world.routes {
        let name = format!("{} {}", route.method, route.path);
        if ["/docs", "/docs/{file}", "/problems/{name}"].contains(&&*route.path) {
            continue;
        }
        let (_, operation) = described.iter().find(|(known, _)| *known == name).unwrap();
        assert_eq!(operation["x-access"], route.access.to_string(), "{name}");
        let security = operation["security"].as_array().unwrap();
        match route.access {
            Access::Open => assert!(security.is_empty()),
            Access::AnonymousRead(_) => assert_eq!(security.len(), 2, "{name}"),
            Access::Key(scope) => assert_eq!(security[0]["bearer"][0], scope.as_str(), "{name}"),
        }
    }
}

#[test]
fn every_kind_of_problem_is_a_described_answer_of_some_operation() {
    let document: Value = serde_json::from_str(&openapi()).unwrap();
    let mut described = BTreeSet::new();
    for (_, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if response["content"].get(MEDIA_TYPE).is_some() {
                described.insert((
                    status.clone(),
                    response["description"].as_str().unwrap().to_owned(),
                ));
            }
        }
    }
    // A wrong method is answered beside the operations, not by one of them.
    for kind in ProblemKind::ALL
        .iter()
        .filter(|kind| **kind != ProblemKind::MethodNotAllowed)
    {
        let (status, name) = (
            kind.status().as_str().to_owned(),
            format!("`{}`", kind.name()),
        );
        let found = described
            .iter()
            .any(|(known, text)| *known == status && text.contains(&name));
        assert!(found, "{name} is described nowhere");
    }
}

#[tokio::test]
async fn the_page_of_the_document_needs_nothing_from_elsewhere() {
    let world = World::start().await;
    let moved = world.get("/docs").send().await.unwrap();
    assert_eq!(moved.status(), StatusCode::PERMANENT_REDIRECT);
    let place = moved.headers()["location"].to_str().unwrap().to_owned();
    let page = world.get(&place).send().await.unwrap();
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("script-src 'self';"),
        "{policy}"
    );
    let page = page.text().await.unwrap();
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    let quoted = page
        .split('"')
        .filter(|text| text.ends_with(".js") || text.ends_with(".css"));
    let files: Vec<&str> = quoted.map(|text| text.trim_start_matches("./")).collect();
    assert!(files.len() >= 4, "{page}");
    for file in files {
        let response = world.get(&format!("/docs/{file}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{file}");
        assert!(!response.bytes().await.unwrap().is_empty());
    }
    let scripts = page
        .split("<script")
        .skip(1)
        .map(|rest| rest.split('>').nth(1).unwrap());
    assert!(
        scripts
            .into_iter()
            .all(|inline| inline.split('<').next().unwrap().trim().is_empty())
    );
    let setup = world
        .get("/docs/swagger-initializer.js")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(setup.contains("/openapi.json"), "{setup}");
}

#[tokio::test]
async fn the_type_of_every_problem_leads_to_its_page() {
    let world = World::start().await;
    for kind in ProblemKind::ALL {
        let response = world
            .get(&format!("/problems/{}", kind.name()))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/markdown")
        );
        assert!(response.text().await.unwrap().contains(kind.title()));
    }
    let unknown = world.get("/problems/unknown").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[test]
fn every_test_that_the_security_chapter_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let chapter = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let named = chapter
        .lines()
        .filter_map(|line| line.strip_prefix("* `crates/")?.strip_suffix('`'));
    let mut checked = 0;
    for (file, test) in named.filter_map(|name| name.split_once("::")) {
        let source = std::fs::read_to_string(root.join("crates").join(file)).unwrap();
        assert!(
            source.contains(&format!("fn {test}(")),
            "{file} has no test {test}"
        );
        checked += 1;
    }
    assert!(checked > 40, "the chapter lost its tests");
}
