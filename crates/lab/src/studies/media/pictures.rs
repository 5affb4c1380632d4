//! A picture with the detail of a photograph: noise of all sizes in soft colours, with edges.

use super::Bench;
use super::cells::Source;

const WIDTH: u32 = 2725;
const HEIGHT: u32 = 2225;

/// The sides of the noise's squares in pixels, and how strong it is.
const OCTAVES: [(u32, f64); 6] = [
    (512, 90.0),
    (128, 50.0),
    (32, 24.0),
    (8, 12.0),
    (4, 7.0),
    (2, 4.0),
];

/// Writes the source in all formats.
pub(super) fn make(bench: &Bench) -> anyhow::Result<()> {
    let raw = bench.path("source.raw");
    std::fs::write(&raw, pixels())?;
    for source in Source::ALL {
        let to = bench.path(source.file());
        bench.sharp.convert(&raw, (WIDTH, HEIGHT), &to)?;
    }
    Ok(())
}

fn pixels() -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let light = noise(x, y, 0);
            let warmth = soft(x, y, 700, 1) * 60.0;
            let edge = if (x / 340 + y / 290) % 3 == 0 {
                35.0
            } else {
                0.0
            };
            let values = [light + warmth + edge, light + edge, light - warmth];
            bytes.extend(values.map(|value| (128.0 + value).clamp(0.0, 255.0) as u8));
        }
    }
    bytes
}

fn noise(x: u32, y: u32, seed: u32) -> f64 {
    let octave = |&(side, strength): &(u32, f64)| soft(x, y, side, seed + side) * strength;
    OCTAVES.iter().map(octave).sum()
}

/// Noise from -1 to 1 that is even within a square's side.
fn soft(x: u32, y: u32, side: u32, seed: u32) -> f64 {
    let (column, row) = (x / side, y / side);
    let fraction = |at: u32| f64::from(at % side) / f64::from(side);
    let (right, down) = (fraction(x), fraction(y));
    let between = |a: f64, b: f64, part: f64| a + (b - a) * part * part * (3.0 - 2.0 * part);
    let top = between(
        corner(column, row, seed),
        corner(column + 1, row, seed),
        right,
    );
    let bottom = between(
        corner(column, row + 1, seed),
        corner(column + 1, row + 1, seed),
        right,
    );
    between(top, bottom, down)
}

fn corner(column: u32, row: u32, seed: u32) -> f64 {
    let mut mixed = column
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add(row.wrapping_mul(0x85eb_ca77))
        .wrapping_add(seed.wrapping_mul(0xc2b2_ae3d));
    mixed = (mixed ^ mixed >> 15).wrapping_mul(0x2c1b_3c6d);
    mixed = (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39);
    f64::from(mixed ^ mixed >> 15) / f64::from(u32::MAX) * 2.0 - 1.0
}
