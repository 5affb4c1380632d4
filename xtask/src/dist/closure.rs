//! What is in the binary: the packages that are linked into it, and the lock file's checksums.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;

use crate::metadata::{Metadata, Package};
use crate::shell;

/// The package and all that its default features take as normal dependencies on this target, by name.
///
/// `cargo tree` knows the features of one package alone; `cargo metadata` mixes those of all members.
pub(super) fn of<'a>(
    metadata: &'a Metadata,
    package: &str,
    target: &str,
) -> anyhow::Result<Vec<&'a Package>> {
    let mut tree = shell::cargo();
    tree.args([
        "tree",
        "--locked",
        "--package",
        package,
        "--edges",
        "normal",
    ])
    .args(["--target", target, "--prefix", "none", "--format", "{p}"]);
    let linked = parse_tree(&shell::output(&mut tree)?);
    let mut packages: Vec<&Package> = metadata
        .packages
        .iter()
        .filter(|package| linked.contains(&(package.name.clone(), package.version.clone())))
        .collect();
    packages.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(packages)
}

/// Names and versions from lines like `serde v1.0.0 (proc-macro) (*)`.
fn parse_tree(text: &str) -> BTreeSet<(String, String)> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?;
            let version = words.next()?.strip_prefix('v')?;
            Some((name.to_owned(), version.to_owned()))
        })
        .collect()
}

/// The SHA-256 of each registry package's source, by name and version.
pub(super) fn checksums(lock: &Path) -> anyhow::Result<BTreeMap<(String, String), String>> {
    let text = std::fs::read_to_string(lock).with_context(|| lock.display().to_string())?;
    Ok(parse_lock(&text))
}

fn parse_lock(text: &str) -> BTreeMap<(String, String), String> {
    let field = |block: &str, name: &str| {
        let start = format!("{name} = \"");
        let value = block.lines().find_map(|line| line.strip_prefix(&start))?;
        Some(value.trim_end_matches('"').to_owned())
    };
    text.split("[[package]]")
        .filter_map(|block| {
            let key = (field(block, "name")?, field(block, "version")?);
            Some((key, field(block, "checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_tree_are_read_once_each() {
        let text = "stanchion v0.1.0 (/some/where)\nserde v1.0.0\nserde v1.0.0 (*)\n\nx v2.0.0 (proc-macro)\n";
        let read = parse_tree(text);
        let names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["serde", "stanchion", "x"]);
    }

    #[test]
    fn checksums_are_read_from_the_lock_file() {
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ff\"\n\n\
            [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        let read = parse_lock(text);
        assert_eq!(read.len(), 1);
        assert_eq!(read[&("a".to_owned(), "1.0.0".to_owned())], "ff");
    }

    #[test]
    fn the_kernel_is_linked_with_what_it_needs_and_nothing_of_the_tests() {
        let metadata = Metadata::load().unwrap();
        let host = crate::dist::host().unwrap();
        let linked = of(&metadata, "stanchion-kernel", &host).unwrap();
        let has = |name: &str| linked.iter().any(|package| package.name == name);
        assert!(has("stanchion-kernel") && has("uuid"));
        assert!(!has("proptest"));
    }
}
