//! What rendering takes at most, measured in a process of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use stanchion_media::{Encoding, Extent, JpegCodec, MediaError, Pipeline, Recipe};

use crate::samples::{
    animated_webp, gif, interlaced_png, jpeg, jpeg_with, png, scene, transparent_webp, webp,
};

const PICTURE: &str = "STANCHION_MEDIA_TEST_PICTURE";
const MARK: &str = "peak bytes: ";

fn pipeline() -> Pipeline {
    Pipeline {
        recipe: Recipe {
            jpeg_codec: JpegCodec::Rust,
            ..Recipe::default()
        },
        ..Pipeline::default()
    }
}

/// The most memory that this process ever had, without what has only been mapped.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes * 1024
}

/// Renders the picture that the environment names. Without one it has nothing to do.
#[test]
fn a_child_renders_and_tells_its_peak() {
    let Some(path) = std::env::var_os(PICTURE) else {
        return;
    };
    let before = peak_bytes();
    let picture = std::fs::read(path).unwrap();
    for encoding in Encoding::ALL {
        pipeline().render(&picture, encoding).unwrap();
    }
    writeln!(std::io::stdout(), "{MARK}{}", peak_bytes() - before).unwrap();
}

fn measured(picture: &Path) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "memory::a_child_renders_and_tells_its_peak",
            "--nocapture",
        ])
        .env(PICTURE, picture)
        // What is freed is given back at once, so that the peak is what is held and not what was.
        .env("MALLOC_MMAP_THRESHOLD_", "65536")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (_, peak) = text.split_once(MARK).unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

fn stays_within(name: &str, picture: &[u8], cap_bytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    std::fs::write(&path, picture).unwrap();
    let said = pipeline()
        .probe(picture, Extent::Whole)
        .unwrap()
        .memory_bytes;
    let peak = measured(&path);
    eprintln!(
        "{name}: {} MB said, {} MB taken",
        said / 1_000_000,
        peak / 1_000_000
    );
    assert!(said <= cap_bytes, "{name}: {said} of {cap_bytes}");
    assert!(peak <= said, "{name}: {peak} of {said}");
}

#[test]
fn a_baseline_jpeg_of_50_megapixels_takes_less_than_200_megabytes() {
    stays_within("baseline", &jpeg(8660, 5773), 200_000_000);
}

#[test]
fn no_format_takes_more_than_the_probe_says() {
    let caps = pipeline().caps.memory;
    let progressive = jpeg_with(&scene(3000, 2000), 3000, 2000, |encoder| {
        encoder.set_progressive(true);
    });
    stays_within("progressive", &progressive, caps.jpeg_progressive);
    stays_within("png", &png(5000, 3000), caps.png);
    stays_within(
        "interlaced",
        &interlaced_png(1500, 1000),
        caps.png_interlaced,
    );
    stays_within("webp", &webp(3000, 2000), caps.webp);
    stays_within("transparent webp", &transparent_webp(2000, 1500), caps.webp);
    stays_within("animated webp", &animated_webp(2000, 1500, 2), caps.webp);
    stays_within("gif", &gif(3000, 2000, 2), caps.gif);
}

#[test]
fn what_would_exceed_its_cap_is_refused_by_the_probe() {
    let picture = jpeg(1000, 800);
    let mut pipeline = pipeline();
    pipeline.caps.memory.jpeg = 5_000_000;
    let error = pipeline.probe(&picture, Extent::Whole).unwrap_err();
    assert!(
        matches!(
            error,
            MediaError::Memory {
                cap_bytes: 5_000_000,
                ..
            }
        ),
        "{error}"
    );
    // So is one that the decoder cannot shrink enough, since its rows are as short as the largest rendition.
    let pipeline = Pipeline::default();
    let tall = jpeg(2390, 4).to_vec();
    let frame = tall
        .windows(2)
        .position(|window| window == [0xff, 0xc0])
        .unwrap();
    let mut tall = tall;
    tall[frame + 5..frame + 7].copy_from_slice(&16_383_u16.to_be_bytes());
    let error = pipeline.probe(&tall, Extent::Prefix).unwrap_err();
    assert!(
        matches!(
            error,
            MediaError::Memory {
                cap_bytes: 200_000_000,
                ..
            }
        ),
        "{error}"
    );
}
