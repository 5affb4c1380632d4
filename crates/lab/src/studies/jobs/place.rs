//! Databases with a queue and nothing else.

use std::path::PathBuf;

use stanchion_jobs::{Job, Jobs, JobsError, NewJob};
use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_store::{Migrations, Store, StoreConfig};

use super::Bench;
use super::cost::Cost;
use crate::database::{Database, Empty};

const MIGRATIONS: [Migrations; 2] = [stanchion_store::MIGRATIONS, stanchion_jobs::MIGRATIONS];
/// How many jobs are enqueued together.
pub(super) const BULK: u64 = 1_000;

/// The jobs of most parts: they do nothing.
pub(super) struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "lab.nothing";
    type Args = u64;
}

/// A fresh database, as one server has it.
pub(super) struct Place {
    pub(super) url: String,
    pub(super) store: Store,
    pub(super) jobs: Jobs,
    database: Option<stanchion_testkit::Database>,
    /// The process of PostgreSQL.
    server: Option<u32>,
}

impl Place {
    pub(super) async fn open(bench: &Bench, database: Database) -> anyhow::Result<Self> {
        let empty = database.empty(&bench.postgres, bench.folder.path());
        let Empty { url, database } = empty.await?;
        let store = open(&url).await?;
        store.migrate(&MIGRATIONS).await?;
        store.ready().await?;
        let ids = Ids::new(Clock::system(), Entropy::system());
        let jobs = Jobs::new(stanchion_jobs::port::open(&store), ids);
        Ok(Self {
            url,
            store,
            jobs,
            server: database.as_ref().and(bench.postgres.pid()),
            database,
        })
    }

    /// The file of a database that is one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        self.url.strip_prefix("sqlite:").map(PathBuf::from)
    }

    /// Counts what the processors do from now on.
    pub(super) fn cost(&self) -> Cost {
        Cost::begin(self.server)
    }

    /// Asks PostgreSQL something, one row a line.
    pub(super) async fn ask(&self, sql: &str) -> Option<String> {
        match &self.database {
            Some(database) => Some(database.psql(sql).await),
            None => None,
        }
    }

    /// Enqueues so many jobs that do nothing.
    pub(super) async fn fill(&self, jobs: u64) -> Result<(), JobsError> {
        for _ in 0..jobs.div_ceil(BULK) {
            enqueue(&self.jobs, BULK).await?;
        }
        Ok(())
    }
}

/// The database as another server has it.
pub(super) async fn open(url: &str) -> anyhow::Result<Store> {
    let config = StoreConfig::new(url);
    Ok(Store::open(config, Clock::system(), Entropy::system()).await?)
}

/// Enqueues so many jobs that do nothing, in one call.
pub(super) async fn enqueue(jobs: &Jobs, count: u64) -> Result<(), JobsError> {
    let bulk: Result<Vec<NewJob>, _> = (0..count).map(|n| jobs.job::<Nothing>(&n)).collect();
    jobs.enqueue_all(None, bulk?).await.map(drop)
}
