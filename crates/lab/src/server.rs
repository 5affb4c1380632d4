use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use stanchion_testkit::{Program, Running};

/// The binary under study, built for release.
pub(crate) struct Binary(PathBuf);

/// A server of it, ended with this value.
pub(crate) struct Server {
    running: Running,
    pub base: String,
}

const START: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

impl Binary {
    pub(crate) fn build() -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        // Build scripts look at what cargo tells us of our own package, and would run again each time.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&name);
            }
        }
        let built = build
            .args([
                "build",
                "--release",
                "--package",
                "stanchion",
                "--message-format=json",
            ])
            .stderr(std::process::Stdio::inherit())
            .output()?;
        ensure!(built.status.success(), "the server does not build");
        let text = String::from_utf8(built.stdout)?;
        let path = text.lines().rev().find_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            (message["target"]["name"] == "stanchion")
                .then(|| message["executable"].as_str().map(PathBuf::from))
                .flatten()
        });
        Ok(Self(path.context("cargo names no executable")?))
    }

    /// The command with `database` as its database.
    pub(crate) fn command(&self, database: &str, arguments: &[&str]) -> Program {
        Program::new(&self.0)
            .args(arguments)
            .env("STANCHION_DATABASE__URL", database)
            .env("STANCHION_DATABASE__AUTO_MIGRATE", "true")
            .env("STANCHION_TELEMETRY__LEVEL", "warn")
            // A study loads a server from one address, with all that it takes.
            .env("STANCHION_LIMITER__ENABLED", "false")
    }

    pub(crate) async fn serve(&self, database: &str, more: &[&str]) -> anyhow::Result<Server> {
        let port = stanchion_testkit::free_port();
        let listen = format!("127.0.0.1:{port}");
        let arguments = [&["serve", "--listen", &listen], more].concat();
        let running = self.command(database, &arguments).start();
        let base = format!("http://{listen}");
        wait_until_up(&listen).await?;
        Ok(Server { running, base })
    }

    /// The secret of a new key with these scopes.
    pub(crate) async fn create_key(&self, database: &str, scopes: &str) -> anyhow::Result<String> {
        let arguments = [
            "key", "create", "--name", "lab", "--scopes", scopes, "--json",
        ];
        let running = self.command(database, &arguments).start();
        let status = running.wait(MINUTE).await;
        ensure!(status.success(), "{}", running.stderr());
        let answer: serde_json::Value = serde_json::from_str(&running.stdout())?;
        Ok(answer["key"].as_str().context("a key")?.to_owned())
    }
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }
}

/// Waits for the first answer to a request.
pub(crate) async fn wait_until_up(address: &str) -> anyhow::Result<()> {
    let up = async {
        loop {
            if let Ok(answer) = get(address, "/healthz").await
                && answer.starts_with("HTTP/1.1 200")
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(START, up)
        .await
        .context("the server does not answer")
}

/// One plain request on a connection of its own.
pub(crate) async fn get(address: &str, path: &str) -> anyhow::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n");
    ask(address, &request).await
}

/// One request with a body and a key, on a connection of its own.
pub(crate) async fn post(
    address: &str,
    path: &str,
    key: &str,
    body: &str,
) -> anyhow::Result<String> {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    ask(address, &request).await
}

async fn ask(address: &str, request: &str) -> anyhow::Result<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer)?)
}

/// The resident memory of a process, and the most that it had, in MiB.
pub(crate) fn memory_mib(pid: u32) -> Option<(f64, f64)> {
    let status =
        std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}
