//! The server that the README's commands talk to.

use std::io::{BufRead as _, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use stanchion_kernel::Clock;

const START: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);
const STOP: Duration = Duration::from_secs(30);
const KEY_START: &str = "stn_";

/// A demo server in a folder of its own; killed when dropped.
pub(super) struct Server {
    child: Child,
    /// Host and port that it listens on.
    pub(super) address: String,
    /// The admin key that it printed.
    pub(super) key: String,
    lines: Receiver<String>,
    seen: Arc<Mutex<String>>,
}

impl Server {
    /// Starts the program and waits until it has printed an admin key and takes connections.
    pub(super) fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Self::start_on(free, program, folder)
    }

    fn start_on(address: SocketAddr, program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let address = address.to_string();
        let mut child = Command::new(program)
            .args(["serve", "--demo", "--listen", &address])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let (sender, lines) = channel();
        let seen = Arc::default();
        forward(child.stdout.take(), sender.clone(), &seen);
        forward(child.stderr.take(), sender, &seen);
        let mut server = Self {
            child,
            address,
            key: String::new(),
            lines,
            seen,
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let clock = Clock::system();
        let start = clock.monotonic();
        loop {
            let listens = || TcpStream::connect(&self.address).is_ok();
            if !self.key.is_empty() && listens() {
                return Ok(());
            }
            match self.lines.recv_timeout(GLANCE) {
                Ok(line) => {
                    if let Some(key) = key_of(&line) {
                        key.clone_into(&mut self.key);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the server ended before it was ready\n{}", self.output())
                }
            }
            let waited = clock.monotonic().saturating_sub(start);
            ensure!(
                waited < START,
                "no admin key or no listener after {START:?}\n{}",
                self.output()
            );
        }
    }

    /// All that the server has printed.
    pub(super) fn output(&self) -> String {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Asks the server to end, as Ctrl-C does, and expects it to do so in order.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status()?;
        ensure!(
            status.success(),
            "the server was gone before it was stopped\n{}",
            self.output()
        );
        let clock = Clock::system();
        let start = clock.monotonic();
        // Both outputs end with the process.
        loop {
            let waited = clock.monotonic().saturating_sub(start);
            match self.lines.recv_timeout(STOP.saturating_sub(waited)) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("still runs {STOP:?} after Ctrl-C\n{}", self.output())
                }
            }
        }
        let status = self.child.wait()?;
        ensure!(
            status.success(),
            "the server ended with {status}\n{}",
            self.output()
        );
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Neither fails for a process that has ended already.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}

fn forward(
    pipe: Option<impl Read + Send + 'static>,
    sender: Sender<String>,
    seen: &Arc<Mutex<String>>,
) {
    let Some(pipe) = pipe else { return };
    let seen = Arc::clone(seen);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend([line.as_str(), "\n"]);
            // Nobody may wait any more, and the pipe must be emptied all the same.
            let _nobody = sender.send(line);
        }
    });
}

fn key_of(line: &str) -> Option<&str> {
    let key = &line[line.find(KEY_START)?..];
    let end =
        key.find(|symbol: char| !symbol.is_ascii_alphanumeric() && symbol != '_' && symbol != '-');
    Some(&key[..end.unwrap_or(key.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in for the binary, a shell script; the test listens in its stead.
    fn start(script: &str) -> anyhow::Result<(Server, TcpListener)> {
        let folder = tempfile::tempdir()?;
        let (text, program) = (folder.path().join("text"), folder.path().join("stanchion"));
        std::fs::write(&text, format!("#!/bin/bash\n{script}\n"))?;
        // Written by another process: a program that this one has open, if only in a child of another test that is about
        // to start, cannot be started.
        let mut install = Command::new("install");
        let installed = install.arg("-m755").args([&text, &program]).status()?;
        ensure!(installed.success(), "{installed}");
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let server = Server::start_on(listener.local_addr()?, &program, folder.path())?;
        Ok((server, listener))
    }

    #[test]
    fn a_key_is_taken_out_of_its_line() {
        assert_eq!(
            key_of("admin key: stn_Ab1_x-Y_z (shown once)"),
            Some("stn_Ab1_x-Y_z")
        );
        assert_eq!(key_of("listening on 127.0.0.1:8080"), None);
    }

    #[test]
    fn a_server_that_ends_early_is_an_error_with_its_output() {
        let error = start("echo \"$1 $2 $3\"; echo broken >&2; exit 3")
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("serve --demo --listen") && error.contains("broken"),
            "{error}"
        );
    }

    #[test]
    fn a_server_that_ends_in_order_on_an_interrupt_is_stopped() {
        let script = "trap 'exit 0' INT; echo key: stn_a_b; while :; do sleep 0.01; done";
        let (server, _listener) = start(script).unwrap();
        assert_eq!(server.key, "stn_a_b");
        server.stop().unwrap();
    }

    #[test]
    fn a_server_that_ends_in_disorder_on_an_interrupt_is_an_error() {
        let script = "trap 'echo lost >&2; exit 1' INT; echo stn_a_b; while :; do sleep 0.01; done";
        let (server, _listener) = start(script).unwrap();
        let error = server.stop().unwrap_err().to_string();
        assert!(error.contains("lost"), "{error}");
    }
}
