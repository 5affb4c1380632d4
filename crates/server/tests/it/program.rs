//! Runs the real binary.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;
use stanchion_testkit::{Program, Running};

/// Longer than anything takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The binary in `folder`, with the SQLite file `shop.db` there. Nothing limits what a test sends.
pub(crate) fn stanchion(folder: &Path) -> Program {
    Program::new(env!("CARGO_BIN_EXE_stanchion"))
        .cwd(folder)
        .env("STANCHION_DATABASE__URL", "sqlite:shop.db")
        .env("STANCHION_LIMITER__ENABLED", "false")
}

/// Runs a command to its end.
pub(crate) async fn finish(program: Program) -> (ExitStatus, Running) {
    let running = program.start();
    let status = running.wait(DEADLINE).await;
    (status, running)
}

/// Runs a command that has to go well, and answers what it printed.
pub(crate) async fn succeed(program: Program) -> String {
    let (status, running) = finish(program).await;
    assert!(
        status.success(),
        "{status}\n{}{}",
        running.stdout(),
        running.stderr()
    );
    running.stdout()
}

/// Makes a key by this program, for these scopes.
pub(crate) async fn new_key(program: Program, scopes: &str) -> String {
    let program = program.args(["key", "create", "--name", "t", "--json", "--scopes", scopes]);
    let made: Value = serde_json::from_str(&succeed(program).await).expect("JSON");
    made["key"].as_str().expect("a key").to_owned()
}

/// Runs a command that has to fail with exit code 1, and answers what it complained.
pub(crate) async fn fail(program: Program) -> String {
    let (status, running) = finish(program).await;
    assert_eq!(
        status.code(),
        Some(1),
        "{}{}",
        running.stdout(),
        running.stderr()
    );
    running.stderr()
}
