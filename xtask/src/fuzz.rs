//! `cargo xtask fuzz`: runs one fuzz target for a while.

use std::ffi::OsStr;

use anyhow::{Context as _, bail};

use crate::shell;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A file of fuzz/fuzz_targets, without its ending
    target: String,
    /// How long to look for trouble
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let targets = targets()?;
    if !targets.contains(&options.target) {
        bail!(
            "no target is called {}; there are {targets:?}",
            options.target
        );
    }
    if !shell::succeeds(shell::cargo().args(["fuzz", "--version"])) {
        bail!("cargo-fuzz is missing; run: cargo install cargo-fuzz");
    }
    let mut command = shell::cargo();
    command
        .args(["fuzz", "run", &options.target, "--"])
        .arg(format!("-max_total_time={}", options.seconds))
        // The sanitizers' flags are unstable, and the toolchain is the machine's.
        .env("RUSTC_BOOTSTRAP", "1");
    shell::run(&mut command)
}

fn targets() -> anyhow::Result<Vec<String>> {
    let mut targets = Vec::new();
    let folder = shell::root().join("fuzz/fuzz_targets");
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("rs")) {
            targets.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    targets.sort();
    Ok(targets)
}
