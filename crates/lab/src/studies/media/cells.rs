//! One source, one encoding, one tool.

use std::fmt::{self, Write as _};

use serde::Serialize;
use stanchion_media::{Encoding, JpegCodec, MediaError};

use super::{Bench, WIDTH, pipeline, similarity};
use crate::cpu;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Source {
    Jpeg,
    Png,
    Webp,
}

impl Source {
    pub(super) const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Webp];

    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Jpeg => "source.jpg",
            Self::Png => "source.png",
            Self::Webp => "source.webp",
        }
    }

    /// How many pictures there are of it, of so many JPEGs.
    fn pictures(self, jpegs: u32) -> u32 {
        match self {
            Self::Jpeg => jpegs,
            Self::Png | Self::Webp => (jpegs / 5).max(1),
        }
    }
}

/// What renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Tool {
    Rust,
    Turbojpeg,
    Sharp,
}

impl Tool {
    const ALL: [Self; 3] = [Self::Rust, Self::Turbojpeg, Self::Sharp];

    pub(super) fn of(codec: JpegCodec) -> Self {
        match codec {
            JpegCodec::Rust => Self::Rust,
            JpegCodec::Turbojpeg => Self::Turbojpeg,
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "pure Rust",
            Self::Turbojpeg => "turbojpeg",
            Self::Sharp => "sharp",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cell {
    pub(super) source: Source,
    pub(super) encoding: Encoding,
    pub(super) tool: Tool,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Measured {
    pub(super) cpu_ms: f64,
    pub(super) bytes: usize,
    pub(super) ssim: f64,
    pub(super) colours_db: f64,
}

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Vec<(Cell, Measured)>> {
    let mut cells = Vec::new();
    for source in Source::ALL {
        let reference = bench.sharp.reference(&bench.path(source.file()), WIDTH)?;
        for encoding in Encoding::ALL {
            let mut times = Tool::ALL.map(|_| Vec::new());
            let mut rendered = Tool::ALL.map(|_| Vec::new());
            // Tools take turns, so that a busy moment of the machine is no one's.
            for _ in 0..bench.rounds {
                for (index, tool) in Tool::ALL.into_iter().enumerate() {
                    let cell = Cell {
                        source,
                        encoding,
                        tool,
                    };
                    let (time, bytes) = round(bench, cell)?;
                    times[index].push(time);
                    rendered[index] = bytes;
                }
            }
            for (index, tool) in Tool::ALL.into_iter().enumerate() {
                let seen = bench.sharp.pixels(&rendered[index])?;
                let measured = Measured {
                    cpu_ms: median(std::mem::take(&mut times[index])),
                    bytes: rendered[index].len(),
                    ssim: similarity::ssim(&reference, &seen, WIDTH as usize),
                    colours_db: similarity::colours_db(&reference, &seen),
                };
                eprintln!("{source:?} {encoding:?} {tool}: {measured:?}");
                let cell = Cell {
                    source,
                    encoding,
                    tool,
                };
                cells.push((cell, measured));
            }
        }
    }
    Ok(cells)
}

/// CPU milliseconds of a picture, and the rendition.
fn round(bench: &Bench, cell: Cell) -> anyhow::Result<(f64, Vec<u8>)> {
    let file = bench.path(cell.source.file());
    let pictures = cell.source.pictures(bench.pictures);
    let codec = match cell.tool {
        Tool::Sharp => {
            return bench.sharp.render(&file, WIDTH, cell.encoding, pictures);
        }
        Tool::Rust => JpegCodec::Rust,
        Tool::Turbojpeg => JpegCodec::Turbojpeg,
    };
    let sent = std::fs::read(file)?;
    let pipeline = pipeline(codec, vec![WIDTH]);
    let mut bytes = Vec::new();
    let time = cpu_ms(pictures, || {
        bytes = pipeline.render(&sent, cell.encoding)?.swap_remove(0).bytes;
        Ok(())
    })?;
    Ok((time, bytes))
}

/// CPU milliseconds of a call, of many.
pub(super) fn cpu_ms(
    calls: u32,
    mut call: impl FnMut() -> Result<(), MediaError>,
) -> anyhow::Result<f64> {
    call()?;
    let before = cpu::of(std::process::id()).own;
    for _ in 0..calls {
        call()?;
    }
    let used = cpu::of(std::process::id()).own - before;
    Ok(used * 1000.0 / f64::from(calls))
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

pub(super) fn table(cells: &[(Cell, Measured)]) -> String {
    let mut text = String::from(
        "| from | to | by | CPU-ms | pictures/s per core | bytes | SSIM | colours, dB |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (cell, measured) in cells {
        let _ = writeln!(
            text,
            "| {:?} | {:?} | {} | {:.1} | {:.0} | {} | {:.4} | {:.1} |",
            cell.source,
            cell.encoding,
            cell.tool,
            measured.cpu_ms,
            1000.0 / measured.cpu_ms,
            measured.bytes,
            measured.ssim,
            measured.colours_db,
        );
    }
    text + "\n2725 × 2225 becomes 720 × 588, JPEG of quality 80 and WebP of quality 75, one thread each. The reference of SSIM, \
            which sees brightness alone, and of colours is made by sharp from all pixels, with the same filter."
}
