mod client;
mod cluster;
mod installation;
mod sentinels;
mod server;

use std::time::Duration;

use self::server::Server;
use crate::{eventually, free_port};

pub use self::cluster::RedisCluster;
pub use self::sentinels::{Sentinels, SentinelsOptions};

const DEADLINE: Duration = Duration::from_secs(20);

/// How a private Redis server differs from an empty primary on a port of its own choice.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// The loopback port to listen on, for a proxy that was started first; `None` takes a free one.
    pub port: Option<u16>,
    /// What clients and replicas must know: letters and digits.
    pub password: Option<String>,
    /// The loopback port of the primary to follow, or of a proxy in front of it.
    pub replica_of: Option<u16>,
    /// The loopback port that its primary and the Sentinels are told, when a proxy stands in front of it.
    pub announced_port: Option<u16>,
    /// Whether it is a node for a cluster, with a bus on a further free port. Alone it serves no slot.
    pub cluster: bool,
    /// More lines for `redis.conf`, as names and values in its own syntax; the later wins.
    pub settings: Vec<(String, String)>,
}

impl RedisOptions {
    fn lines(&self) -> String {
        let mut lines = String::from(
            "save \"\"\nappendonly no\nrdb-del-sync-files yes\nrepl-diskless-sync-delay 0\n\
             maxmemory-policy noeviction\n",
        );
        if let Some(password) = &self.password {
            lines.push_str(&format!("requirepass {password}\nmasterauth {password}\n"));
        }
        if let Some(port) = self.replica_of {
            lines.push_str(&format!("replicaof 127.0.0.1 {port}\n"));
        }
        if let Some(port) = self.announced_port {
            let address = "replica-announce-ip 127.0.0.1";
            lines.push_str(&format!("{address}\nreplica-announce-port {port}\n"));
        }
        if self.cluster {
            let bus = free_port();
            lines.push_str(&format!(
                "cluster-enabled yes\ncluster-port {bus}\ncluster-node-timeout 2000\n"
            ));
        }
        for (name, value) in &self.settings {
            lines.push_str(&format!("{name} {value}\n"));
        }
        lines
    }
}

/// A private Redis server on a loopback port, in a folder of its own, with nothing kept on disk.
///
/// It ends when this value is dropped, and also when our process ends in any other way, killed included.
#[derive(Debug)]
pub struct Redis {
    server: Server,
}

impl Redis {
    /// Starts a server for the caller alone and waits until it answers; takes some 50 ms. A replica may
    /// still have to copy its primary's data.
    ///
    /// # Panics
    /// When Redis is not installed (with the line that installs it) or does not start (with its log).
    pub async fn start(options: RedisOptions) -> Self {
        let password = options.password.clone();
        let is_plain = |word: &String| word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(
            password.as_ref().is_none_or(is_plain),
            "a password for a test has letters and digits alone"
        );
        let lines = || options.lines();
        let server = Server::start("redis-server", options.port, password, lines).await;
        Self { server }
    }

    /// The loopback port that the server listens on, the same after [`Redis::start_again`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The URL for clients, with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The process id; `None` after [`Redis::kill9`] and [`Redis::stop`].
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Runs one command on a connection of its own. Elements of a list come one a line, a nil as nothing.
    ///
    /// # Panics
    /// When the server refuses it or does not answer for 5 s.
    pub async fn command(&self, arguments: &[&str]) -> String {
        match self.try_command(arguments).await {
            Ok(answer) => answer,
            Err(error) => panic!("{arguments:?} on port {}: {error}", self.port()),
        }
    }

    /// As [`Redis::command`].
    ///
    /// # Errors
    /// What the server answered instead, its code first, or why there is no answer.
    pub async fn try_command(&self, arguments: &[&str]) -> Result<String, String> {
        self.server.ask(arguments).await
    }

    /// Waits until at least `count` replicas have the server's data and follow it.
    ///
    /// # Panics
    /// When they do not within 20 s.
    pub async fn wait_for_replicas(&self, count: usize) {
        eventually("the replicas follow", DEADLINE, || async {
            let replication = self.try_command(&["INFO", "replication"]).await;
            replication.is_ok_and(|text| following(&text) >= count)
        })
        .await;
    }

    /// Ends the server at once, as a crash does.
    ///
    /// # Panics
    /// When it was ended before.
    pub fn kill9(&self) {
        self.server.kill9();
    }

    /// Stops the server in order: it waits some seconds for replicas that lag.
    ///
    /// # Panics
    /// When it was ended before, or is paused and so does not end.
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    /// Starts the server again on its port, without data. What a Sentinel or the cluster told it about its
    /// part, it remembers.
    ///
    /// # Panics
    /// When it still runs or does not start.
    pub async fn start_again(&self) {
        self.server.start_again().await;
    }

    /// Freezes the server: connections stay open and nothing answers.
    ///
    /// # Panics
    /// When it was ended before.
    pub async fn pause(&self) {
        self.server.running().pause().await;
    }

    /// Lets the server go on after [`Redis::pause`].
    ///
    /// # Panics
    /// When it was ended before.
    pub fn resume(&self) {
        self.server.running().resume();
    }
}

/// How many replicas `INFO replication` lists as up to date.
fn following(replication: &str) -> usize {
    let replicas = replication
        .lines()
        .filter(|line| line.starts_with("slave") && line.contains("state=online"));
    replicas.count()
}
