//! A tar archive that depends on its contents alone.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use flate2::{Compression, GzBuilder};

// 1 January 2020: every time is the same, and none that a tool would call implausible.
const MODIFIED_SECONDS: u64 = 1_577_836_800;

/// One file of the archive.
pub(super) struct Entry {
    name: String,
    mode: u32,
    bytes: Vec<u8>,
}

impl Entry {
    pub(super) fn text(name: &str, bytes: Vec<u8>) -> Self {
        let name = name.to_owned();
        Self {
            name,
            mode: 0o644,
            bytes,
        }
    }

    pub(super) fn file(name: &str, path: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        Ok(Self::text(name, bytes))
    }

    pub(super) fn program(name: &str, path: &Path) -> anyhow::Result<Self> {
        let entry = Self::file(name, path)?;
        Ok(Self {
            mode: 0o755,
            ..entry
        })
    }
}

/// Packs the entries, sorted by name, into one folder.
pub(super) fn pack(folder: &str, entries: &[Entry]) -> anyhow::Result<Vec<u8>> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    // Neither the gzip header's time nor its file name is set.
    let gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    let mut builder = tar::Builder::new(gzip);
    for entry in sorted {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(entry.mode);
        header.set_mtime(MODIFIED_SECONDS);
        header.set_uid(0);
        header.set_gid(0);
        let path = format!("{folder}/{}", entry.name);
        builder.append_data(&mut header, path, entry.bytes.as_slice())?;
    }
    Ok(builder.into_inner()?.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> [Entry; 2] {
        let mut program = Entry::text("a-program", b"run".to_vec());
        program.mode = 0o755;
        [Entry::text("b-text", b"read".to_vec()), program]
    }

    #[test]
    fn the_same_contents_in_any_order_are_the_same_archive() {
        let [text, program] = entries();
        let one = pack("x-1", &entries()).unwrap();
        let other = pack("x-1", &[program, text]).unwrap();
        assert!(one == other);
    }

    #[test]
    fn what_was_packed_is_unpacked_with_its_mode() {
        let packed = pack("x-1", &entries()).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let listed: Vec<(String, u32, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                (
                    path,
                    entry.header().mode().unwrap(),
                    entry.header().mtime().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            listed,
            [
                ("x-1/a-program".to_owned(), 0o755, MODIFIED_SECONDS),
                ("x-1/b-text".to_owned(), 0o644, MODIFIED_SECONDS),
            ]
        );
    }
}
