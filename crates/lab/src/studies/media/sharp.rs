//! The peer: npm's sharp, which is libvips, in a folder of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use stanchion_media::Encoding;

const PACKAGE: &str = "sharp@0.35";
const SCRIPT: &str = include_str!("sharp.js");

pub(super) struct Sharp {
    folder: PathBuf,
}

impl Sharp {
    /// Needs node and npm.
    pub(super) fn install(folder: &Path) -> anyhow::Result<Self> {
        let status = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
            .arg(folder)
            .arg(PACKAGE)
            .status()
            .context("npm is missing; install nodejs and npm")?;
        ensure!(status.success(), "npm could not install {PACKAGE}");
        std::fs::write(folder.join("sharp.js"), SCRIPT)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Writes pixels of three channels in the format that a file's name says.
    pub(super) fn convert(
        &self,
        pixels: &Path,
        (width, height): (u32, u32),
        to: &Path,
    ) -> anyhow::Result<()> {
        let (width, height) = (width.to_string(), height.to_string());
        self.call(&[
            OsStr::new("convert"),
            pixels.as_ref(),
            to.as_ref(),
            width.as_ref(),
            height.as_ref(),
        ])
        .map(drop)
    }

    /// The pixels of a picture that was decoded whole and resized with the best filter.
    pub(super) fn reference(&self, picture: &Path, width: u32) -> anyhow::Result<Vec<u8>> {
        let raw = self.folder.join("reference.raw");
        let width = width.to_string();
        self.call(&[
            OsStr::new("reference"),
            picture.as_ref(),
            raw.as_ref(),
            width.as_ref(),
        ])?;
        Ok(std::fs::read(raw)?)
    }

    /// The pixels of an encoded picture.
    pub(super) fn pixels(&self, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (encoded, raw) = (self.folder.join("encoded"), self.folder.join("seen.raw"));
        std::fs::write(&encoded, bytes)?;
        self.call(&[OsStr::new("pixels"), encoded.as_ref(), raw.as_ref()])?;
        Ok(std::fs::read(raw)?)
    }

    /// CPU milliseconds of a rendition, of many, and the last one.
    pub(super) fn render(
        &self,
        picture: &Path,
        width: u32,
        encoding: Encoding,
        pictures: u32,
    ) -> anyhow::Result<(f64, Vec<u8>)> {
        let out = self.folder.join("rendered");
        let (format, quality) = match encoding {
            Encoding::Jpeg => ("jpeg", "80"),
            Encoding::Webp => ("webp", "75"),
        };
        let (width, pictures) = (width.to_string(), pictures.to_string());
        let said = self.call(&[
            OsStr::new("render"),
            picture.as_ref(),
            out.as_ref(),
            width.as_ref(),
            format.as_ref(),
            quality.as_ref(),
            pictures.as_ref(),
        ])?;
        let cpu_ms = said.trim().parse().context("sharp.js prints a number")?;
        Ok((cpu_ms, std::fs::read(out)?))
    }

    fn call(&self, arguments: &[&OsStr]) -> anyhow::Result<String> {
        let output = Command::new("node")
            .arg(self.folder.join("sharp.js"))
            .args(arguments)
            .output()
            .context("node is missing; install nodejs")?;
        let trouble = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "sharp.js: {trouble}");
        Ok(String::from_utf8(output.stdout)?)
    }
}
