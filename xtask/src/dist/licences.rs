//! The licences of all that is in the binary, with their texts.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, ensure};

use crate::metadata::Package;

const NAMES: &[&str] = &[
    "LICENSE",
    "LICENCE",
    "COPYING",
    "NOTICE",
    "UNLICENSE",
    "COPYRIGHT",
];

/// A list of packages with their licences, then each text once, under the packages that carry it.
///
/// # Errors
/// When a package names no licence: such code must not be shipped.
pub(super) fn list(packages: &[&Package]) -> anyhow::Result<Vec<u8>> {
    let mut list = String::from("Stanchion contains these third-party packages.\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.source.is_some()) {
        let title = format!("{} {}", package.name, package.version);
        list.push_str(&format!("{title}: {}\n", expression(package)?));
        for text in texts_of(package)? {
            texts.entry(text).or_default().push(title.clone());
        }
    }
    for (text, carriers) in texts {
        let line = "=".repeat(80);
        list.push_str(&format!(
            "\n{line}\n{}\n{line}\n\n{text}\n",
            carriers.join(", ")
        ));
    }
    Ok(list.into_bytes())
}

/// The SPDX expression; the old form `MIT/Apache-2.0` means a choice.
pub(super) fn expression(package: &Package) -> anyhow::Result<String> {
    let licence = package.license.as_deref().unwrap_or_default();
    let carries_text = || texts_of(package).is_ok_and(|texts| !texts.is_empty());
    if licence.is_empty() && carries_text() {
        return Ok("LicenseRef-file".to_owned());
    }
    ensure!(
        !licence.is_empty(),
        "{} {} names no licence",
        package.name,
        package.version
    );
    Ok(licence.replace('/', " OR "))
}

fn texts_of(package: &Package) -> anyhow::Result<Vec<String>> {
    let folder = package.folder();
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if NAMES.iter().any(|start| name.starts_with(start)) && entry.path().is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        Ok(String::from_utf8_lossy(&bytes)
            .replace("\r\n", "\n")
            .trim()
            .to_owned())
    };
    paths.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &std::path::Path, licence: Option<&str>) -> Package {
        Package {
            id: name.to_owned(),
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: licence.map(str::to_owned),
            manifest_path: folder.join("Cargo.toml"),
            dependencies: Vec::new(),
            source: Some("registry".to_owned()),
        }
    }

    #[test]
    fn a_text_that_two_packages_carry_is_listed_once_under_both() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("LICENSE-MIT"), "Permission is granted\n").unwrap();
        let one = package("one", folder.path(), Some("MIT/Apache-2.0"));
        let two = package("two", folder.path(), Some("MIT"));
        let list = String::from_utf8(list(&[&one, &two]).unwrap()).unwrap();
        assert!(
            list.contains("one 1.0.0: MIT OR Apache-2.0\ntwo 1.0.0: MIT\n"),
            "{list}"
        );
        assert!(list.contains("one 1.0.0, two 1.0.0\n"), "{list}");
        assert_eq!(list.matches("Permission").count(), 1);
    }

    #[test]
    fn a_package_without_a_licence_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let nameless = package("nameless", folder.path(), None);
        assert!(
            list(&[&nameless])
                .unwrap_err()
                .to_string()
                .contains("nameless")
        );
    }
}
