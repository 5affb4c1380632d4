//! The process that decodes a picture: a decoder may abort, hang or eat memory, and the queue must not.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use serde::{Deserialize, Serialize};
use stanchion_jobs::Failure;
use stanchion_media::{Pipeline, RenderTask, Rendition};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::Settings;

/// The most that is kept of what the process says.
const MAX_ANSWER: u64 = 64 << 10;
/// The program that runs, whatever became of its file.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// What the process is told, as JSON on its standard input.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    /// What is accepted, and what is made of it.
    pub(crate) pipeline: Pipeline,
    /// As what.
    pub(crate) encoding: stanchion_media::Encoding,
    /// Processor time, in seconds.
    pub(crate) cpu_seconds: u64,
    /// Who waits for it: it ends when this process does.
    pub(crate) parent: u32,
}

/// What it answers, as JSON on its standard output.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The renditions are in its folder.
    Made(Vec<Made>),
    /// The picture cannot be rendered.
    Refused(String),
    /// It was not rendered, by no fault of its own.
    Failed(String),
}

/// A rendition in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Made {
    /// What it is.
    pub(crate) rendition: Rendition,
    /// How many bytes it has.
    pub(crate) bytes: u64,
    /// The file's name in the folder.
    pub(crate) file: String,
}

/// A picture that no attempt can render.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Renders the file `original` in a folder into other files in it.
pub(super) async fn render(
    settings: &Settings,
    task: &RenderTask,
    folder: &Path,
) -> Result<Vec<Made>, Failure> {
    let within = settings.render_within;
    let order = Order {
        pipeline: Pipeline {
            recipe: task.recipe.clone(),
            ..settings.pipeline.clone()
        },
        encoding: task.encoding,
        cpu_seconds: within
            .as_millis()
            .div_ceil(1_000)
            .try_into()
            .unwrap_or(u64::MAX),
        parent: std::process::id(),
    };
    let Ok(ended) = tokio::time::timeout(within, run(&order, folder)).await else {
        return Err(Failure::TimedOut(format!(
            "rendering took longer than {within:?}"
        )));
    };
    let (status, answer, said) = ended?;
    if !status.success() {
        return Err(died(status, &said));
    }
    let unread = |error| Failure::Crash(format!("the process answered nothing of use: {error}"));
    match serde_json::from_slice(&answer).map_err(unread)? {
        Answer::Made(made) => Ok(made),
        Answer::Refused(why) => Err(Failure::permanent(Refused(why))),
        Answer::Failed(why) => Err(Failure::Error(why.into())),
    }
}

/// Its status, what it answered, and what it said besides.
async fn run(order: &Order, folder: &Path) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let program = if Path::new(OWN_PROGRAM).exists() {
        OWN_PROGRAM.into()
    } else {
        std::env::current_exe()?
    };
    let mut child = Command::new(program)
        .arg("render")
        .current_dir(folder)
        .env_clear()
        // The allocator takes addresses as it needs them, and gives memory back at once: its limit is on both.
        .env("MIMALLOC_ARENA_RESERVE", "32MiB")
        .env("MIMALLOC_PURGE_DELAY", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let order = serde_json::to_vec(order)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that has died already is seen by its status.
        let _ = stdin.write_all(&order).await;
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (answer, said) = tokio::join!(read(stdout), read(stderr));
    Ok((child.wait().await?, answer, said))
}

/// What comes until the end, of which the beginning is kept.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    if let Some(mut pipe) = pipe {
        // An error ends it as the end does: the status says what happened.
        let _ = (&mut pipe).take(MAX_ANSWER).read_to_end(&mut kept).await;
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    kept
}

/// Why a process died.
fn died(status: ExitStatus, said: &[u8]) -> Failure {
    use std::os::unix::process::ExitStatusExt as _;

    const SIGXCPU: i32 = 24;
    let said = String::from_utf8_lossy(said);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    let message = match last {
        Some(last) => format!("the process that rendered ended with {status}: {last}"),
        None => format!("the process that rendered ended with {status}"),
    };
    if said.contains("memory allocation of") {
        Failure::OutOfMemory(message)
    } else if status.signal() == Some(SIGXCPU) {
        Failure::TimedOut(message)
    } else {
        Failure::Crash(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn a_death_is_told_by_its_signal_and_its_last_words() {
        let death = |raw, said: &str| died(ExitStatus::from_raw(raw), said.as_bytes());
        let (abort, kill, cpu, panicked) = (6, 9, 24, 101 << 8);
        let memory = "memory allocation of 400000000 bytes failed\n";
        assert!(
            matches!(death(abort, memory), Failure::OutOfMemory(why) if why.contains("400000000"))
        );
        assert!(matches!(death(abort, "double free"), Failure::Crash(_)));
        assert!(matches!(death(kill, ""), Failure::Crash(why) if why.contains("signal: 9")));
        assert!(matches!(death(cpu, ""), Failure::TimedOut(_)));
        assert!(
            matches!(death(panicked, "thread 'main' panicked\n"), Failure::Crash(why) if why.contains("panicked"))
        );
    }
}
