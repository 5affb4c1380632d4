mod database;
mod installation;
mod plan;
mod server;
mod supervisor;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;

use self::database::Templates;
use self::server::Server;

pub use self::database::Database;
pub use self::plan::{Plan, walk};

const PAGE_BYTES: u64 = 8192;

/// How a private server differs from the one that most tests share.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Whether commits reach the disk. Off makes tests faster; a killed process loses nothing either way.
    pub fsync: bool,
    /// How many connections the server takes at a time.
    pub max_connections: u32,
    /// Whether clients must use TLS, with a certificate for `127.0.0.1` from a fresh authority.
    pub tls: bool,
    /// The size of a segment of the write-ahead log in MB, a power of 2 from 1 to 1024.
    pub wal_segment_mb: u32,
    /// More lines for `postgresql.conf`, as names and values; the later wins.
    pub settings: Vec<(String, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            fsync: false,
            max_connections: 200,
            tls: false,
            wal_segment_mb: 16,
            settings: Vec::new(),
        }
    }
}

impl PostgresOptions {
    fn lines(&self) -> String {
        let switch = |on| if on { "on" } else { "off" };
        let mut lines = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = {fsync}\n\
             full_page_writes = {fsync}\nsynchronous_commit = on\nmax_connections = {connections}\n\
             ssl = {tls}\n",
            fsync = switch(self.fsync),
            connections = self.max_connections,
            tls = switch(self.tls),
        );
        for (name, value) in &self.settings {
            lines.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        lines
    }
}

/// A private PostgreSQL server on a free loopback port, in a folder of its own.
///
/// It ends when this value is dropped, and also when our process ends in any other way, killed
/// included: then a supervisor stops exactly this server and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    server: Arc<Server>,
    templates: Templates,
}

impl Postgres {
    /// The one server that all tests of this process share. Do not stop, kill or pause it:
    /// a test that does so starts its own.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED
            .get_or_init(|| Self::start(PostgresOptions::default()))
            .await
    }

    /// Starts a server for the caller alone; takes about 2 s.
    ///
    /// # Panics
    /// When PostgreSQL is not installed (with the line that installs it) or does not start (with its log).
    pub async fn start(options: PostgresOptions) -> Self {
        let started = tokio::task::spawn_blocking(move || Arc::new(Server::start(&options))).await;
        match started {
            Ok(server) => Self {
                server,
                templates: Templates::default(),
            },
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// A fresh database with the tables of `template`: the first caller's `migrate` gets the URL of an
    /// empty database and fills it, every caller gets a copy. A template's name is lower-case letters,
    /// digits and `_`; one name stands for one set of tables.
    ///
    /// # Panics
    /// When `migrate` does, or when the server is down.
    pub async fn database<F, Fut>(&self, template: &str, migrate: F) -> Database
    where
        F: FnOnce(String) -> Fut,
        Fut: Future<Output = ()>,
    {
        self.templates
            .instantiate(&self.server, template, migrate)
            .await
    }

    /// A fresh database with nothing in it.
    ///
    /// # Panics
    /// When the server is down.
    pub async fn empty_database(&self) -> Database {
        self.templates.copy(&self.server, "template0").await
    }

    /// The URL of the server's own database `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url("postgres")
    }

    /// The loopback port that the server listens on, the same after [`Postgres::start_again`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The process id of the postmaster; `None` while the server is stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// The folder of the data, the logs and the certificates. It goes with the server.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// The certificate that a client must trust, with [`PostgresOptions::tls`]; URLs name it already.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.server.authority()
    }

    /// Runs SQL in the database `postgres` as the administrator. One row a line, columns divided by `|`.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn psql(&self, sql: &str) -> String {
        database::psql(&self.server, "postgres", sql).await
    }

    /// Ends every process of the server at once, as a crash does.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn kill9(&self) {
        self.command("crash").await;
    }

    /// Stops the server in order: open transactions are rolled back, connections closed.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn stop(&self) {
        self.command("stop").await;
    }

    /// Starts the server again on its folder and port, and waits until it has recovered.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&self) {
        self.command("start").await;
    }

    /// Freezes every process of the server: connections stay open and nothing answers.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn pause(&self) {
        self.command("pause").await;
    }

    /// Lets the server go on after [`Postgres::pause`].
    ///
    /// # Panics
    /// When it is not running.
    pub async fn resume(&self) {
        self.command("resume").await;
    }

    /// Lets no file of the server grow beyond so many bytes, as on a disk that is full: what needs more is told that no space is
    /// left, and the server goes on. A segment of the write-ahead log must fit, or it does not. It lasts until the next start at
    /// most.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn bound_files(&self, bytes: u64) {
        // Within a page, where a write comes short, as on a full disk. At its end it would be an error of another kind.
        let bytes = bytes.next_multiple_of(PAGE_BYTES) + PAGE_BYTES / 2;
        self.command(&format!("bound {bytes}")).await;
    }

    /// Lets files grow again after [`Postgres::bound_files`].
    ///
    /// # Panics
    /// When it is not running.
    pub async fn unbound_files(&self) {
        self.command("bound unlimited").await;
    }

    async fn command(&self, command: &str) {
        let (server, command) = (Arc::clone(&self.server), command.to_owned());
        if let Err(error) = tokio::task::spawn_blocking(move || server.must(&command)).await {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}
