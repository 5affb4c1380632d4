//! The interface as strangers meet it: requests made from the OpenAPI document alone.

use std::process::Command;

use stanchion_testkit::TempDir;

use crate::server::{Server, serve};

/// Requests per operation; more are for long runs.
const EXAMPLES: &str = "15";
/// The same requests every time, so that a failure can be repeated.
const SEED: &str = "20261124";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_made_from_the_document_meet_no_5xx_and_no_undocumented_status() {
    let folder = TempDir::new().expect("a folder");
    // A claim waits for jobs that never come.
    let program = serve(folder.path()).arg("--demo");
    let program = program.env("STANCHION_JOBS__CLAIM_WAIT_MS", "50");
    let server = Server::start_demo(program).await;
    let mut command = Command::new("schemathesis");
    command
        .arg("run")
        .arg(format!("{}/openapi.json", server.base))
        .args(["--header", &format!("Authorization: Bearer {}", server.key)])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            EXAMPLES,
        ])
        .args(["--seed", SEED, "--no-color"])
        // It revokes keys as well, its own among them when it guesses; nothing else is spared.
        .args(["--exclude-path-regex", "^/v1/keys/"])
        .current_dir(folder.path());
    let run = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic");
    let run = run.expect("schemathesis is missing; `cargo xtask test -p stanchion` installs it");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
}
