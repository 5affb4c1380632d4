//! The alerts on jobs: tested by promtool, each with somebody who owns it and a page that says what to do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::json;
use stanchion_testkit::{TempDir, eventually};

use crate::dashboard::{asked_by, asked_of};
use crate::jobs::Office;
use crate::program::DEADLINE;
use crate::work::{metrics_at, work};

#[derive(Debug, Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
struct Alert {
    alert: String,
    expr: String,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Debug, Deserialize)]
struct Labels {
    severity: String,
    owner: String,
}

#[derive(Debug, Deserialize)]
struct Annotations {
    summary: String,
    runbook_url: String,
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(in_repository(path)).expect("a file of the repository")
}

fn alerts() -> Vec<Alert> {
    let rules = read("deploy/prometheus/jobs.rules.yml");
    let rules: Rules = serde_saphyr::from_str(&rules).expect("rules");
    rules
        .groups
        .into_iter()
        .flat_map(|group| group.rules)
        .collect()
}

/// Runs the tests of the rules on these rules; answers whether they pass, and what was said.
fn tested(rules: &str) -> (bool, String) {
    let folder = TempDir::new().expect("a folder");
    let tests = folder.path().join("jobs.test.yml");
    std::fs::write(folder.path().join("jobs.rules.yml"), rules).expect("written");
    std::fs::write(&tests, read("deploy/prometheus/jobs.test.yml")).expect("written");
    let run = Command::new("promtool")
        .args(["test", "rules"])
        .arg(&tests)
        .output()
        .expect("promtool is missing; `cargo xtask test -p stanchion` installs it");
    let said = [run.stdout, run.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (run.status.success(), said)
}

#[test]
fn every_alert_is_raised_when_it_should_be_and_each_is_missed_when_it_is_not() {
    let rules = read("deploy/prometheus/jobs.rules.yml");
    let (passed, said) = tested(&rules);
    assert!(passed, "{said}");
    for alert in alerts() {
        // It is never raised, and always is.
        for wrong in ["vector(0) > 1", "vector(1)"] {
            let (passed, said) = tested(&rules.replace(&alert.expr, wrong));
            assert!(!passed, "{} as {wrong}: {said}", alert.alert);
        }
    }
    let patient = rules.replace("for: 5m", "for: 50m");
    assert!(!tested(&patient).0, "a while that is too long");
}

/// The anchors of the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_alert_has_an_owner_and_a_page_that_says_what_to_do() {
    let alerts = alerts();
    let names: BTreeSet<_> = alerts.iter().map(|alert| &alert.alert).collect();
    assert_eq!(names.len(), alerts.len(), "two of one name");
    assert!(alerts.len() >= 7);
    let page = read("docs/jobs.md");
    let anchors = anchors(&page);
    for alert in &alerts {
        let Alert {
            labels,
            annotations,
            ..
        } = alert;
        assert!(!labels.owner.is_empty(), "{alert:?}");
        assert!(["page", "ticket"].contains(&&*labels.severity), "{alert:?}");
        assert!(annotations.summary.contains("{{ $"), "{alert:?}");
        let place = annotations.runbook_url.split_once("/jobs.html#");
        let (start, anchor) = place.expect("a place in the chapter on jobs");
        assert!(start.starts_with("https://"), "{alert:?}");
        assert!(anchors.contains(anchor), "no heading is #{anchor}");
        let listed = format!("| `{}` |", alert.alert);
        assert!(page.contains(&listed), "{listed} is not in the chapter");
    }
}

/// Jobs of every fate, worked on over HTTP.
async fn of_every_fate(office: &Office) {
    for n in 0..5 {
        office.enqueue("greet", json!({ "n": n })).await;
    }
    let claim = json!({"worker": "w", "max": 4, "lease_seconds": 1});
    let claimed = office.post("/v1/queues/mail/claim", claim).await;
    let jobs = claimed["jobs"].as_array().expect("jobs");
    assert_eq!(jobs.len(), 4);
    let ends = [
        ("complete", json!({})),
        ("fail", json!({"reason": "error", "message": "later"})),
        ("fail", json!({"reason": "permanent", "message": "never"})),
    ];
    for (job, (word, mut told)) in jobs.iter().zip(ends) {
        let id = job["id"].as_str().expect("an id");
        told["attempt"] = job["attempt"].clone();
        told["lease"] = job["lease"].clone();
        office.post(&format!("/v1/jobs/{id}/{word}"), told).await;
    }
    let lost = jobs[3]["id"].as_str().expect("an id");
    office.becomes(lost, "waiting").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_about_jobs_is_measured_and_nothing_else_is_asked_for() {
    let office = Office::open().await;
    of_every_fate(&office).await;
    let lanes = [
        "stanchion_jobs_backlog",
        "stanchion_jobs_oldest_age_seconds",
        "stanchion_jobs_in_flight",
        "stanchion_jobs_wait_seconds_bucket",
        "stanchion_jobs_run_seconds_bucket",
        "stanchion_jobs_end_to_end_seconds_bucket",
    ];
    let lanes = lanes.map(|name| format!(r#"{name}{{queue="mail",priority="4""#));
    let others = [
        r#"stanchion_jobs_retries_total{reason="error"} 1"#,
        r#"stanchion_jobs_dead_total{queue="mail",reason="permanent"} 1"#,
        r#"stanchion_jobs_lease_losses_total{queue="mail",seen_by="rescuer"} 1"#,
        "stanchion_jobs_claim_seconds_bucket{",
    ];
    let wanted: Vec<String> = lanes.into_iter().chain(others.map(str::to_owned)).collect();
    let missing = || async {
        let shown = office.server.text("/metrics").await;
        let missing = wanted.iter().filter(|start| {
            let mut lines = shown.lines();
            !lines.any(|line| line.starts_with(start.as_str()))
        });
        missing.cloned().collect::<Vec<_>>()
    };
    eventually("all is shown", DEADLINE, || async {
        let missing = missing().await;
        eprintln!("missing: {missing:?}");
        missing.is_empty()
    })
    .await;
    let mut shown = office.server.text("/metrics").await;
    office.server.stop().await;

    let folder = TempDir::new().expect("a folder");
    let supervisor = work(folder.path())
        .args(["--min", "0", "--max", "1"])
        .start();
    let line = supervisor.wait_for_line("metrics    http", DEADLINE).await;
    let counts = "stanchion_jobs_workers{";
    eventually("the supervisor counts", DEADLINE, || async {
        metrics_at(&line).await.contains(counts)
    })
    .await;
    shown.push_str(&metrics_at(&line).await);
    supervisor.terminate();
    assert!(supervisor.wait(DEADLINE).await.success());
    let asked = asked_of("stanchion-jobs", &shown);
    assert!(asked >= 22, "the dashboard asks for {asked} metrics only");
    let alerts = alerts();
    let expressions = alerts.iter().map(|alert| alert.expr.as_str());
    assert!(asked_by(expressions, &shown) >= alerts.len());
}
