//! A shell that owns the server and outlives us just long enough to stop it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::installation::Installation;

const SCRIPT: &str = include_str!("supervisor.sh");

/// The running supervisor of one server. Dropping it stops the server and waits for that; when our
/// process ends in any other way, the kernel closes the pipe and the supervisor does the same alone.
#[derive(Debug)]
pub(super) struct Supervisor {
    folder: PathBuf,
    shell: Mutex<Shell>,
}

#[derive(Debug)]
struct Shell {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    pub(super) fn start(installation: &Installation, folder: PathBuf) -> Self {
        let log = std::fs::File::create(folder.join("supervisor.log"))
            .expect("the new folder takes a log file");
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "supervisor"])
            .arg(&folder)
            .arg(&installation.bin)
            .arg(installation.owner.unwrap_or_default())
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            // A Ctrl-C is for the tests; the supervisor learns of their end by its pipe.
            .process_group(0)
            .spawn()
            .expect("a POSIX shell can be started");
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("the output is a pipe"));
        Self {
            folder,
            shell: Mutex::new(Shell {
                child,
                commands,
                answers,
            }),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives one command and waits for it to be done.
    ///
    /// # Errors
    /// The end of both logs, when the command failed.
    pub(super) fn run(&self, command: &str) -> Result<(), String> {
        let mut shell = self.shell.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = shell.ask(command).unwrap_or_else(|error| error.to_string());
        if answer.trim() == "ok" {
            return Ok(());
        }
        Err(format!("{command}: {answer}\n{}", self.logs()))
    }

    fn logs(&self) -> String {
        ["supervisor.log", "server.log"]
            .into_iter()
            .map(|name| {
                let text = std::fs::read(self.folder.join(name)).unwrap_or_default();
                let tail = &text[text.len().saturating_sub(4_000)..];
                format!("--- {name}\n{}", String::from_utf8_lossy(tail))
            })
            .collect()
    }
}

impl Shell {
    fn ask(&mut self, command: &str) -> std::io::Result<String> {
        let pipe = self.commands.as_mut().expect("open until dropped");
        writeln!(pipe, "{command}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let shell = self.shell.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(shell.commands.take());
        // An error here means that it is gone already.
        let _ended = shell.child.wait();
    }
}
