use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stanchion_testkit::eventually;

use super::office::{IMPATIENT, Office, fence, fence_with};
use crate::world::{SOON, client, problem};

pub(super) async fn a_job_is_enqueued_claimed_kept_and_completed(office: Office) {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = office.world.request(Method::POST, "/v1/jobs");
    let request = request
        .bearer_auth(&office.worker)
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let body = json!({"kind": "greet", "queue": "mail", "args": {"name": "Ann"}, "priority": 2});
    let made = request.json(&body).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let location = made.headers()["location"].to_str().unwrap().to_owned();
    let made: Value = made.json().await.unwrap();
    assert_eq!(
        location,
        format!("/v1/jobs/{}", made["id"].as_str().unwrap())
    );
    assert_eq!(office.get(&location).await["state"], "waiting");

    let job = office.take(json!({"max": 5})).await;
    assert_eq!(job["id"], made["id"]);
    assert_eq!(job["args"], json!({"name": "Ann"}));
    assert_eq!((&job["attempt"], &job["priority"]), (&json!(1), &json!(2)));
    let parent = job["traceparent"].as_str().unwrap();
    assert!(parent.starts_with(&format!("00-{trace}-")), "{parent}");
    assert_eq!(office.claim(json!({})).await, Vec::<Value>::new());

    let news = json!({"progress": {"percent": 40, "message": "half"}, "lease_seconds": 60});
    let kept = office
        .tell(&job, "heartbeat", fence_with(&job, &news))
        .await;
    let kept: Value = kept.json().await.unwrap();
    assert_eq!(kept, json!({"cancel_requested": false}));
    let shown = office.get(&location).await;
    assert_eq!(shown["progress"], json!({"percent": 40, "message": "half"}));
    assert_eq!(
        (&shown["state"], &shown["worker"]),
        (&json!("running"), &json!("test"))
    );

    for _ in 0..2 {
        let done = office.tell(&job, "complete", fence(&job)).await;
        assert_eq!(done.status(), StatusCode::OK);
        let done: Value = done.json().await.unwrap();
        assert_eq!(done, json!({"id": job["id"], "state": "completed"}));
    }
    assert_eq!(office.get(&location).await["state"], "completed");
}

pub(super) async fn who_lost_the_lease_changes_nothing(office: Office) {
    let id = office.enqueue(json!({})).await;
    let first = office.take(json!({"lease_seconds": 1})).await;
    // It had not begun anything that could be suspected, says its worker in time.
    let given = json!({"reason": "given_back"});
    let given = office
        .tell(&first, "fail", fence_with(&first, &given))
        .await;
    let given: Value = given.json().await.unwrap();
    assert_eq!(
        (&given["state"], &given["failures"]),
        (&json!("waiting"), &json!(0))
    );
    let second = office.take(json!({})).await;
    assert_eq!(second["id"], json!(id));
    for what in ["heartbeat", "complete", "fail"] {
        let refused = office.tell(&first, what, fence(&first)).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        problem(refused, "lease-lost").await;
    }
    // The right number with another's lease is no fence either.
    let forged = json!({"attempt": second["attempt"], "lease": first["lease"]});
    for what in ["heartbeat", "complete", "fail"] {
        let refused = office.tell(&second, what, forged.clone()).await;
        problem(refused, "lease-lost").await;
    }
    assert_eq!(office.job(&id).await["state"], "running");
    let done = office.tell(&second, "complete", fence(&second)).await;
    assert_eq!(done.status(), StatusCode::OK);
    problem(
        office.tell(&first, "complete", fence(&first)).await,
        "lease-lost",
    )
    .await;
}

pub(super) async fn a_failure_is_tried_again_until_it_is_a_dead_letter(office: Office) {
    let id = office.enqueue(json!({"policy": {"max_attempts": 2}})).await;
    let job = office.take(json!({})).await;
    let again = json!({"message": "no paper", "retry_after_seconds": 0});
    let failed = office.tell(&job, "fail", fence_with(&job, &again)).await;
    let failed: Value = failed.json().await.unwrap();
    assert_eq!(
        (&failed["state"], &failed["failures"]),
        (&json!("waiting"), &json!(1))
    );
    let job = office.take(json!({})).await;
    assert_eq!((&job["attempt"], &job["failures"]), (&json!(2), &json!(1)));
    let broke = json!({"reason": "panic", "message": "it broke"});
    let failed = office.tell(&job, "fail", fence_with(&job, &broke)).await;
    let failed: Value = failed.json().await.unwrap();
    assert_eq!(
        (&failed["state"], &failed["reason"]),
        (&json!("dead"), &json!("panic"))
    );
    let dead = office.job(&id).await;
    let reasons = dead["attempts"].as_array().unwrap().iter();
    let reasons: Vec<_> = reasons.map(|attempt| &attempt["reason"]).collect();
    assert_eq!(reasons, [&json!("error"), &json!("panic")]);
    assert_eq!(dead["attempts"][0]["message"], "no paper");

    let id = office.enqueue(json!({})).await;
    let job = office.take(json!({})).await;
    let hopeless = json!({"reason": "permanent"});
    let failed = office.tell(&job, "fail", fence_with(&job, &hopeless)).await;
    assert_eq!(failed.status(), StatusCode::OK);
    assert_eq!(office.job(&id).await["reason"], "permanent");

    let id = office.enqueue(json!({})).await;
    let job = office.take(json!({})).await;
    let later = json!({"reason": "snoozed", "retry_after_seconds": 3600});
    let failed = office.tell(&job, "fail", fence_with(&job, &later)).await;
    assert_eq!(failed.status(), StatusCode::OK);
    let shown = office.job(&id).await;
    assert_eq!(
        (&shown["state"], &shown["failures"]),
        (&json!("waiting"), &json!(0))
    );
    assert!(shown["run_at"].as_str() > shown["created_at"].as_str());
}

pub(super) async fn a_waiting_claim_gets_what_is_enqueued_meanwhile(office: Office) {
    let waiting = office.take(json!({}));
    let enqueued = office.enqueue(json!({}));
    let (job, id) = tokio::join!(waiting, enqueued);
    assert_eq!(job["id"], json!(id));
}

pub(super) async fn what_was_claimed_for_a_client_that_has_gone_is_for_others(office: Office) {
    let hasty = client().timeout(IMPATIENT).build().unwrap();
    let claim = hasty.post(office.world.url("/v1/queues/mail/claim"));
    let claim = claim.bearer_auth(&office.worker);
    let claim = claim.json(&json!({"worker": "hasty", "wait_seconds": 20}));
    assert!(claim.send().await.unwrap_err().is_timeout());
    let id = office.enqueue(json!({})).await;
    let job = office.take(json!({})).await;
    assert_eq!(job["id"], json!(id));
    assert_eq!(office.job(&id).await["lost_leases"], 0);
}

pub(super) async fn a_batch_has_something_of_every_priority(office: Office) {
    for n in 0..40 {
        let priority = if n % 2 == 0 { 0 } else { 9 };
        office.enqueue(json!({"priority": priority})).await;
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.extend(office.claim(json!({"max": 10})).await);
    }
    assert_eq!(seen.len(), 30);
    let of = |priority: u64| {
        let jobs = seen.iter().filter(|job| job["priority"] == priority);
        jobs.count()
    };
    assert!(of(0) > of(9) && of(9) > 0, "{} and {}", of(0), of(9));
}

pub(super) async fn an_attempt_that_takes_too_long_cannot_be_prolonged(office: Office) {
    let id = office
        .enqueue(json!({"policy": {"timeout_seconds": 1}}))
        .await;
    let job = office.take(json!({"lease_seconds": 600})).await;
    eventually("its time is over", SOON, || async {
        let beat = office.tell(&job, "heartbeat", fence(&job)).await;
        beat.status() == StatusCode::CONFLICT
    })
    .await;
    let shown = office.job(&id).await;
    assert_eq!(
        (&shown["state"], &shown["failures"]),
        (&json!("waiting"), &json!(1))
    );
    assert_eq!(shown["attempts"][0]["reason"], "timeout");
    let late = office.tell(&job, "complete", fence(&job)).await;
    problem(late, "lease-lost").await;
}

pub(super) async fn a_holder_hears_that_its_job_is_to_be_cancelled(office: Office) {
    let id = office.enqueue(json!({})).await;
    let job = office.take(json!({})).await;
    let path = format!("/v1/jobs/{id}/cancel");
    let asked: Value = office.order(&path, json!({})).await.json().await.unwrap();
    assert_eq!(
        (&asked["state"], &asked["cancel_requested"]),
        (&json!("running"), &json!(true))
    );
    let pulse = office.tell(&job, "heartbeat", fence(&job)).await;
    let pulse: Value = pulse.json().await.unwrap();
    assert_eq!(pulse, json!({"cancel_requested": true}));
    let ends = json!({"reason": "given_back"});
    let ended = office.tell(&job, "fail", fence_with(&job, &ends)).await;
    let ended: Value = ended.json().await.unwrap();
    assert_eq!(ended["state"], "cancelled");
    // Asking again changes nothing.
    let again = office.order(&path, json!({})).await;
    assert_eq!(again.status(), StatusCode::OK);

    let waiting = office.enqueue(json!({})).await;
    let path = format!("/v1/jobs/{waiting}/cancel");
    let ended: Value = office.order(&path, json!({})).await.json().await.unwrap();
    assert_eq!(ended["state"], "cancelled");
    office.enqueue(json!({})).await;
    let job = office.take(json!({})).await;
    office.tell(&job, "complete", fence(&job)).await;
    let path = format!("/v1/jobs/{}/cancel", job["id"].as_str().unwrap());
    let refused = problem(office.order(&path, json!({})).await, "job-ended").await;
    assert_eq!(refused["state"], "completed");
}

pub(super) async fn a_job_of_an_unknown_kind_waits_for_a_worker_that_knows_it(office: Office) {
    let id = office.enqueue(json!({})).await;
    let job = office.take(json!({})).await;
    let unknown = json!({"reason": "unknown_kind"});
    let parked = office.tell(&job, "fail", fence_with(&job, &unknown)).await;
    let parked: Value = parked.json().await.unwrap();
    assert_eq!(parked["state"], "parked");
    assert!(office.claim(json!({"kinds": ["other"]})).await.is_empty());
    // Who knows the kind and works on another queue would take nothing of what waits again.
    let elsewhere = json!({"worker": "elsewhere", "kinds": ["greet"]});
    let elsewhere = office.post("/v1/queues/letters/claim", elsewhere).await;
    assert_eq!(elsewhere.status(), StatusCode::OK);
    assert_eq!(office.job(&id).await["state"], "parked");
    let job = office.take(json!({"kinds": ["greet", "other"]})).await;
    assert_eq!((&job["id"], &job["failures"]), (&json!(id), &json!(0)));
}
