//! `cargo xtask tidy`: the house rules that no lint can check. Every breach is printed, one a line.

mod commands;
mod deploy;
mod layers;
mod rust;
mod sizes;
mod snapshot;
mod sources;
mod statements;

use std::io::Write as _;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::breach::Breach;
use crate::metadata::Metadata;
use crate::shell;

/// One text file of the repository.
#[derive(Debug)]
struct File {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

impl File {
    fn has_ending(&self, ending: &str) -> bool {
        self.path.ends_with(ending)
    }
}

pub(crate) fn run() -> anyhow::Result<()> {
    let metadata = Metadata::load()?;
    let files = files()?;
    let rules: &[(&str, Vec<Breach>)] = &[
        ("layers", layers::check(metadata.members())),
        ("sources", sources::check(&files)),
        ("statements", statements::check(&files)),
        ("commands", commands::check(&files, &crate::chores())),
        ("snapshot", snapshot::check(&files)),
        ("deploy", deploy::check(&files)),
    ];
    let mut output = std::io::stdout().lock();
    let mut count = 0;
    for (rule, breaches) in rules {
        for breach in breaches {
            writeln!(output, "{rule}: {breach}")?;
        }
        count += breaches.len();
    }
    writeln!(output, "{}", sizes::report(&files))?;
    if count > 0 {
        bail!("{count} breaches of the house rules");
    }
    Ok(())
}

/// Every UTF-8 file that git keeps or would keep.
fn files() -> anyhow::Result<Vec<File>> {
    let mut list = Command::new("git");
    list.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ])
    .current_dir(shell::root());
    let mut files = Vec::new();
    for path in shell::output(&mut list)?.split_terminator('\0') {
        let full = shell::root().join(path);
        // Deleted, but not yet committed so; or a link to a folder.
        if !full.is_file() {
            continue;
        }
        let bytes = std::fs::read(&full).with_context(|| path.to_owned())?;
        if let Ok(text) = String::from_utf8(bytes) {
            let path = path.to_owned();
            files.push(File { path, text });
        }
    }
    Ok(files)
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    let (path, text) = (path.to_owned(), text.to_owned());
    File { path, text }
}

#[cfg(test)]
fn shown(breaches: &[Breach]) -> Vec<String> {
    breaches.iter().map(ToString::to_string).collect()
}
