use std::time::Duration;

use stanchion_testkit::{Program, Running, TempDir, eventually, hold};

use crate::is_alive;

const DEADLINE: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

#[tokio::test]
async fn output_and_errors_are_captured_and_the_status_is_told() {
    let folder = TempDir::new().unwrap();
    let program = shell("cat; pwd; echo $COLOUR >&2; exit 3")
        .env("COLOUR", "green")
        .cwd(folder.path())
        .input(b"given\n")
        .start();
    assert_eq!(program.wait(DEADLINE).await.code(), Some(3));
    let real = folder.path().canonicalize().unwrap();
    assert_eq!(program.stdout(), format!("given\n{}\n", real.display()));
    assert_eq!(program.stderr(), "green\n");
}

#[tokio::test]
async fn a_line_is_waited_for_in_both_outputs() {
    let program = shell("echo one >&2; printf 'two and more\\n'; exec tail -f /dev/null").start();
    assert_eq!(program.wait_for_line("two", DEADLINE).await, "two and more");
    assert_eq!(program.wait_for_line("one", DEADLINE).await, "one");
}

#[tokio::test]
#[should_panic(expected = "the only line")]
async fn a_program_that_ends_without_the_line_fails_at_once_with_its_output() {
    let program = shell("echo the only line").start();
    program
        .wait_for_line("another", Duration::from_secs(600))
        .await;
}

#[tokio::test]
async fn signals_reach_the_program() {
    // A shell cannot catch what its parent ignored when it started, as one in the background does with INT.
    let script = "trap 'echo asked; exit 0' TERM INT; echo ready; while :; do sleep 0.01; done";
    let polite = || Program::new("env").args(["--default-signal=INT", "sh", "-c", script]);
    for signal in [Running::terminate, Running::interrupt] {
        let program = polite().start();
        program.wait_for_line("ready", DEADLINE).await;
        signal(&program);
        assert!(program.wait(DEADLINE).await.success());
        assert_eq!(program.stdout(), "ready\nasked\n");
        // It has ended: its id may be another's by now and gets no signal.
        signal(&program);
    }
}

#[tokio::test]
async fn a_paused_program_does_nothing_until_resumed() {
    let program = shell("while :; do echo alive; sleep 0.01; done").start();
    program.wait_for_line("alive", DEADLINE).await;
    program.pause().await;
    let before = program.stdout();
    hold(
        "a program that runs would have written",
        Duration::from_millis(200),
    )
    .await;
    assert_eq!(program.stdout(), before);

    program.resume();
    eventually("the program goes on", DEADLINE, || async {
        program.stdout() != before
    })
    .await;
}

#[tokio::test]
async fn a_paused_program_is_gone_when_dropped() {
    let program = shell("exec tail -f /dev/null").start();
    let pid = program.pid();
    program.pause().await;
    drop(program);
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_killed_program_has_no_say() {
    let program =
        shell("trap 'echo asked' TERM INT; echo ready; while :; do sleep 0.01; done").start();
    program.wait_for_line("ready", DEADLINE).await;
    program.kill9();
    assert!(!is_alive(program.pid()));
    assert_eq!(program.stdout(), "ready\n");
}

#[tokio::test]
async fn a_dropped_program_is_gone() {
    let program = shell("exec tail -f /dev/null").start();
    let pid = program.pid();
    assert!(is_alive(pid));
    drop(program);
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_program_ends_when_the_test_process_is_killed() {
    let holder = Program::new(env!("CARGO_BIN_EXE_program-holder")).start();
    let line = holder.wait_for_line("holding ", DEADLINE).await;
    let pid = line.trim_start_matches("holding ").parse().unwrap();
    assert!(is_alive(pid));
    holder.kill9();
    eventually("the program is gone", DEADLINE, || async { !is_alive(pid) }).await;
}
