mod bulk;
mod footprint;
mod reads;
mod writes;

use std::path::{Path, PathBuf};

use stanchion_testkit::{Postgres, PostgresOptions};
use tempfile::TempDir;

use crate::report::Report;
use crate::server::Binary;

/// What to measure, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Products of the reads' catalogue.
    #[arg(long, default_value_t = 100_000)]
    products: usize,
    /// Lines of the import and export whose memory is measured.
    #[arg(long, default_value_t = 200_000)]
    lines: usize,
    /// Seconds of each load.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// The long form: 10^6 lines.
    #[arg(long)]
    soak: bool,
    /// Where the study is written.
    #[arg(long, default_value = "docs/studies")]
    out: PathBuf,
}

/// What the parts of the study share.
struct Bench {
    binary: Binary,
    folder: TempDir,
    postgres: Postgres,
    seconds: u32,
    report: Report,
}

/// One of the two databases under study.
struct Database {
    name: &'static str,
    url: String,
}

impl Bench {
    fn databases(&self) -> [Database; 2] {
        let file = self.folder.path().join("catalog.db");
        [
            Database {
                name: "SQLite",
                url: format!("sqlite:{}", file.display()),
            },
            Database {
                name: "PostgreSQL",
                url: self.postgres.url(),
            },
        ]
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let durable = PostgresOptions {
        fsync: true,
        ..PostgresOptions::default()
    };
    let mut bench = Bench {
        binary: Binary::build()?,
        folder: tempfile::tempdir()?,
        postgres: Postgres::start(durable).await,
        seconds: options.seconds,
        report: Report::new("The catalogue, measured"),
    };
    footprint::measure(&mut bench).await?;
    let lines = if options.soak {
        1_000_000
    } else {
        options.lines
    };
    bulk::measure(&mut bench, options.products, lines).await?;
    reads::measure(&mut bench).await?;
    writes::measure(&mut bench).await?;
    eprintln!("{}", bench.report.markdown());
    bench.report.write(Path::new(&options.out), "catalog")
}
