//! `cargo xtask walk`: starts the archive's binary as a new user would and runs the README's commands.

mod blocks;
mod server;

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, iter};

use anyhow::{Context as _, bail, ensure};

use self::server::Server;
use crate::dist::Release;
use crate::metadata::Metadata;
use crate::shell;

/// The address that the README uses; the walk's server listens elsewhere, lest it meet another.
const README_ADDRESSES: &[&str] = &["127.0.0.1:8080", "localhost:8080"];

pub(crate) fn run() -> anyhow::Result<()> {
    let readme = fs::read_to_string(shell::root().join("README.md"))?;
    let blocks = blocks::marked(&readme)?;
    ensure!(
        !blocks.is_empty(),
        "README.md has no block marked with {}",
        blocks::MARK
    );

    let release = Release::of(&Metadata::load()?)?;
    let folder = tempfile::tempdir()?;
    let archive = fs::File::open(release.archive()).with_context(|| {
        format!(
            "{}: run cargo xtask dist first",
            release.archive().display()
        )
    })?;
    tar::Archive::new(flate2::read::GzDecoder::new(archive)).unpack(folder.path())?;
    let program = folder.path().join(&release.name).join("stanchion");

    let empty = folder.path().join("empty");
    fs::create_dir(&empty)?;
    let path = path_with(&folder.path().join(&release.name))?;
    check_cargo_run(&program)?;
    let server = Server::start(&program, &empty)?;
    for block in &blocks {
        let script = README_ADDRESSES
            .iter()
            .fold(block.script.clone(), |script, address| {
                script.replace(address, &server.address)
            });
        eprintln!("README.md:{}\n{script}", block.line);
        let status = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(&empty)
            .env("KEY", &server.key)
            .env("PATH", &path)
            .env("BASE", format!("http://{}", server.address))
            .stdin(Stdio::null())
            .status()
            .context("cannot start bash")?;
        if !status.success() {
            bail!("README.md:{}: {status}\n{}", block.line, server.output());
        }
    }
    server.stop()?;
    eprintln!("{} blocks of the README walked", blocks.len());
    Ok(())
}

/// The README's first command is `cargo run --release --`, which has to find the archive's program.
fn check_cargo_run(program: &Path) -> anyhow::Result<()> {
    let mut cargo = shell::cargo();
    let by_cargo = shell::output(cargo.args(["run", "--release", "--locked", "--", "--version"]))?;
    let by_name = shell::output(Command::new(program).arg("--version"))?;
    ensure!(
        by_cargo == by_name,
        "cargo run starts {by_cargo}, the archive holds {by_name}"
    );
    Ok(())
}

/// The README calls the program by its name.
fn path_with(folder: &Path) -> anyhow::Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}
