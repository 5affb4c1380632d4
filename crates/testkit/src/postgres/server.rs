//! One private server: its folder, its port, and the supervisor that owns it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PostgresOptions;
use super::installation::Installation;
use super::supervisor::Supervisor;
use crate::{Certificate, free_port};

#[derive(Debug)]
pub(super) struct Server {
    installation: Installation,
    supervisor: Supervisor,
    port: u16,
    tls: bool,
}

impl Server {
    /// Makes a folder, initialises a cluster in it and starts it on a free port.
    pub(super) fn start(options: &PostgresOptions) -> Self {
        let installation = Installation::find();
        let folder = installation.make_folder();
        let supervisor = Supervisor::start(&installation, folder);
        let mut server = Self {
            installation,
            supervisor,
            port: free_port(),
            tls: options.tls,
        };
        server.must(&format!("initialise {}", options.wal_segment_mb));
        server.configure(&options.lines());
        if options.tls {
            server.install_certificate(&Certificate::for_loopback());
        }
        server.start_on_a_free_port();
        server
    }

    /// Another program may take the port between our look at it and the server's start.
    fn start_on_a_free_port(&mut self) {
        for _ in 0..4 {
            self.configure(&format!("port = {}\n", self.port));
            match self.supervisor.run("start") {
                Ok(()) => return,
                Err(error) if error.contains("Address already in use") => self.port = free_port(),
                Err(error) => panic!("PostgreSQL does not start: {error}"),
            }
        }
        panic!("PostgreSQL found four ports taken, one after the other");
    }

    /// Runs a command of the supervisor that has no business to fail.
    pub(super) fn must(&self, command: &str) {
        if let Err(error) = self.supervisor.run(command) {
            panic!("PostgreSQL's supervisor failed to {error}");
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.supervisor.folder()
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn pid(&self) -> Option<u32> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.folder().join("authority.pem")
    }

    pub(super) fn url(&self, database: &str) -> String {
        let query = if self.tls {
            let authority = self.authority();
            format!("?sslmode=verify-full&sslrootcert={}", authority.display())
        } else {
            "?sslmode=disable".to_owned()
        };
        format!(
            "postgres://postgres@127.0.0.1:{}/{database}{query}",
            self.port
        )
    }

    /// Runs one statement, or several in one transaction, and returns the rows as psql prints them
    /// unaligned: one a line, columns divided by `|`.
    pub(super) fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = Command::new(self.installation.bin.join("psql"))
            .args(["-X", "-A", "-t", "-q", "-h", "127.0.0.1", "-U", "postgres"])
            .args(["-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql])
            .args(["-p", &self.port.to_string()])
            .env("PGSSLMODE", "prefer")
            // A paused server accepts the connection and then says nothing.
            .env("PGCONNECT_TIMEOUT", "3")
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned())
    }

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    fn configure(&self, lines: &str) {
        fs::OpenOptions::new()
            .append(true)
            .open(self.data().join("postgresql.conf"))
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .expect("a new cluster has a postgresql.conf");
    }

    fn install_certificate(&self, certificate: &Certificate) {
        let key = self.data().join("server.key");
        let write = |path: &Path, text: &str| {
            fs::write(path, text).expect("the server's folder takes a file");
        };
        write(&self.authority(), &certificate.authority);
        write(&self.data().join("server.crt"), &certificate.certificate);
        write(&key, &certificate.key);
        // Clear text is refused, so that a test cannot pass without TLS by accident.
        write(
            &self.data().join("pg_hba.conf"),
            "hostssl all all 127.0.0.1/32 trust\n",
        );
        // The server refuses a key that others may read.
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("the key is ours");
        self.installation.give(&key);
        let reachable = fs::Permissions::from_mode(0o711);
        fs::set_permissions(self.folder(), reachable).expect("the folder is ours");
    }
}
