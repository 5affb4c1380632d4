use reqwest::StatusCode;
use serde_json::{Value, json};

use super::office::Office;
use crate::world::problem;

/// What is wrong with a job, and where.
fn wrong_jobs() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"kind": "Greet"}), "/kind"),
        (json!({"kind": ""}), "/kind"),
        (json!({"kind": "a\u{0}"}), "/kind"),
        (json!({"queue": "../etc/passwd"}), "/queue"),
        (json!({"queue": "x".repeat(65)}), "/queue"),
        (json!({"queue": "'; DROP TABLE jobs; --"}), "/queue"),
        (json!({"priority": 10}), "/priority"),
        (json!({"priority": -1}), "/priority"),
        (json!({"delay_seconds": u64::MAX}), "/run_at"),
        (json!({"run_at": "tomorrow"}), "/run_at"),
        (json!({"run_at": "9999-12-31T00:00:00Z"}), "/run_at"),
        (
            json!({"run_at": "2030-01-01T00:00:00Z", "delay_seconds": 1}),
            "/delay_seconds",
        ),
        (json!({"policy": {"max_attempts": 0}}), "/policy"),
        (json!({"policy": {"timeout_seconds": u64::MAX}}), "/policy"),
        (
            json!({"policy": {"backoff_base_ms": 2, "backoff_cap_ms": 1}}),
            "/policy",
        ),
        (json!({"unique": {"key": ""}}), "/unique/key"),
        (json!({"unique": {"key": "x".repeat(1025)}}), "/unique/key"),
        (json!({"state": "completed"}), "/state"),
    ]
}

fn wrong_claims() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"worker": ""}), "/worker"),
        (json!({"worker": "x".repeat(129)}), "/worker"),
        (json!({"worker": "a\nb"}), "/worker"),
        (json!({"max": 0}), "/max"),
        (json!({"max": 101}), "/max"),
        (json!({"wait_seconds": 21}), "/wait_seconds"),
        (json!({"lease_seconds": 0}), "/lease_seconds"),
        (json!({"lease_seconds": 3601}), "/lease_seconds"),
        (json!({"kinds": ["ok", "NO"]}), "/kinds/1"),
    ]
}

pub(super) async fn what_means_nothing_is_refused_and_nothing_is_stored(office: Office) {
    for (more, pointer) in wrong_jobs() {
        let mut body = json!({"kind": "greet", "queue": "mail"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let told = problem(office.post("/v1/jobs", body).await, "validation").await;
        assert_eq!(told["errors"][0]["pointer"], pointer, "{more}");
    }
    let huge = json!({"kind": "greet", "queue": "mail", "args": "x".repeat(70_000)});
    let told = problem(office.post("/v1/jobs", huge).await, "payload-too-large").await;
    assert!(told["detail"].as_str().unwrap().contains("object store"));
    for (more, pointer) in wrong_claims() {
        let mut body = json!({"worker": "test"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = office.post("/v1/queues/mail/claim", body).await;
        let told = problem(answer, "validation").await;
        assert_eq!(told["errors"][0]["pointer"], pointer, "{more}");
    }
    for queue in ["Mail", "..%2f..", "%00", "mail%0a", &"x".repeat(65)] {
        let path = format!("/v1/queues/{queue}/claim");
        problem(
            office.post(&path, json!({"worker": "w"})).await,
            "not-found",
        )
        .await;
    }
    for query in [
        "state=done",
        "reason=x",
        "queue=A",
        "kind=%00",
        "limit=0",
        "x=1",
    ] {
        let request = office.world.get(&format!("/v1/jobs?{query}"));
        let answer = request.bearer_auth(&office.admin).send().await.unwrap();
        problem(answer, "bad-request").await;
    }
    for body in [
        json!({}),
        json!({"ids": []}),
        json!({"ids": [], "filter": {}}),
        json!({"filter": {}, "limit": 0}),
        json!({"filter": {}, "per_second": 1001}),
        json!({"filter": {"input": "xyz"}}),
        json!({"filter": {"state": "waiting"}}),
    ] {
        let answer = office.order("/v1/dead-letters/replay", body).await;
        problem(answer, "validation").await;
    }
    let all = office.get("/v1/jobs").await;
    assert_eq!(all["items"], json!([]));
}

pub(super) async fn garbage_for_a_fence_changes_nothing(office: Office) {
    let id = office.enqueue(json!({})).await;
    let job = office.take(json!({})).await;
    let lease = &job["lease"];
    for body in [
        json!({}),
        json!({"attempt": 1}),
        json!({"attempt": "1", "lease": lease}),
        json!({"attempt": -1, "lease": lease}),
        json!({"attempt": 4_294_967_296_u64, "lease": lease}),
        json!({"attempt": 1, "lease": "x"}),
        json!({"attempt": 1, "lease": lease, "job": id}),
    ] {
        for what in ["heartbeat", "complete", "fail"] {
            let answer = office.tell(&job, what, body.clone()).await;
            problem(answer, "validation").await;
        }
    }
    for attempt in [0_u32, 2, u32::MAX] {
        for what in ["heartbeat", "complete", "fail"] {
            let body = json!({"attempt": attempt, "lease": lease});
            problem(office.tell(&job, what, body).await, "lease-lost").await;
        }
    }
    let nobody = json!({"id": "0193a1f0-6a5c-7c3e-8f00-5b1d6b0f9a11"});
    let fence = json!({"attempt": 1, "lease": lease});
    for what in ["heartbeat", "complete", "fail"] {
        problem(office.tell(&nobody, what, fence.clone()).await, "not-found").await;
    }
    for reason in [
        json!({"reason": "tired"}),
        json!({"reason": "snoozed"}),
        json!({"reason": "permanent", "retry_after_seconds": 1}),
        json!({"retry_after_seconds": u64::MAX}),
    ] {
        let body = super::office::fence_with(&job, &reason);
        problem(office.tell(&job, "fail", body).await, "validation").await;
    }
    let request = office.world.get("/v1/jobs?cursor=x");
    let answer = request.bearer_auth(&office.admin).send().await.unwrap();
    problem(answer, "invalid-cursor").await;
    assert_eq!(office.job(&id).await["state"], "running");
    let done = office.tell(&job, "complete", fence).await;
    assert_eq!(done.status(), StatusCode::OK);
}
