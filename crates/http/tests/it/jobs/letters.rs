use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stanchion_testkit::eventually;

use super::office::{Office, fence, fence_with};
use crate::world::{SOON, problem};

pub(super) async fn a_retried_enqueue_makes_one_job(office: Office) {
    let send = |args: &'static str| {
        let request = office.world.request(Method::POST, "/v1/jobs");
        let request = request.bearer_auth(&office.worker);
        let request = request.header("idempotency-key", "order-7");
        let body = json!({"kind": "greet", "queue": "mail", "args": args});
        async move { request.json(&body).send().await.unwrap() }
    };
    let first = send("a").await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let first: Value = first.json().await.unwrap();
    let again = send("a").await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    problem(send("b").await, "idempotency-key-reused").await;
    let all = office.get("/v1/jobs").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}

pub(super) async fn of_two_with_a_unique_key_one_is_enqueued(office: Office) {
    let unique = json!({"unique": {"key": "customer-7"}});
    let id = office.enqueue(unique.clone()).await;
    let mut body = json!({"kind": "greet", "queue": "mail"});
    body["unique"] = unique["unique"].clone();
    let second = office.post("/v1/jobs", body).await;
    assert_eq!(second.status(), StatusCode::OK);
    let second: Value = second.json().await.unwrap();
    assert_eq!(second, json!({"id": id, "duplicate": true}));
    let job = office.take(json!({})).await;
    office.tell(&job, "complete", fence(&job)).await;
    assert_ne!(office.enqueue(unique).await, id);
}

/// Makes dead letters of so many jobs; answers their ids.
async fn dead(office: &Office, count: usize, more: Value) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for _ in 0..count {
        ids.insert(office.enqueue(more.clone()).await);
        let job = office.take(json!({})).await;
        let hopeless = json!({"reason": "permanent", "message": "no"});
        let failed = office.tell(&job, "fail", fence_with(&job, &hopeless)).await;
        assert_eq!(failed.status(), StatusCode::OK);
    }
    ids
}

fn ids(jobs: &Value) -> BTreeSet<String> {
    let ids = jobs.as_array().unwrap().iter();
    ids.map(|id| id.as_str().unwrap().to_owned()).collect()
}

pub(super) async fn dead_letters_are_listed_and_tried_again(office: Office) {
    let letters = dead(&office, 5, json!({})).await;
    let others = dead(&office, 1, json!({"kind": "other"})).await;
    let listed = office.get("/v1/jobs?state=dead&kind=greet&reason=permanent&limit=3");
    let listed = listed.await;
    let cursor = listed["next_cursor"].as_str().unwrap();
    let path = format!("/v1/jobs?state=dead&kind=greet&reason=permanent&cursor={cursor}");
    let rest = office.get(&path).await;
    let mut seen = listed["items"].as_array().unwrap().clone();
    seen.extend(rest["items"].as_array().unwrap().clone());
    let seen: BTreeSet<_> = seen
        .iter()
        .map(|job| job["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(seen, letters);

    let path = "/v1/dead-letters/replay";
    let wish = json!({"filter": {"kind": "greet", "reason": "permanent"}, "dry_run": true});
    let planned = office.order(path, wish.clone()).await;
    assert_eq!(planned.status(), StatusCode::ACCEPTED);
    let planned: Value = planned.json().await.unwrap();
    assert_eq!(ids(&planned["jobs"]), letters);
    for id in &letters {
        assert_eq!(office.job(id).await["state"], "dead");
    }

    let mut wish = wish;
    wish["dry_run"] = json!(false);
    wish["per_second"] = json!(2);
    let begun = office.order(path, wish).await;
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    eventually("all of them wait again", SOON, || async {
        let waiting = office.get("/v1/jobs?state=waiting").await;
        waiting["items"].as_array().unwrap().len() == letters.len()
    })
    .await;
    for id in &others {
        assert_eq!(office.job(id).await["state"], "dead");
    }
}

pub(super) async fn a_dead_letter_is_mended_and_tried_again(office: Office) {
    let letters = dead(&office, 1, json!({"args": {"name": "Ann", "size": 7}})).await;
    let id = letters.first().unwrap();
    let path = format!("/v1/jobs/{id}/retry");
    let mended = office.order(&path, json!({"edit": {"size": null, "to": "Bob"}}));
    let mended: Value = mended.await.json().await.unwrap();
    assert_eq!(
        (&mended["state"], &mended["failures"]),
        (&json!("waiting"), &json!(0))
    );
    assert_eq!(mended["args"], json!({"name": "Ann", "to": "Bob"}));
    assert_eq!(mended["attempts"][0]["message"], "no");
    let refused = problem(office.order(&path, json!({})).await, "not-a-dead-letter").await;
    assert_eq!(refused["state"], "waiting");
    let job = office.take(json!({})).await;
    assert_eq!((&job["id"], &job["attempt"]), (&json!(id), &json!(2)));
}

pub(super) async fn queues_show_what_waits_and_how_long_it_took(office: Office) {
    for _ in 0..3 {
        office.enqueue(json!({})).await;
    }
    office.enqueue(json!({"delay_seconds": 600})).await;
    let job = office.take(json!({})).await;
    office.tell(&job, "complete", fence(&job)).await;
    office.take(json!({})).await;
    let shown = office.get("/v1/queues?queue=mail").await;
    assert_eq!(
        (&shown["backlog"], &shown["in_flight"]),
        (&json!(1), &json!(1))
    );
    let lane = &shown["items"][0];
    assert_eq!(
        (&lane["queue"], &lane["priority"], &lane["scheduled"]),
        (&json!("mail"), &json!(4), &json!(1))
    );
    assert_eq!(lane["samples"], 1);
    for times in ["wait", "run"] {
        let p50 = lane[times]["p50"].as_f64().unwrap();
        assert!((0.0..60.0).contains(&p50), "{lane}");
    }
    let none = office.get("/v1/queues?queue=other").await;
    assert_eq!(none["items"], json!([]));
}
