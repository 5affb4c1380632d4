mod cells;
mod pictures;
mod sharp;
mod similarity;

use std::path::{Path, PathBuf};

use stanchion_media::{Encoding, JpegCodec, Pipeline, Recipe};
use tempfile::TempDir;

use crate::report::Report;
use cells::{Cell, Measured, Source, Tool};
use sharp::Sharp;

/// The width that the targets are about: 2725 × 2225 becomes 720 × 588.
const WIDTH: u32 = 720;

/// What to measure, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Pictures of each round. Of PNG and WebP, which take longer and have no target, a fifth.
    #[arg(long, default_value_t = 30)]
    pictures: u32,
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the study is written.
    #[arg(long, default_value = "docs/studies")]
    out: PathBuf,
}

/// What the parts of the study share.
struct Bench {
    folder: TempDir,
    sharp: Sharp,
    pictures: u32,
    rounds: usize,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let bench = Bench {
        sharp: Sharp::install(folder.path())?,
        folder,
        pictures: options.pictures,
        rounds: options.rounds,
    };
    pictures::make(&bench)?;
    let mut report = Report::new("Pictures, measured");
    let cells = cells::measure(&bench)?;
    targets(&mut report, &cells);
    several(&bench, &mut report)?;
    demo(&mut report)?;
    report.section("Every source and encoding", &cells::table(&cells));
    report.data("cells", &cells)?;
    eprintln!("{}", report.markdown());
    report.write(Path::new(&options.out), "media")
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Our codecs beside sharp, from JPEG to JPEG.
fn targets(report: &mut Report, cells: &[(Cell, Measured)]) {
    let of = |tool| {
        let wanted = Cell {
            source: Source::Jpeg,
            encoding: Encoding::Jpeg,
            tool,
        };
        let found = cells.iter().find(|(cell, _)| *cell == wanted);
        found.map(|(_, measured)| measured)
    };
    let Some(sharp) = of(Tool::Sharp) else {
        return;
    };
    for (tool, factor) in [(Tool::Rust, 1.1), (Tool::Turbojpeg, 0.8)] {
        let Some(ours) = of(tool) else { continue };
        report.row(
            &format!("2725 × 2225 JPEG to 720 × 588, {tool}, CPU"),
            format!("{:.1} ms", ours.cpu_ms),
            format!("sharp {:.1} ms", sharp.cpu_ms),
            &format!("≤ {factor} ×"),
            Some(ours.cpu_ms <= factor * sharp.cpu_ms),
        );
        report.row(
            &format!("the same, {tool}, SSIM to a resize of the whole"),
            format!("{:.4}, {} bytes", ours.ssim, ours.bytes),
            format!("sharp {:.4}, {} bytes", sharp.ssim, sharp.bytes),
            "not lower",
            // The fourth digit is rounding.
            Some(ours.ssim + 0.0005 >= sharp.ssim),
        );
    }
}

/// Three renditions beside the largest of them.
fn several(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let bytes = std::fs::read(bench.path(Source::Jpeg.file()))?;
    for codec in [JpegCodec::Rust, JpegCodec::Turbojpeg] {
        let widths = [vec![1200], vec![1200, 600, 200]];
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..bench.rounds {
            for (widths, times) in widths.iter().zip(&mut times) {
                let pipeline = pipeline(codec, widths.clone());
                times.push(cells::cpu_ms(bench.pictures, || {
                    pipeline.render(&bytes, Encoding::Jpeg).map(drop)
                })?);
            }
        }
        let [one, three] = times.map(cells::median);
        report.row(
            &format!("1200, 600 and 200 from one decoding, {}", Tool::of(codec)),
            format!("{three:.1} ms"),
            format!("1200 alone {one:.1} ms"),
            "≤ 1.6 ×",
            Some(three <= 1.6 * one),
        );
    }
    Ok(())
}

/// What a demonstration waits for.
fn demo(report: &mut Report) -> anyhow::Result<()> {
    let mut bytes = 0;
    let each_ms = cells::cpu_ms(200, || {
        bytes += stanchion_media::demo::picture(bytes as u64, "tents")?.len();
        Ok(())
    })?;
    let seconds = each_ms * 200.0 / 1000.0;
    report.row(
        "200 pictures for the demonstration, CPU",
        format!("{seconds:.2} s"),
        format!("{} bytes each", bytes / 200),
        "< 2 s",
        Some(seconds < 2.0),
    );
    Ok(())
}

fn pipeline(jpeg_codec: JpegCodec, widths: Vec<u32>) -> Pipeline {
    let recipe = Recipe {
        jpeg_codec,
        widths,
        ..Recipe::default()
    };
    Pipeline {
        recipe,
        ..Pipeline::default()
    }
}
