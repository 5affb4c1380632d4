//! `stanchion work`: one worker, and a supervisor of many.

use std::path::Path;

use stanchion_testkit::{Program, Running, TempDir, eventually};

use crate::program::{DEADLINE, finish, stanchion, succeed};

pub(crate) fn work(folder: &Path) -> Program {
    stanchion(folder)
        .args(["work", "--metrics-listen", "127.0.0.1:0"])
        .env("STANCHION_JOBS__LOOK_MS", "100")
        .env("STANCHION_JOBS__SCAN_MS", "100")
}

/// What `/metrics` shows at the address that a line of the output names.
pub(crate) async fn metrics_at(line: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = line.split_whitespace().last().expect("a URL");
    let answer = reqwest::get(url).await.expect("an answer");
    answer.text().await.expect("a body")
}

/// The ids of the worker processes that a supervisor has started so far.
fn started(supervisor: &Running) -> Vec<u32> {
    let log = supervisor.stderr();
    let lines = log
        .lines()
        .filter(|line| line.contains("a worker was started"));
    let pid = |line: &str| {
        let (_, rest) = line.split_once("pid=")?;
        let digits = |c: char| c.is_ascii_digit();
        let from = rest.find(digits)?;
        let rest = &rest[from..];
        let to = rest.find(|c: char| !digits(c)).unwrap_or(rest.len());
        rest[..to].parse().ok()
    };
    lines.filter_map(pid).collect()
}

/// Whether a process lives. One that has ended and was not waited for does not.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, fields)| &fields[..1]);
    state.is_some_and(|state| state != "Z")
}

async fn two_workers(folder: &Path) -> (Running, Vec<u32>) {
    let supervisor = work(folder).args(["--min", "2", "--max", "3"]).start();
    supervisor
        .wait_for_line("keeps 2 to 3 workers", DEADLINE)
        .await;
    eventually("two workers work", DEADLINE, || async {
        supervisor
            .stdout()
            .matches("Stanchion works as work-")
            .count()
            == 2
    })
    .await;
    let pids = started(&supervisor);
    assert_eq!(pids.len(), 2, "{}", supervisor.stderr());
    (supervisor, pids)
}

#[tokio::test]
async fn a_worker_measures_and_stops_gracefully() {
    let folder = TempDir::new().expect("a folder");
    let worker = work(folder.path()).start();
    let line = worker.wait_for_line("metrics    http", DEADLINE).await;
    eventually("its metrics are there", DEADLINE, || async {
        let shown = metrics_at(&line).await;
        let shows = |name: &str| shown.lines().any(|line| line.starts_with(name));
        shows("stanchion_build_info") && shows("process_resident_memory_bytes")
    })
    .await;
    worker.terminate();
    assert_eq!(worker.wait(DEADLINE).await.code(), Some(0));
    assert!(worker.stderr().contains("no job was left behind"));
}

#[tokio::test]
async fn a_supervisor_keeps_its_workers_and_drains_them_at_its_stop() {
    let folder = TempDir::new().expect("a folder");
    let (supervisor, pids) = two_workers(folder.path()).await;
    let killed = std::process::Command::new("kill")
        .args(["-9", &pids[0].to_string()])
        .status();
    assert!(killed.expect("kill").success());
    supervisor.wait_for_line("a worker died", DEADLINE).await;
    eventually("it is replaced", DEADLINE, || async {
        started(&supervisor).len() == 3
    })
    .await;
    let line = supervisor.wait_for_line("metrics    http", DEADLINE).await;
    let shown = metrics_at(&line).await;
    for expected in [
        r#"stanchion_jobs_workers{state="running"} 2"#,
        r#"stanchion_jobs_worker_deaths_total{how="died"} 1"#,
    ] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    supervisor.interrupt();
    assert_eq!(supervisor.wait(DEADLINE).await.code(), Some(0));
    let pids = started(&supervisor);
    assert!(!pids.into_iter().any(lives));
}

#[tokio::test]
async fn workers_end_when_their_supervisor_is_killed() {
    let folder = TempDir::new().expect("a folder");
    let (supervisor, pids) = two_workers(folder.path()).await;
    assert!(pids.iter().all(|pid| lives(*pid)));
    supervisor.kill9();
    eventually("both have ended", DEADLINE, || async {
        !pids.iter().any(|pid| lives(*pid))
    })
    .await;
}

#[tokio::test]
async fn workers_read_the_configuration_of_their_supervisor() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("stanchion.toml");
    std::fs::write(&file, "[telemetry]\nlog = \"json\"\n").expect("written");
    let program = work(folder.path()).args(["--min", "1", "--max", "1"]);
    let supervisor = program.arg("--config").arg(&file).start();
    supervisor
        .wait_for_line("Stanchion works as", DEADLINE)
        .await;
    supervisor.terminate();
    assert_eq!(supervisor.wait(DEADLINE).await.code(), Some(0));
    for line in supervisor.stderr().lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("every line is JSON");
    }
}

#[tokio::test]
async fn contradictions_on_the_command_line_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let cases: [&[&str]; 4] = [
        &["--min", "3", "--max", "2"],
        &["--min", "3"],
        &["--max", "0"],
        &["--worker-name", "me"],
    ];
    for arguments in cases {
        let (status, running) = finish(stanchion(folder.path()).arg("work").args(arguments)).await;
        assert_eq!(status.code(), Some(2), "{arguments:?} {}", running.stderr());
        assert!(!running.stderr().is_empty());
    }
    let help = succeed(stanchion(folder.path()).args(["work", "--help"])).await;
    assert!(
        help.contains("Example: stanchion work --min 1 --max 8"),
        "{help}"
    );
    assert!(!help.contains("member-of"), "{help}");
}
