use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use stanchion_http::auth::Scope;
use stanchion_jobs::port::RescueRules;
use stanchion_testkit::eventually;

use crate::world::{Options, SOON, World};

/// A world with a worker's key and an administrator's.
pub(super) struct Office {
    pub(super) world: World,
    pub(super) worker: String,
    pub(super) admin: String,
}

/// What the holder of a claimed job shows.
pub(super) fn fence(job: &Value) -> Value {
    json!({"attempt": job["attempt"], "lease": job["lease"]})
}

/// The fence, and more.
pub(super) fn fence_with(job: &Value, more: &Value) -> Value {
    let mut body = fence(job);
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

impl Office {
    pub(super) async fn open(on_postgres: bool) -> Self {
        let options = Options {
            on_postgres,
            ..Options::default()
        };
        let world = World::with(options).await;
        Self {
            worker: world.key(&[Scope::JobsWork]).await,
            admin: world.key(&[Scope::JobsAdmin]).await,
            world,
        }
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Response {
        let request = self.world.request(Method::POST, path);
        let request = request.bearer_auth(&self.worker).json(&body);
        request.send().await.unwrap()
    }

    /// As [`Office::post`], as an administrator.
    pub(super) async fn order(&self, path: &str, body: Value) -> Response {
        let request = self.world.request(Method::POST, path);
        let request = request.bearer_auth(&self.admin).json(&body);
        request.send().await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let request = self.world.get(path).bearer_auth(&self.admin);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    /// Enqueues a job of the kind `greet` in the queue `mail`, with these members beside; answers its id.
    pub(super) async fn enqueue(&self, more: Value) -> String {
        let mut body = json!({"kind": "greet", "queue": "mail", "args": {"name": "Ann"}});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = self.post("/v1/jobs", body).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let made: Value = answer.json().await.unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    /// Claims from `mail` with these members beside.
    pub(super) async fn claim(&self, more: Value) -> Vec<Value> {
        let mut body = json!({"worker": "test"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = self.post("/v1/queues/mail/claim", body).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let claimed: Value = answer.json().await.unwrap();
        claimed["jobs"].as_array().unwrap().clone()
    }

    /// Claims one job, which must come soon.
    pub(super) async fn take(&self, more: Value) -> Value {
        let mut more = more;
        more["wait_seconds"] = json!(5);
        let claimed = self.claim(more).await;
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed[0].clone()
    }

    pub(super) async fn tell(&self, job: &Value, what: &str, body: Value) -> Response {
        let id = job["id"].as_str().unwrap();
        self.post(&format!("/v1/jobs/{id}/{what}"), body).await
    }

    pub(super) async fn job(&self, id: &str) -> Value {
        self.get(&format!("/v1/jobs/{id}")).await
    }

    /// As a server would: takes jobs from workers whose leases are over, until this one is in `state`.
    pub(super) async fn rescued(&self, id: &str, state: &str) {
        eventually("the lease is over", SOON, || async {
            let port = self.world.broker.port();
            port.rescue(RescueRules::default(), 100).await.unwrap();
            self.job(id).await["state"] == state
        })
        .await;
    }
}

/// Shorter than what a claim waits.
pub(super) const IMPATIENT: Duration = Duration::from_millis(300);
