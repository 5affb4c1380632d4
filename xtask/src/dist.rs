//! `cargo xtask dist`: the release archive, its checksums and its bill of materials.

mod archive;
mod closure;
mod licences;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use self::archive::Entry;
use crate::metadata::Metadata;
use crate::shell;

const PACKAGE: &str = "stanchion";

/// Where the archive of this version for this machine is, or will be.
pub(crate) struct Release {
    /// `stanchion-VERSION-TARGET`: the archive's name without its ending, and its one folder.
    pub(crate) name: String,
    folder: PathBuf,
    host: String,
}

impl Release {
    pub(crate) fn of(metadata: &Metadata) -> anyhow::Result<Self> {
        let version = &metadata.package(PACKAGE)?.version;
        let host = host()?;
        Ok(Self {
            name: format!("{PACKAGE}-{version}-{host}"),
            folder: metadata.target_directory.join("dist"),
            host,
        })
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.folder.join(format!("{}.tar.gz", self.name))
    }
}

pub(crate) fn run() -> anyhow::Result<()> {
    let metadata = Metadata::load()?;
    let release = Release::of(&metadata)?;
    let mut build = shell::cargo();
    build.args(["build", "--release", "--locked", "--package", PACKAGE]);
    shell::run(&mut build)?;

    let packages = closure::of(&metadata, PACKAGE, &release.host)?;
    let checksums = closure::checksums(&shell::root().join("Cargo.lock"))?;
    let sbom =
        serde_json::to_vec_pretty(&sbom::document(&metadata, PACKAGE, &packages, &checksums)?)?;
    let entries = [
        Entry::program(
            "stanchion",
            &metadata.target_directory.join("release/stanchion"),
        )?,
        Entry::file("LICENSE", &shell::root().join("LICENSE"))?,
        Entry::file("README.md", &shell::root().join("README.md"))?,
        Entry::text("THIRD-PARTY.txt", licences::list(&packages)?),
        Entry::text("sbom.cdx.json", sbom.clone()),
    ];
    fs::create_dir_all(&release.folder)?;
    fs::write(release.archive(), archive::pack(&release.name, &entries)?)?;
    let bill = release.folder.join(format!("{}.cdx.json", release.name));
    fs::write(&bill, sbom)?;
    let sums = write_checksums(&release.folder, &[release.archive(), bill])?;
    eprintln!(
        "{}: {} third-party packages\n{sums}",
        release.archive().display(),
        packages.len() - 1
    );
    Ok(())
}

/// In the form that `sha256sum --check` reads.
fn write_checksums(folder: &Path, files: &[PathBuf]) -> anyhow::Result<String> {
    let mut sums = String::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        sums.push_str(&format!(
            "{}  {name}\n",
            hex(&Sha256::digest(fs::read(path)?))
        ));
    }
    fs::write(folder.join("SHA256SUMS"), &sums)?;
    Ok(sums)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The target that cargo builds for when it is not told one.
fn host() -> anyhow::Result<String> {
    let mut rustc =
        std::process::Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let version = shell::output(rustc.arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say its host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_have_the_form_that_sha256sum_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        let sums = write_checksums(folder.path(), &[path]).unwrap();
        assert_eq!(
            sums,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  abc\n"
        );
        let mut check = std::process::Command::new("sha256sum");
        check
            .args(["--check", "--strict", "SHA256SUMS"])
            .current_dir(folder.path());
        assert!(shell::succeeds(&mut check));
    }
}
