//! The process that renders, by itself: what the probe admits it renders within its bounds, and what is sent to do harm ends it
//! at most.

#[path = "../../../../media/tests/it/samples.rs"]
#[expect(
    clippy::unwrap_used,
    dead_code,
    reason = "the tests of the crate that renders use all of it, and know it to go well"
)]
mod samples;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use jpeg_encoder::ColorType;
use serde_json::{Value, json};
use stanchion_media::{Extent, Pipeline};
use stanchion_testkit::{Program, TempDir};

use crate::program::DEADLINE;
use samples::{
    animated_webp, gif, interlaced_png, jpeg, jpeg_of, jpeg_with, png, png_by_hand, scene,
    transparent_webp, webp, zlib,
};

/// A process has had its time of the processor.
const SIGXCPU: i32 = 24;

/// What the process says of a picture; nothing when it died.
async fn answer(picture: &[u8], encoding: &str) -> Option<Value> {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("original"), picture).expect("written");
    let order = json!({
        "pipeline": {}, "encoding": encoding, "cpu_seconds": 60, "parent": std::process::id(),
    });
    let running = Program::new(env!("CARGO_BIN_EXE_stanchion"))
        .arg("render")
        .cwd(folder.path())
        // As a worker sets it.
        .env("MIMALLOC_ARENA_RESERVE", "32MiB")
        .env("MIMALLOC_PURGE_DELAY", "0")
        .input(order.to_string().as_bytes())
        .start();
    let status = running.wait(DEADLINE).await;
    if !status.success() {
        eprintln!("{status}: {}", running.stderr());
        return None;
    }
    let answer: Value = serde_json::from_str(&running.stdout()).expect("an answer");
    for made in answer["Made"].as_array().into_iter().flatten() {
        let file = folder.path().join(made["file"].as_str().expect("a name"));
        assert_eq!(json!(length(&file)), made["bytes"], "{made}");
    }
    Some(answer)
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).expect("a file").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_probe_admits_is_rendered_within_the_bounds_of_its_process() {
    let progressive = jpeg_with(&scene(3000, 2000), 3000, 2000, |encoder| {
        encoder.set_progressive(true);
    });
    let inks = jpeg_of(&scene(1200, 1000), 900, 1000, ColorType::Cmyk, |_| {});
    for (name, picture) in [
        ("JPEG of 50 megapixels", jpeg(8660, 5773)),
        ("progressive JPEG", progressive),
        ("CMYK", inks),
        ("PNG", png(5000, 3000)),
        ("interlaced PNG", interlaced_png(1500, 1000)),
        ("WebP", webp(3000, 2000)),
        ("transparent WebP", transparent_webp(1500, 1000)),
        ("animated WebP", animated_webp(2000, 1500, 2)),
        ("GIF", gif(3000, 2000, 2)),
    ] {
        Pipeline::default()
            .probe(&picture, Extent::Whole)
            .expect("admitted");
        for encoding in ["jpeg", "webp"] {
            let answer = answer(&picture, encoding).await;
            let answer = answer.unwrap_or_else(|| panic!("{name} as {encoding}: it died"));
            let made = answer["Made"].as_array().map(Vec::len);
            assert_eq!(made, Some(3), "{name} as {encoding}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_to_do_harm_is_refused_and_kills_nothing() {
    let whole = jpeg(600, 400);
    let closed = [&whole[..whole.len() / 2], &[0xff, 0xd9]].concat();
    let few = [&[0][..], &[9; 900]].concat().repeat(100);
    let few = png_by_hand(300, 200, [8, 2, 0, 0, 0], &[(b"IDAT", zlib(&few))]);
    let bomb = png_by_hand(60_000, 60_000, [8, 2, 0, 0, 0], &[(b"IDAT", zlib(&[]))]);
    for (name, picture) in [
        ("nothing", Vec::new()),
        ("text", b"hello".to_vec()),
        ("a cut JPEG", whole[..whole.len() / 2].to_vec()),
        ("a JPEG that is cut and closed", closed),
        ("a PNG of too few rows", few),
        ("a bomb", bomb),
        (
            "a JPEG with a page behind",
            [&whole[..], b"<script>alert(1)</script>"].concat(),
        ),
    ] {
        for encoding in ["jpeg", "webp"] {
            let answer = answer(&picture, encoding).await;
            let answer = answer.unwrap_or_else(|| panic!("{name} as {encoding}: it died"));
            let is_told = answer["Refused"].is_string() || answer["Made"].is_array();
            assert!(is_told, "{name} as {encoding}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_process_whose_worker_has_ended_renders_nothing() {
    let order = json!({"pipeline": {}, "encoding": "jpeg", "cpu_seconds": 60, "parent": 1});
    let folder = TempDir::new().expect("a folder");
    let running = Program::new(env!("CARGO_BIN_EXE_stanchion"))
        .arg("render")
        .cwd(folder.path())
        .input(order.to_string().as_bytes())
        .start();
    assert_eq!(running.wait(DEADLINE).await.code(), Some(1));
    assert!(
        running.stderr().contains("confined"),
        "{}",
        running.stderr()
    );
}

#[tokio::test]
async fn a_process_that_has_had_its_time_dies_of_that() {
    let widths: Vec<u32> = (2_393..=2_400).rev().collect();
    let order = json!({
        "pipeline": {"caps": {"memory": {"png": 1_000_000_000}}, "recipe": {"widths": widths}},
        "encoding": "webp", "cpu_seconds": 1, "parent": std::process::id(),
    });
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("original"), png(3_000, 2_400)).expect("written");
    let running = Program::new(env!("CARGO_BIN_EXE_stanchion"))
        .arg("render")
        .cwd(folder.path())
        .input(order.to_string().as_bytes())
        .start();
    let status = running.wait(DEADLINE).await;
    assert_eq!(
        status.signal(),
        Some(SIGXCPU),
        "{status}: {}",
        running.stderr()
    );
}
