//! One process of Redis, whatever its part: its folder, its port and its configuration.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::{client, installation};
use crate::{Program, Running, eventually, free_port};

const DEADLINE: Duration = Duration::from_secs(20);
// Redis rewrites it itself when a Sentinel tells it to.
const CONFIGURATION: &str = "redis.conf";

#[derive(Debug)]
pub(super) struct Server {
    program: PathBuf,
    port: u16,
    password: Option<String>,
    // Before the folder: fields are dropped in order.
    running: Mutex<Option<Arc<Running>>>,
    folder: TempDir,
}

impl Server {
    /// Starts `program` on `port`, or on a free one, with the lines of configuration that `lines` gives.
    pub(super) async fn start(
        program: &str,
        port: Option<u16>,
        password: Option<String>,
        lines: impl Fn() -> String,
    ) -> Self {
        let mut server = Self {
            program: installation::find(program),
            port: 0,
            password,
            running: Mutex::new(None),
            folder: TempDir::new().expect("a temporary folder can be made"),
        };
        // Another program may take a port between our look at it and the server's start.
        for _ in 0..4 {
            server.port = port.unwrap_or_else(free_port);
            server.configure(&lines());
            match server.launch().await {
                Ok(()) => return server,
                Err(log) if port.is_none() && log.contains("Address already in use") => {}
                Err(log) => panic!("{program} does not start:\n{log}"),
            }
        }
        panic!("{program} found a port taken four times in a row");
    }

    fn configure(&self, lines: &str) {
        let text = format!("port {}\nbind 127.0.0.1\n{lines}", self.port);
        fs::write(self.folder.path().join(CONFIGURATION), text)
            .expect("the server's folder takes a file");
    }

    /// Starts the process and waits until it answers; the error is its log.
    async fn launch(&self) -> Result<(), String> {
        let program = Program::new(&self.program).arg(CONFIGURATION);
        let running = program.cwd(self.folder.path()).start();
        // Of two servers that meet on a port, only the one with our process's id is ours.
        let ours = format!("process_id:{}", running.pid());
        eventually("a Redis server answers", DEADLINE, || async {
            let answer = self.ask(&["INFO", "server"]).await;
            running.has_ended() || answer.is_ok_and(|info| info.lines().any(|line| line == ours))
        })
        .await;
        if running.has_ended() {
            return Err(running.stdout() + &running.stderr());
        }
        *self.slot() = Some(Arc::new(running));
        Ok(())
    }

    pub(super) async fn start_again(&self) {
        assert!(self.pid().is_none(), "the server runs already");
        if let Err(log) = self.launch().await {
            panic!("Redis does not start again on port {}:\n{log}", self.port);
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    pub(super) fn url(&self) -> String {
        let port = self.port;
        match &self.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{port}/"),
            None => format!("redis://127.0.0.1:{port}/"),
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.slot().as_ref().map(|running| running.pid())
    }

    pub(super) fn is_awake(&self) -> bool {
        let slot = self.slot();
        slot.as_ref().is_some_and(|running| !running.is_paused())
    }

    pub(super) fn running(&self) -> Arc<Running> {
        let running = self.slot().clone();
        running.expect("the server was started and not ended since")
    }

    pub(super) fn kill9(&self) {
        self.running().kill9();
        self.forget();
    }

    pub(super) async fn stop(&self) {
        let running = self.running();
        running.terminate();
        running.wait(DEADLINE).await;
        self.forget();
    }

    pub(super) async fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        let (port, password) = (self.port, self.password.clone());
        let owned: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        // A thread of its own: a server that is paused keeps its client waiting.
        tokio::task::spawn_blocking(move || client::ask(port, password.as_deref(), &owned))
            .await
            .expect("the client does not panic")
    }

    fn forget(&self) {
        let ended = self.slot().take();
        drop(ended);
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
