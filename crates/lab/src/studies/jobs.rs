mod backlog;
mod cost;
mod enqueue;
mod flow;
mod peer;
mod pickup;
mod place;
mod rates;
mod recovery;
mod snapshot;
mod team;
mod vacuum;
pub(crate) mod worker;

use std::path::PathBuf;

use stanchion_testkit::{Postgres, PostgresOptions};
use tempfile::TempDir;

use crate::database::Database;
use crate::report::Report;
use crate::spreading::Spreading;

/// What to measure, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds of each window; rates are the middle of three.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// How many jobs wait in the large backlog.
    #[arg(long, default_value_t = 200_000)]
    backlog: u64,
    /// For how many seconds a snapshot is held open.
    #[arg(long, default_value_t = 20)]
    snapshot: u32,
    /// The long form: a backlog of 10^6, and a snapshot that is open for ten minutes.
    #[arg(long)]
    soak: bool,
    /// Only the parts whose names contain one of these, such as `peer`, `postgresql/rates` or `sqlite`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where the study is written.
    #[arg(long, default_value = "docs/studies")]
    out: PathBuf,
}

const SOAK_BACKLOG: u64 = 1_000_000;
const SOAK_SNAPSHOT_S: u32 = 600;

/// What the parts of the study share.
struct Bench {
    folder: TempDir,
    postgres: Postgres,
    seconds: u32,
    backlog: u64,
    snapshot: u32,
    only: Vec<String>,
    /// What pgbench reaches, once that was measured.
    floor: Option<Floor>,
    report: Report,
}

/// The best of what pgbench reached.
#[derive(Clone, Copy)]
struct Floor {
    per_second: f64,
    clients: u32,
}

impl Bench {
    async fn start(options: &Options) -> anyhow::Result<Self> {
        let durable = PostgresOptions {
            fsync: true,
            ..PostgresOptions::default()
        };
        let (backlog, snapshot) = if options.soak {
            (SOAK_BACKLOG, SOAK_SNAPSHOT_S)
        } else {
            (options.backlog, options.snapshot)
        };
        Ok(Self {
            folder: tempfile::tempdir()?,
            postgres: Postgres::start(durable).await,
            seconds: options.seconds,
            backlog,
            snapshot,
            only: options.only.clone(),
            floor: None,
            report: Report::new("Jobs, measured"),
        })
    }

    /// Whether a part of the study is wanted.
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    /// Whether a part is wanted on a database.
    fn wants_on(&self, database: Database, part: &str) -> bool {
        self.wants(&format!("{}/{part}", database.title().to_lowercase()))
    }

    /// A rate, and what it should be at least.
    fn rate(&mut self, what: &str, rate: Spreading, beside: String, least: Option<f64>) {
        let target = least.map(|least| format!("≥ {least:.0}/s"));
        self.report.row(
            what,
            rate.rate(),
            beside,
            &target.unwrap_or_default(),
            least.map(|least| rate.median >= least),
        );
    }

    /// A rate under a burden beside the same without it.
    fn fall(&mut self, what: &str, (burdened, free): (Spreading, Spreading)) {
        let ratio = burdened.median / free.median;
        self.report.row(
            what,
            burdened.rate(),
            format!("{ratio:.2} × {} without", free.rate()),
            "≥ 0.8 ×",
            Some(ratio >= LEAST_LEFT),
        );
    }
}

/// What a rate may fall to under a burden.
const LEAST_LEFT: f64 = 0.8;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut bench = Bench::start(options).await?;
    // First, since it needs a program that may be missing.
    peer::measure(&mut bench).await?;
    for database in Database::ALL {
        enqueue::measure(&mut bench, database).await?;
        rates::measure(&mut bench, database).await?;
        pickup::measure(&mut bench, database).await?;
        recovery::measure(&mut bench, database).await?;
        backlog::measure(&mut bench, database).await?;
        snapshot::measure(&mut bench, database).await?;
    }
    bench
        .report
        .section("What is measured", include_str!("jobs/measured.md"));
    eprintln!("{}", bench.report.markdown());
    bench.report.write(&options.out, "jobs")
}
