//! `cargo xtask test`: installs what the tests need where it may, then runs all of them.

mod needs;

use std::path::Path;

use crate::metadata::Metadata;
use crate::shell;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only this package's tests, with only what they need
    #[arg(short, long)]
    package: Option<String>,
    /// Arguments for the test binaries, after `--`
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let metadata = Metadata::load()?;
    let packages: Vec<&str> = match &options.package {
        Some(name) => vec![metadata.package(name)?.name.as_str()],
        None => metadata
            .members()
            .map(|package| package.name.as_str())
            .collect(),
    };
    let tools = metadata.target_directory.join("tools");
    for need in needs::of(&packages) {
        need.provide(&tools)?;
    }
    announce_data();

    let mut command = shell::cargo();
    command.args(["test", "--all-features", "--locked"]);
    match &options.package {
        Some(name) => command.args(["--package", name]),
        None => command.arg("--workspace"),
    };
    if !options.rest.is_empty() {
        command.arg("--").args(&options.rest);
    }
    command.env("PATH", path_with(&tools)?);
    command.env("STANCHION_JDBC_JAR", needs::jdbc_driver(&tools));
    shell::run(&mut command)
}

/// A data set is the caller's to choose; the tests generate their input when there is none.
fn announce_data() {
    match std::env::var_os("STANCHION_DATA") {
        Some(folder) => eprintln!("STANCHION_DATA: {}", Path::new(&folder).display()),
        None => eprintln!("STANCHION_DATA is not set: tests of real input generate it"),
    }
}

fn path_with(tools: &Path) -> anyhow::Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ours = [tools.join("bin"), tools.join("node_modules/.bin")];
    let folders = ours.into_iter().chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}
