//! The commands that the documents show exist.

use super::File;
use crate::breach::Breach;

const CARGO: &[&str] = &[
    "add", "bench", "build", "check", "clippy", "doc", "fmt", "install", "run", "test", "lab",
    "xtask",
];
const DOCUMENTS: &[&str] = &["README.md", "CONTRIBUTING.md"];

/// The names that commands can have; an empty list stands for a program that is not there to ask.
struct Known {
    chores: Vec<String>,
    studies: Vec<String>,
    commands: Vec<String>,
}

pub(super) fn check(files: &[File], chores: &[String]) -> Vec<Breach> {
    let known = Known {
        chores: chores.to_owned(),
        studies: modules(files, "crates/lab/src/studies/"),
        commands: modules(files, "crates/server/src/commands/"),
    };
    files
        .iter()
        .filter(|file| DOCUMENTS.contains(&file.path.as_str()))
        .flat_map(|file| check_document(file, &known))
        .collect()
}

/// The subcommands of a program that has one module for each.
fn modules(files: &[File], folder: &str) -> Vec<String> {
    files
        .iter()
        .filter_map(|file| file.path.strip_prefix(folder)?.strip_suffix(".rs"))
        .filter(|name| !name.contains('/'))
        .map(|name| name.replace('_', "-"))
        .collect()
}

fn check_document(file: &File, known: &Known) -> Vec<Breach> {
    let mut in_block = false;
    let mut breaches = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        if !in_block {
            continue;
        }
        if let Some(what) = objection(line, known) {
            breaches.push(Breach::new(format!("{}:{}", file.path, index + 1), what));
        }
    }
    breaches
}

fn objection(line: &str, known: &Known) -> Option<String> {
    let line = line.trim_start().trim_start_matches("$ ");
    let words = || {
        line.split_whitespace()
            .skip_while(|word| word.contains('='))
    };
    let program = words().next()?.rsplit('/').next()?;
    let first = words().nth(1);
    match program {
        "cargo" => {
            let subcommand = first?;
            let argument = words().nth(2);
            match subcommand {
                "xtask" => unknown("cargo xtask", argument, &known.chores),
                "lab" => unknown("cargo lab", argument, &known.studies),
                "run" => unknown("stanchion", after_dashes(words()), &known.commands),
                _ if subcommand.starts_with(['+', '-']) || CARGO.contains(&subcommand) => None,
                _ => Some(format!("cargo has no `{subcommand}` here")),
            }
        }
        "stanchion" => unknown("stanchion", first, &known.commands),
        _ => None,
    }
}

fn after_dashes<'a>(words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    words.skip_while(|word| *word != "--").nth(1)
}

fn unknown(program: &str, name: Option<&str>, known: &[String]) -> Option<String> {
    let name = name.filter(|name| !name.starts_with('-'))?;
    let is_known = known.is_empty() || known.iter().any(|command| command == name);
    (!is_known).then(|| format!("`{program} {name}` does not exist; there are {known:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{file, shown};

    fn breaches(line: &str) -> Vec<String> {
        let readme = format!("`cargo nonsense` in prose\n\n```sh\n{line}\n```\n");
        let files = [
            file("README.md", &readme),
            file("crates/lab/src/studies/catalog.rs", ""),
            file("crates/server/src/commands/serve.rs", ""),
            file("crates/server/src/commands/key/create.rs", ""),
            file("crates/server/src/commands/key.rs", ""),
        ];
        shown(&check(&files, &["test".to_owned(), "tidy".to_owned()]))
    }

    #[test]
    fn commands_that_exist_pass() {
        for line in [
            "cargo xtask test -p stanchion-store",
            "cargo lab catalog",
            "cargo run --release -- serve --demo",
            "RUST_LOG=debug ./stanchion serve",
            "target/release/stanchion key create --name ci",
            "stanchion --help",
            "curl -s localhost:8080/v1/products",
        ] {
            assert_eq!(breaches(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn commands_that_do_not_exist_are_found_with_their_line() {
        let found = breaches("cargo xtask polish");
        assert!(
            found[0].starts_with("README.md:4: `cargo xtask polish`"),
            "{found:?}"
        );
        for line in [
            "cargo lab limiter",
            "cargo run -- fly",
            "stanchion fly",
            "cargo fly",
        ] {
            assert_eq!(breaches(line).len(), 1, "{line}");
        }
    }
}
