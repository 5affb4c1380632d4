//! Jobs in a running server, its commands, and the workers in other languages of `docs/examples/jobs`.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use stanchion_testkit::{Program, TempDir, eventually};

use crate::program::{DEADLINE, fail, new_key, stanchion, succeed};
use crate::server::{Server, serve};

/// A server that soon takes jobs from dead workers, and a key for everything that has to do with jobs.
pub(crate) struct Office {
    pub(crate) server: Server,
    key: String,
    folder: TempDir,
}

impl Office {
    pub(crate) async fn open() -> Self {
        Self::open_with(|program| program).await
    }

    /// As [`Office::open`], with a server that something is changed of.
    pub(crate) async fn open_with(change: impl FnOnce(Program) -> Program) -> Self {
        let folder = TempDir::new().expect("a folder");
        let key = new_key(stanchion(folder.path()), "jobs:work,jobs:admin").await;
        let program = serve(folder.path()).env("STANCHION_JOBS__SCAN_MS", "100");
        Self {
            server: Server::start(change(program)).await,
            key,
            folder,
        }
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.server.with(&self.key, Method::POST, path).json(&body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    }

    pub(crate) async fn enqueue(&self, kind: &str, args: Value) -> String {
        let body = json!({"kind": kind, "queue": "mail", "args": args});
        let made = self.post("/v1/jobs", body).await;
        made["id"].as_str().expect("an id").to_owned()
    }

    async fn job(&self, id: &str) -> Value {
        let path = format!("/v1/jobs/{id}");
        let request = self.server.with(&self.key, Method::GET, &path);
        let answer = request.send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    pub(crate) async fn becomes(&self, id: &str, state: &str) -> Value {
        eventually("the job is where it should be", DEADLINE, || async {
            self.job(id).await["state"] == state
        })
        .await;
        self.job(id).await
    }

    /// A command of the binary on the database of the server.
    fn command(&self, arguments: &[&str]) -> Program {
        stanchion(self.folder.path()).arg("jobs").args(arguments)
    }

    /// A worker with leases of a second.
    fn worker(&self, program: &str, file: &str) -> Program {
        let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../docs/examples/jobs")
            .join(file);
        Program::new(program)
            .arg(path)
            .args(["--url", &self.server.base, "--queue", "mail"])
            .args(["--lease-seconds", "1"])
            .env("STANCHION_KEY", &self.key)
    }
}

async fn a_worker_does_its_part(program: &str, file: &str) {
    let office = Office::open().await;
    let greeting = office.enqueue("greet", json!({"name": "Ann"})).await;
    let flaky = office.enqueue("flaky", json!({"failures": 2})).await;
    let broken = office.enqueue("broken", json!({})).await;
    let strange = office.enqueue("strange", json!({})).await;
    let worker = office.worker(program, file).start();
    office.becomes(&greeting, "completed").await;
    assert_eq!(office.becomes(&flaky, "completed").await["failures"], 2);
    assert_eq!(office.becomes(&broken, "dead").await["reason"], "permanent");
    office.becomes(&strange, "parked").await;
    let said = worker.wait_for_line("greets Ann", DEADLINE).await;
    assert!(said.contains(&greeting), "{said}");

    // Its lease is kept for longer than it would last, and its progress is seen.
    let kept = office.enqueue("slow", json!({"seconds": 3})).await;
    let kept = office.becomes(&kept, "completed").await;
    assert_eq!(
        (&kept["attempt"], &kept["lost_leases"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(kept["progress"]["message"], "working");

    // Frozen for longer than its lease: the job is offered again, and the worker hears of it when it wakes.
    let lost = office.enqueue("slow", json!({"seconds": 2})).await;
    worker
        .wait_for_line(&format!("begins {lost}"), DEADLINE)
        .await;
    worker.pause().await;
    assert_eq!(office.becomes(&lost, "waiting").await["lost_leases"], 1);
    worker.resume();
    let line = format!("slow {lost}: lease lost");
    worker.wait_for_line(&line, DEADLINE).await;
    assert_eq!(office.becomes(&lost, "completed").await["attempt"], 2);

    // Told to stop, it gives back what it has, and that costs nothing.
    let given = office.enqueue("slow", json!({"seconds": 600})).await;
    worker
        .wait_for_line(&format!("begins {given}"), DEADLINE)
        .await;
    worker.terminate();
    let status = worker.wait(DEADLINE).await;
    assert_eq!(
        status.code(),
        Some(0),
        "{}{}",
        worker.stdout(),
        worker.stderr()
    );
    let given = office.job(&given).await;
    assert_eq!(
        (&given["state"], &given["failures"], &given["lost_leases"]),
        (&json!("waiting"), &json!(0), &json!(0))
    );
    office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_in_python_does_its_part() {
    a_worker_does_its_part("python3", "python/worker.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_in_node_does_its_part() {
    a_worker_does_its_part("node", "node/worker.mjs").await;
}

/// One end of a job in a second goes through, and the others are refused with 429.
async fn a_worker_tells_until_it_is_heard(program: &str, file: &str) {
    let limits = "[{ name = 'ends', rate = '1/s', burst = 1, per = 'global', \
                  routes = ['POST /v1/jobs/{id}/complete'] }]";
    let limited = |program: Program| {
        program
            .env("STANCHION_LIMITER__ENABLED", "true")
            .env("STANCHION_LIMITER__LIMITS", limits)
    };
    let office = Office::open_with(limited).await;
    let mut greetings = Vec::new();
    for name in ["Ann", "Bob", "Cid"] {
        greetings.push(office.enqueue("greet", json!({"name": name})).await);
    }
    let worker = office.worker(program, file).start();
    for id in &greetings {
        let done = office.becomes(id, "completed").await;
        assert_eq!(
            (&done["attempt"], &done["lost_leases"]),
            (&json!(1), &json!(0))
        );
    }
    let shown = office.server.text("/metrics").await;
    let denied = r#"stanchion_limiter_decisions_total{limit="ends",outcome="denied"} "#;
    let denied = shown.lines().find_map(|line| line.strip_prefix(denied));
    assert!(denied.is_some_and(|times| times != "0"), "{shown}");
    worker.terminate();
    let status = worker.wait(DEADLINE).await;
    assert_eq!(status.code(), Some(0), "{}", worker.stderr());
    office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_in_python_tells_until_it_is_heard() {
    a_worker_tells_until_it_is_heard("python3", "python/worker.py").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_in_node_tells_until_it_is_heard() {
    a_worker_tells_until_it_is_heard("node", "node/worker.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_jobs_of_a_dead_worker_are_offered_again_and_measured() {
    offered_again(Office::open().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_no_work_keeps_the_queue_all_the_same() {
    let idle = |program: Program| program.env("STANCHION_JOBS__INSIDE", "false");
    offered_again(Office::open_with(idle).await).await;
}

async fn offered_again(office: Office) {
    let id = office.enqueue("greet", json!({"name": "Ann"})).await;
    let wish = json!({"worker": "dies", "lease_seconds": 1});
    let claimed = office.post("/v1/queues/mail/claim", wish).await;
    assert_eq!(claimed["jobs"][0]["id"], json!(id));
    let again = office.becomes(&id, "waiting").await;
    assert_eq!(
        (&again["failures"], &again["lost_leases"], &again["alone"]),
        (&json!(0), &json!(1), &json!(true))
    );
    eventually("the loss is counted", DEADLINE, || async {
        let shown = office.server.text("/metrics").await;
        let lost = r#"stanchion_jobs_lease_losses_total{queue="mail",seen_by="rescuer"} 1"#;
        shown.contains(lost) && shown.contains("stanchion_jobs_in_flight{")
    })
    .await;
    office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_claim_does_not_hold_up_a_stop() {
    let office = Office::open().await;
    let path = "/v1/queues/mail/claim";
    let request = office.server.with(&office.key, Method::POST, path);
    let request = request.json(&json!({"worker": "idle", "wait_seconds": 20}));
    let waiting = tokio::spawn(request.send());
    eventually("the claim waits", DEADLINE, || async {
        let shown = office.server.text("/metrics").await;
        // Probes are not counted.
        shown.contains("stanchion_http_requests_in_flight 1")
    })
    .await;
    office.server.stop().await;
    let answer = waiting.await.expect("no panic").expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer, json!({"jobs": []}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_listed_shown_retried_cancelled_and_replayed_from_the_command_line() {
    let office = Office::open().await;
    let mut dead = Vec::new();
    for name in ["a", "b", "c"] {
        dead.push(office.enqueue("greet", json!({"name": name})).await);
        let claimed = office.post("/v1/queues/mail/claim", json!({"worker": "t"}));
        let claimed = claimed.await["jobs"][0].clone();
        let path = format!("/v1/jobs/{}/fail", dead[dead.len() - 1]);
        let told = json!({"attempt": claimed["attempt"], "lease": claimed["lease"],
            "reason": "permanent", "message": "no\u{1b}[2J"});
        office.post(&path, told).await;
    }
    let waiting = office.enqueue("other", json!({})).await;
    let list = succeed(office.command(&["list", "--state", "dead", "--json"])).await;
    let listed: Vec<Value> = list
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let newest_first = listed.iter().map(|job| job["id"].as_str().expect("an id"));
    let ids: Vec<_> = newest_first.rev().collect();
    assert_eq!(ids, dead);
    let shown = succeed(office.command(&["show", &dead[0]])).await;
    assert!(
        shown.contains(r#"{"name":"a"}"#) && shown.contains("permanent"),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "{shown}");

    let retried = office.command(&["retry", &dead[0], "--edit", r#"{"name":"z"}"#, "--json"]);
    let retried: Value = serde_json::from_str(&succeed(retried).await).expect("JSON");
    assert_eq!(
        (&retried["state"], &retried["args"]),
        (&json!("waiting"), &json!({"name": "z"}))
    );
    let refused = fail(office.command(&["retry", &dead[0]])).await;
    assert!(refused.contains("no dead letter"), "{refused}");

    let said = succeed(office.command(&["cancel", &waiting])).await;
    assert_eq!(said.trim(), "cancelled");
    assert_eq!(office.job(&waiting).await["state"], "cancelled");

    let plan = ["replay", "--kind", "greet", "--dry-run"];
    let planned = succeed(office.command(&plan)).await;
    assert!(planned.contains("2 would wait again"), "{planned}");
    assert_eq!(office.job(&dead[1]).await["state"], "dead");
    let done = succeed(office.command(&["replay", "--all", "--per-second", "1"])).await;
    assert!(done.contains("2 wait again"), "{done}");
    for id in &dead {
        assert_eq!(office.job(id).await["state"], "waiting");
    }
    office.server.stop().await;
}
