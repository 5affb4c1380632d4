//! What befalls the workers, their database and their way to it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::TransactionBehavior;
use stanchion_jobs::JobRow;
use stanchion_kernel::Clock;
use stanchion_testkit::{Database, Direction, Postgres, Proxy, eventually, hold};

use super::LONG;
use super::crew::{self, Crew};
use super::member::LEASE;
use super::scene::Scene;

/// One fault; the number is a worker's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Killed(usize),
    /// It stands still for longer than its leases, and goes on.
    Paused(usize),
    /// PostgreSQL is stopped in order, and started again.
    Restarted,
    /// All processes of PostgreSQL die at once.
    Crashed,
    /// Its connections are closed, and no new one is made.
    Cut(usize),
    /// Its connections stay open, and what is sent in this direction gets nowhere.
    Lost(usize, Direction),
    /// No file of the database may grow any more.
    Full,
}

impl Fault {
    /// The worker that it befalls; none when it befalls all.
    fn victim(self) -> Option<usize> {
        match self {
            Self::Killed(worker)
            | Self::Paused(worker)
            | Self::Cut(worker)
            | Self::Lost(worker, _) => Some(worker),
            Self::Restarted | Self::Crashed | Self::Full => None,
        }
    }
}

/// Longer than a lease, and than what is waited for an answer.
const OUTAGE: Duration = Duration::from_secs(3);

/// The database, and the ways that lead there.
pub(super) enum Ways {
    Postgres {
        server: Postgres,
        database: Database,
        /// Each worker's own.
        proxies: Vec<Proxy>,
    },
    Sqlite {
        file: PathBuf,
        max_bytes: u64,
    },
}

/// Where faults happen.
pub(super) struct Place {
    pub(super) scene: Scene,
    pub(super) crew: Crew,
    pub(super) ways: Ways,
}

impl Place {
    /// Lets a fault happen while work is under way; then waits until all that was in the hands of workers has gone on,
    /// and work goes on without suspects.
    pub(super) async fn strike(&self, fault: Fault) {
        let clock = Clock::system();
        let held = self.held(fault).await;
        let began = clock.monotonic();
        self.happen(fault, &held).await;
        let over = clock.monotonic();
        let gone_on = || async { self.scene.are_over(&held).await && self.scene.is_calm().await };
        eventually("all jobs have gone on", LONG, gone_on).await;
        let lasted = over.saturating_sub(began);
        let recovery = clock.monotonic().saturating_sub(over);
        eprintln!(
            "{fault:?}: {} jobs in hands, lasted {lasted:.1?}, recovered {recovery:.1?} later",
            held.len()
        );
    }

    /// Waits for a moment at which the fault can show and be told from poison; answers what is in the hands of workers.
    async fn held(&self, fault: Fault) -> Vec<JobRow> {
        let held = Mutex::new(Vec::new());
        let calm = || async {
            if !self.scene.is_calm().await {
                return false;
            }
            let running = self.scene.running().await.unwrap_or_default();
            let shows = running.iter().any(|job| {
                let victim = fault.victim();
                victim.is_none_or(|victim| is_in_the_hands_of(victim, job))
            });
            *held.lock().expect("no panic") = running;
            shows
        };
        eventually("work is under way", LONG, calm).await;
        held.into_inner().expect("no panic")
    }

    async fn happen(&self, fault: Fault, held: &[JobRow]) {
        match (fault, &self.ways) {
            (Fault::Killed(worker), _) => {
                self.stopped(worker).await;
                self.crew.member(worker).kill9();
            }
            (Fault::Paused(worker), _) => self.outlive_a_pause(worker).await,
            (Fault::Restarted, Ways::Postgres { server, .. }) => {
                server.stop().await;
                server.start_again().await;
            }
            (Fault::Crashed, Ways::Postgres { server, .. }) => {
                server.kill9().await;
                server.start_again().await;
            }
            (Fault::Cut(worker), Ways::Postgres { proxies, .. }) => {
                self.stopped(worker).await;
                proxies[worker].cut();
                self.crew.member(worker).resume();
                hold("a worker cannot connect", OUTAGE).await;
                proxies[worker].heal();
            }
            (Fault::Lost(worker, direction), Ways::Postgres { proxies, .. }) => {
                let proxy = &proxies[worker];
                self.stopped(worker).await;
                proxy.drop_bytes(direction);
                self.crew.member(worker).resume();
                let something = || async { proxy.dropped_bytes(direction) > 0 };
                eventually("something gets lost", LONG, something).await;
                hold("a worker's connections are a hole", OUTAGE).await;
                proxy.heal();
            }
            (
                Fault::Full,
                Ways::Postgres {
                    server, database, ..
                },
            ) => {
                server.bound_files(bloat(database).await + ROOM).await;
                self.lack_room("could not extend file").await;
                server.unbound_files().await;
                database.psql(TIDY).await;
            }
            (Fault::Full, Ways::Sqlite { file, max_bytes }) => {
                // All the room that the file may have.
                ballast(file, Some(*max_bytes)).await;
                self.lack_room("no space left").await;
                ballast(file, None).await;
            }
            (fault, _) => panic!("{fault:?} cannot happen to this database; {held:?}"),
        }
    }

    /// Stops a worker, until others have done its jobs. When it wakes, nothing of that changes.
    async fn outlive_a_pause(&self, worker: usize) {
        let held = self.pause_at_work(worker).await;
        let zombie = self.crew.member(worker);
        let over = || self.scene.are_over(&held);
        eventually("the jobs of a worker that sleeps are taken", LONG, over).await;
        let ended = || async {
            let rows = self.rows(&held).await;
            rows.iter().all(|job| job.state.is_final())
        };
        eventually("the jobs of a worker that sleeps are done", LONG, ended).await;
        let before = self.rows(&held).await;
        zombie.resume();
        // Its own, or that of its next life: what it slept through may have been poison.
        let awake = || async {
            let running = self.scene.running().await.unwrap_or_default();
            running.iter().any(|job| is_in_the_hands_of(worker, job))
        };
        eventually("the worker that slept works again", LONG, awake).await;
        assert_eq!(
            self.rows(&held).await,
            before,
            "a sleeper changed something"
        );
    }

    /// Stops a worker with jobs in its hands, and none that runs alone: of such a one nobody could tell a fault from its poison.
    /// Answers its jobs.
    async fn stopped(&self, worker: usize) -> Vec<JobRow> {
        let held = Mutex::new(Vec::new());
        let at_work = || async {
            let member = self.crew.member(worker);
            if !member.try_pause().await {
                return false;
            }
            let its = self.its(worker).await;
            let is_telling = !its.is_empty() && its.iter().all(|job| !job.alone);
            if !is_telling {
                member.resume();
            }
            *held.lock().expect("no panic") = its;
            is_telling
        };
        eventually("the worker is stopped at its work", LONG, at_work).await;
        held.into_inner().expect("no panic")
    }

    /// What is in the hands of a worker.
    async fn its(&self, worker: usize) -> Vec<JobRow> {
        let running = self.scene.running().await.expect("a database in order");
        let its = running.into_iter();
        its.filter(|job| is_in_the_hands_of(worker, job)).collect()
    }

    /// Stops a worker with jobs in its hands, at a moment at which others can go on: on SQLite not within a transaction.
    async fn pause_at_work(&self, worker: usize) -> Vec<JobRow> {
        for _ in 0..100 {
            let held = self.stopped(worker).await;
            let zombie = self.crew.member(worker);
            let before = self.scene.last_done().await.expect("a database in order");
            hold("a worker sleeps", LEASE / 8).await;
            let now = self.scene.last_done().await.expect("a database in order");
            if now > before {
                return held;
            }
            zombie.resume();
        }
        panic!("others never go on while worker {worker} sleeps");
    }

    async fn rows(&self, held: &[JobRow]) -> Vec<JobRow> {
        let mut rows = Vec::with_capacity(held.len());
        for one in held {
            let job = self.scene.job(one.id).await;
            rows.push(job.expect("a job that is there"));
        }
        rows
    }

    /// Waits until a job could not be done for want of room, of which the database says this, and then for longer than a lease.
    async fn lack_room(&self, complaint: &str) {
        let said = || async { self.crew.has_said(complaint) };
        eventually("the disk is full", LONG, said).await;
        hold("the disk is full", OUTAGE).await;
    }
}

fn is_in_the_hands_of(worker: usize, job: &JobRow) -> bool {
    let name = crew::name_of_all_lives(worker);
    job.worker
        .as_deref()
        .is_some_and(|worker| worker.starts_with(&name))
}

/// How much files may still grow: the largest one does while it is bound.
const ROOM: u64 = 256 << 10;
/// How far the history is from being the largest file, or a segment of the write-ahead log; and its size.
const SIZES: &str = "SELECT greatest(1048576, max(pg_relation_size(oid))) - pg_relation_size('stanchion_jobs.history'),
    pg_relation_size('stanchion_jobs.history') FROM pg_class WHERE relkind IN ('r', 'i', 't')";
/// Each makes the history twice as large.
const DOUBLINGS: u32 = 20;
const UNTIDY: &str = "ALTER TABLE stanchion_jobs.history SET (autovacuum_enabled = off)";
const BLOAT: &str = "BEGIN; UPDATE stanchion_jobs.history SET kind = kind; ROLLBACK";
const TIDY: &str = "ALTER TABLE stanchion_jobs.history RESET (autovacuum_enabled)";

/// Makes the history the largest file of a database: each completion needs room there, while the rows of jobs find that of
/// others that have gone. Answers its size.
async fn bloat(database: &Database) -> u64 {
    database.psql(UNTIDY).await;
    for _ in 0..DOUBLINGS {
        let sizes = database.psql(SIZES).await;
        let (lacks, size) = sizes.split_once('|').expect("two columns");
        if lacks == "0" {
            return size.parse().expect("a number");
        }
        database.psql(BLOAT).await;
    }
    panic!("the history never becomes the largest file");
}

const BALLAST: &str = "CREATE TABLE ballast (bytes BLOB)";
const LOAD: &str = "INSERT INTO ballast VALUES (zeroblob(1048576))";
const UNLOAD: &str = "DROP TABLE ballast";

/// Puts so many bytes into the file, or takes them out again; its pages are free then.
async fn ballast(file: &Path, bytes: Option<u64>) {
    let file = file.to_owned();
    let load = move || -> rusqlite::Result<()> {
        let mut connection = rusqlite::Connection::open(file)?;
        connection.busy_timeout(LONG)?;
        let Some(bytes) = bytes else {
            return connection.execute_batch(UNLOAD);
        };
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(BALLAST)?;
        for _ in 0..=bytes / (1 << 20) {
            tx.execute_batch(LOAD)?;
        }
        tx.commit()
    };
    let loaded = tokio::task::spawn_blocking(load).await;
    loaded
        .expect("no panic")
        .expect("a file that can be written");
}
