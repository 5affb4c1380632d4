mod advice;
mod cells;
mod crowd;
mod figure;
mod http;
mod ledger;
mod matrix;
mod peer;
mod promises;
mod skus;
mod tables;

use std::path::PathBuf;

use stanchion_testkit::{Postgres, PostgresOptions};
use tempfile::TempDir;

use crate::load::{self, Window};
use crate::meter::Meter;
use crate::report::Report;
use cells::{Cells, Measured, Spread};

/// What to measure, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds of each cell.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Only the parts whose names contain one of these, such as `postgresql/hot/64/batched`, `sqlite`, `promises` or
    /// `http`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where the study is written.
    #[arg(long, default_value = "docs/studies")]
    out: PathBuf,
}

/// What the parts of the study share.
struct Bench {
    folder: TempDir,
    postgres: Postgres,
    meter: Meter,
    window: Window,
    only: Vec<String>,
    cells: Cells,
    report: Report,
}

/// A client of pgbench and one of ours each have a connection, and there are some for the feed and for us.
const CONNECTIONS: u32 = 300;
const BATCHES: &str = "stanchion_stock_batch_commands";
const CONFLICTS: &str = "stanchion_stock_conflicts_total";

impl Bench {
    async fn start(options: &Options) -> anyhow::Result<Self> {
        let durable = PostgresOptions {
            fsync: true,
            max_connections: CONNECTIONS,
            ..PostgresOptions::default()
        };
        Ok(Self {
            folder: tempfile::tempdir()?,
            postgres: Postgres::start(durable).await,
            meter: Meter::install(BATCHES)?,
            window: Window::of(options.seconds),
            only: options.only.clone(),
            cells: Cells::default(),
            report: Report::new("Stock, measured"),
        })
    }

    /// Keeps `clients` calls under way, and counts how many attempts were outpaced meanwhile.
    async fn load<F, R, E>(&self, clients: usize, call: F) -> anyhow::Result<Measured>
    where
        F: Fn(f64) -> R + Clone + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        let conflicts = || self.meter.total(CONFLICTS);
        let (loaded, retries) = load::run_counting(clients, self.window, conflicts, call).await?;
        Ok(Measured {
            per_second: loaded.per_second(),
            p50_ms: loaded.p50_ms,
            p99_ms: loaded.p99_ms,
            retries_per_second: retries / loaded.took,
            failures_per_second: loaded.failures_per_second(),
        })
    }

    /// Whether a part of the study is wanted.
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut bench = Bench::start(options).await?;
    // First, since it needs a program that may be missing, which nobody wants to hear after ten minutes.
    http::measure(&mut bench).await?;
    peer::prepare(&bench.postgres).await;
    for spread in Spread::ALL {
        peer::measure(&mut bench, spread)?;
    }
    matrix::measure(&mut bench).await?;
    promises::measure(&mut bench).await?;
    crowd::measure(&mut bench).await?;
    matrix::judge_adaptive(&mut bench).await?;
    write(&mut bench, options)
}

fn write(bench: &mut Bench, options: &Options) -> anyhow::Result<()> {
    let Bench { cells, report, .. } = bench;
    report.data("cells", &*cells)?;
    if !cells.is_empty() {
        let figure = "![throughput against clients](stock.svg)\n\n";
        report.section("What to choose when", &advice::text(cells));
        report.section("All cells", &(figure.to_owned() + &tables::text(cells)));
        std::fs::create_dir_all(&options.out)?;
        figure::draw(cells, &options.out.join("stock.svg"))?;
    }
    eprintln!("{}", report.markdown());
    report.write(&options.out, "stock")
}
