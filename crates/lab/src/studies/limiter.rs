mod advice;
mod central;
pub(crate) mod envoy;
mod faults;
mod figure;
mod fleet;
mod keepers;
mod local;
mod matrix;
mod plan;
mod request;
mod tables;
mod ways;
pub(crate) mod worker;

use std::path::PathBuf;

use crate::load::Window;
use crate::meter::Meter;
use crate::report::Report;
use faults::Ends;
use matrix::Cells;

/// What to measure, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds of each cell. Faults last as long as they need.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Only the parts whose names contain one of these, such as `local`, `request`, `one-redis`, `leases/8/below`, `faults/partition` or
    /// `envoy`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where the study is written.
    #[arg(long, default_value = "docs/studies")]
    out: PathBuf,
}

/// What the parts of the study share.
struct Bench {
    meter: Meter,
    window: Window,
    only: Vec<String>,
    cells: Cells,
    ends: Ends,
    report: Report,
}

const BATCHES: &str = "stanchion_limiter_batch_calls";

impl Bench {
    /// Whether a part of the study is wanted.
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut bench = Bench {
        meter: Meter::install(BATCHES)?,
        window: Window::of(options.seconds),
        only: options.only.clone(),
        cells: Cells::default(),
        ends: Ends::default(),
        report: Report::new("Limits, measured"),
    };
    // First, since it needs a program that may be missing.
    central::measure(&mut bench).await?;
    local::measure(&mut bench).await?;
    request::measure(&mut bench).await?;
    matrix::measure(&mut bench).await?;
    faults::measure(&mut bench).await?;
    envoy::measure(&mut bench).await?;
    write(&mut bench, options)
}

fn write(bench: &mut Bench, options: &Options) -> anyhow::Result<()> {
    let Bench {
        cells,
        ends,
        report,
        ..
    } = bench;
    if !(cells.is_empty() && ends.is_empty()) {
        report.section("What to choose when", &advice::text(cells, ends));
    }
    report.data("ways", &*cells)?;
    if !cells.is_empty() {
        let picture = "![ways against servers](limiter.svg)\n\n";
        report.section(
            "Ways and servers",
            &(picture.to_owned() + &tables::ways(cells)),
        );
        std::fs::create_dir_all(&options.out)?;
        figure::draw(cells, &options.out.join("limiter.svg"))?;
    }
    report.data("faults", &*ends)?;
    if !ends.is_empty() {
        report.section("Faults", &tables::faults(ends));
    }
    eprintln!("{}", report.markdown());
    report.write(&options.out, "limiter")
}
