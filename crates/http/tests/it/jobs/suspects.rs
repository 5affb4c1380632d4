use reqwest::StatusCode;
use serde_json::json;
use stanchion_testkit::eventually;

use super::office::{Office, fence};
use crate::world::SOON;

pub(super) async fn who_never_runs_alone_gets_no_suspect(office: Office) {
    let id = office.enqueue(json!({})).await;
    office.take(json!({"lease_seconds": 1})).await;
    office.rescued(&id, "waiting").await;
    let healthy = office.enqueue(json!({"args": "healthy"})).await;
    let claimed = office.claim(json!({"max": 10})).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0]["id"], json!(healthy));
    // Who runs nothing beside it gets it, and nothing with it.
    office.enqueue(json!({"args": "another"})).await;
    let alone = office.claim(json!({"max": 10, "alone": true})).await;
    assert_eq!(alone.len(), 1);
    assert_eq!(
        (&alone[0]["id"], &alone[0]["alone"]),
        (&json!(id), &json!(true))
    );
    // It is acquitted by its end.
    let done = office.tell(&alone[0], "complete", fence(&alone[0])).await;
    assert_eq!(done.status(), StatusCode::OK);
}

pub(super) async fn two_dead_workers_on_an_input_make_it_poison(office: Office) {
    let id = office.enqueue(json!({})).await;
    let neighbour = office.enqueue(json!({"args": "healthy"})).await;
    let both = office.claim(json!({"max": 2, "lease_seconds": 1})).await;
    assert_eq!(both.len(), 2);
    let healthy = both.iter().find(|job| job["id"] == neighbour).unwrap();
    office.tell(healthy, "complete", fence(healthy)).await;
    office.rescued(&id, "waiting").await;
    office
        .take(json!({"alone": true, "lease_seconds": 1}))
        .await;
    office.rescued(&id, "dead").await;
    let dead = office.job(&id).await;
    assert_eq!(dead["reason"], "poison");
    assert_eq!(office.job(&neighbour).await["state"], "completed");
    let more = office.enqueue(json!({})).await;
    // It is put aside by who meets it first, and then never begins.
    eventually("it is given up", SOON, || async {
        assert!(office.claim(json!({"alone": true})).await.is_empty());
        office.job(&more).await["reason"] == "poison"
    })
    .await;
}
